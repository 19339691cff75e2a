//! CIFAR-10 and CIFAR-100 in all the ways in which a folder may hold them.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use laptime_workload::dataset::{
    DataError, DataSource, Found, LoadOptions, Loaded, Origin, Policy, Silent, cache_folder, fetch,
    list, load, synthetic, verify,
};

fn source() -> &'static DataSource {
    DataSource::find("cifar-10").unwrap()
}

/// Well-formed files of zeros, which need no space on the disk.
fn write_files(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for file in source().files {
        let path = folder.join(file.name);
        File::create(path).unwrap().set_len(file.bytes).unwrap();
    }
}

fn write_at(path: &Path, byte: u64, value: u8) {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(byte)).unwrap();
    file.write_all(&[value]).unwrap();
}

fn load_from(data_dir: &Path, policy: Policy) -> Result<Loaded, DataError> {
    let options = LoadOptions {
        policy,
        data_dir: Some(data_dir.to_owned()),
        cache: Some(data_dir.join("no-cache")),
        offline: true,
        mirror: None,
    };
    load(&source().into(), &options, &mut Silent)
}

#[track_caller]
fn assert_refused(data_dir: &Path, policy: Policy, expected: &str) {
    let message = load_from(data_dir, policy).unwrap_err().to_string();
    assert!(
        message.contains(expected),
        "{message}\nexpected: {expected}"
    );
}

/// Whether the real files are where they can be tested with.
fn has_real_files() -> bool {
    let folder = cache_folder().unwrap().join(source().name());
    let states = list(source(), &folder).unwrap();
    let found = states
        .iter()
        .all(|state| state.found == Found::OfficialSize);
    if !found {
        println!("skipped: {} has no {}", folder.display(), source());
    }
    found
}

#[test]
fn well_formed_files_are_read_from_both_places_and_are_unverified() {
    for place in ["cifar-10", "cifar-10/cifar-10-batches-bin"] {
        let data_dir = tempfile::tempdir().unwrap();
        let folder = data_dir.path().join(place);
        write_files(&folder);
        let second = folder.join("data_batch_2.bin");
        // The label and the first values of the three planes of the second record.
        for (byte, value) in [(3073, 7), (3074, 1), (3074 + 1024, 2), (3074 + 2048, 3)] {
            write_at(&second, byte, value);
        }
        let test = folder.join("test_batch.bin");
        write_at(&test, 30_730_000 - 1, 200);
        let Loaded { dataset, warning } = load_from(data_dir.path(), Policy::Auto).unwrap();
        assert_eq!(dataset.origin, Origin::Unverified);
        assert!(warning.unwrap().contains("not the official cifar-10"));
        assert_eq!(
            (dataset.train.count(), dataset.test.count()),
            (50_000, 10_000)
        );
        assert_eq!(dataset.train.array("labels").bytes[10_001], 7);
        assert_eq!(
            dataset.train.array("pixels").bytes[10_001 * 3072..][..4],
            [1, 2, 3, 0]
        );
        assert_eq!(dataset.test.array("pixels").bytes.last(), Some(&200));
        assert_refused(data_dir.path(), Policy::Official, "takes no other");
    }
}

#[test]
fn wrong_files_are_refused_with_their_place() {
    let data_dir = tempfile::tempdir().unwrap();
    let folder = data_dir.path().join(source().name());
    fs::create_dir(&folder).unwrap();
    let refused = |expected| assert_refused(data_dir.path(), Policy::Auto, expected);
    refused("data_batch_1.bin: this file is missing");
    write_files(&folder);
    let third = folder.join("data_batch_3.bin");
    let set_len = |bytes| {
        File::options()
            .write(true)
            .open(&third)
            .unwrap()
            .set_len(bytes)
            .unwrap()
    };
    write_at(&third, 3073 * 9_999, 10);
    refused("data_batch_3.bin: at byte 30726927: label 10 is not below 10");
    set_len(30_729_999);
    write_at(&third, 3073 * 9_999, 9);
    refused("data_batch_3.bin: at byte 30729999: it ends here, 1 bytes too early");
    set_len(1 << 40);
    refused("data_batch_3.bin: at byte 30730000: more bytes follow");
    fs::remove_file(&third).unwrap();
    refused("data_batch_3.bin: this file is missing");
    refused("kriz/cifar-10-binary.tar.gz)");
    fs::create_dir(&third).unwrap();
    refused("check that it is a file that can be read");
}

/// An archive of well-formed files of zeros, but for the first label of the test batch.
fn write_archive(path: &Path, label: u8) {
    let mut tar = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    for file in source().files {
        let name = format!("cifar-10-batches-bin/{}", file.name);
        let is_test = file.name.starts_with("test");
        write_entry(&mut tar, &name, file.bytes, if is_test { label } else { 0 });
    }
    tar.write_all(&[0; 1024]).unwrap();
    tar.finish().unwrap();
}

/// A file of an archive: zeros, but for the first byte.
fn write_entry(tar: &mut impl Write, name: &str, bytes: u64, first: u8) {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(format!("{bytes:011o}").as_bytes());
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
    tar.write_all(&header).unwrap();
    tar.write_all(&[first]).unwrap();
    let rest_bytes = bytes.next_multiple_of(512) - 1;
    io::copy(&mut io::repeat(0).take(rest_bytes), tar).unwrap();
}

#[test]
fn an_archive_is_read_where_it_lies() {
    let data_dir = tempfile::tempdir().unwrap();
    let folder = data_dir.path().join(source().name());
    fs::create_dir(&folder).unwrap();
    let archive = folder.join("cifar-10-binary.tar.gz");
    write_archive(&archive, 8);
    let Loaded { dataset, .. } = load_from(data_dir.path(), Policy::Auto).unwrap();
    assert_eq!(dataset.origin, Origin::Unverified);
    assert_eq!(dataset.train.count(), 50_000);
    assert_eq!(dataset.test.array("labels").bytes[..2], [8, 0]);
    assert_refused(data_dir.path(), Policy::Official, "takes no other");
    write_archive(&archive, 10);
    let expected = "test_batch.bin: label 10 is not below 10";
    assert_refused(data_dir.path(), Policy::Auto, expected);
    let whole_bytes = fs::metadata(&archive).unwrap().len();
    let file = File::options().write(true).open(&archive).unwrap();
    file.set_len(whole_bytes / 2).unwrap();
    let expected = "the file ends too early";
    assert_refused(data_dir.path(), Policy::Auto, expected);
}

#[test]
fn an_archive_that_is_none_is_refused_with_its_place() {
    let data_dir = tempfile::tempdir().unwrap();
    let folder = data_dir.path().join(source().name());
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("cifar-10-binary.tar.gz"), "not gzip at all").unwrap();
    let expected = "cifar-10-binary.tar.gz: at byte";
    assert_refused(data_dir.path(), Policy::Auto, expected);
    let states = verify(source(), &folder).unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].found, Found::Other);
}

#[test]
fn a_damaged_cache_is_an_error_and_an_empty_one_is_not() {
    let cache = tempfile::tempdir().unwrap();
    let options = LoadOptions {
        cache: Some(cache.path().to_owned()),
        offline: true,
        ..LoadOptions::default()
    };
    let loaded = load(&source().into(), &options, &mut Silent).unwrap();
    assert_eq!(loaded.dataset.origin, Origin::Synthetic);
    let folder = cache.path().join(source().name());
    fs::create_dir(&folder).unwrap();
    let archive = folder.join("cifar-10-binary.tar.gz");
    fs::write(&archive, "not gzip at all").unwrap();
    let error = load(&source().into(), &options, &mut Silent).unwrap_err();
    assert!(matches!(error, DataError::Malformed { .. }), "{error}");
    write_files(&folder);
    let error = load(&source().into(), &options, &mut Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("data_batch_1.bin: its SHA-256"), "{error}");
    assert!(error.contains("downloads are switched off"), "{error}");
}

/// Files of two sizes, whose records have a coarse and a fine label, of which the fine one is learnt: from the archive,
/// and from the folder that it unpacks to.
#[test]
fn cifar_100_is_read_with_its_fine_labels() {
    let source = DataSource::find("cifar-100").unwrap();
    let read = |data_dir: &Path| {
        let options = LoadOptions {
            policy: Policy::Auto,
            data_dir: Some(data_dir.to_owned()),
            cache: Some(data_dir.join("no-cache")),
            offline: true,
            mirror: None,
        };
        load(&source.into(), &options, &mut Silent).map(|it| it.dataset)
    };
    let data_dir = tempfile::tempdir().unwrap();
    let folder = data_dir.path().join("cifar-100/cifar-100-binary");
    fs::create_dir_all(&folder).unwrap();
    for file in source.files {
        let path = folder.join(file.name);
        File::create(path).unwrap().set_len(file.bytes).unwrap();
    }
    let train = folder.join("train.bin");
    // The second record: a coarse and a fine label, and the first values of the three planes.
    for (byte, value) in [(0, 19), (1, 99), (2, 1), (2 + 1024, 2), (2 + 2048, 3)] {
        write_at(&train, 3074 + byte, value);
    }
    let dataset = read(data_dir.path()).unwrap();
    let counts = (dataset.train.count(), dataset.test.count());
    assert_eq!(
        (dataset.origin, counts),
        (Origin::Unverified, (50_000, 10_000))
    );
    assert_eq!(dataset.train.array("labels").bytes[..3], [0, 99, 0]);
    assert_eq!(
        dataset.train.array("pixels").bytes[3072..][..4],
        [1, 2, 3, 0]
    );
    write_at(&train, 3075, 100);
    let error = read(data_dir.path()).unwrap_err().to_string();
    let expected = "train.bin: at byte 3075: label 100 is not below 100";
    assert!(error.contains(expected), "{error}");

    // The real archive has other files too, in this order.
    fs::remove_dir_all(&folder).unwrap();
    let archive = data_dir.path().join("cifar-100/cifar-100-binary.tar.gz");
    let mut tar = GzEncoder::new(File::create(&archive).unwrap(), Compression::fast());
    for (name, bytes) in [
        ("fine_label_names.txt", 700),
        ("test.bin", 30_740_000),
        ("train.bin", 153_700_000),
    ] {
        write_entry(&mut tar, &format!("cifar-100-binary/{name}"), bytes, 7);
    }
    tar.write_all(&[0; 1024]).unwrap();
    tar.finish().unwrap();
    let dataset = read(data_dir.path()).unwrap();
    assert_eq!(dataset.test.array("labels").bytes.len(), 10_000);
    assert_eq!(dataset.train.count(), 50_000);
}

#[test]
fn synthetic_samples_have_the_shape_and_do_not_depend_on_their_count() {
    let few = synthetic(&source().description, 3, 1);
    let more = synthetic(&source().description, 500, 7);
    assert_eq!(more.train.array("pixels").bytes.len(), 500 * 3072);
    assert_eq!(
        few.train.array("pixels").bytes,
        more.train.array("pixels").bytes[..3 * 3072]
    );
    assert_eq!(
        few.train.array("labels").bytes,
        more.train.array("labels").bytes[..3]
    );
    assert_eq!(
        few.test.array("pixels").bytes,
        more.test.array("pixels").bytes[..3072]
    );
    let known = "2233cc5e68766d0bc5330355f577db4152faf88875516303a2fba3d42799f5f2";
    assert_eq!(few.sha256, known);
}

#[test]
fn the_official_files_are_read_where_the_cache_has_them() {
    if !has_real_files() {
        return;
    }
    let options = LoadOptions {
        policy: Policy::Official,
        offline: true,
        ..LoadOptions::default()
    };
    let Loaded { dataset, warning } = load(&source().into(), &options, &mut Silent).unwrap();
    assert_eq!((dataset.origin, warning), (Origin::Official, None));
    assert_eq!(dataset.train.array("pixels").bytes.len(), 50_000 * 3072);
    // A frog, two trucks, a deer and a car; the frog's first pixels.
    assert_eq!(dataset.train.array("labels").bytes[..5], [6, 9, 9, 4, 1]);
    assert_eq!(
        dataset.train.array("pixels").bytes[..6],
        [59, 62, 63, 43, 46, 45]
    );
    for samples in [&dataset.train, &dataset.test] {
        for class in 0..10 {
            let labels = samples.array("labels").bytes.iter();
            let count = labels.filter(|&&label| label == class).count();
            assert_eq!(count, samples.count() / 10);
        }
    }
    // What is there needs no archive, and so no network.
    let folder = cache_folder().unwrap().join(source().name());
    let nowhere = Some("http://127.0.0.1:1");
    assert_eq!(
        fetch(source(), &folder, nowhere, &mut Silent).unwrap(),
        [""; 0]
    );
}
