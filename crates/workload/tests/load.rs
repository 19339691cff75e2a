//! Where datasets are loaded from, and what is refused.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use laptime_workload::dataset::{
    DataError, DataSource, Found, LoadOptions, Loaded, Origin, Policy, Silent, cache_folder, list,
    load, verify,
};
use tempfile::TempDir;

fn source() -> &'static DataSource {
    DataSource::find("fashion-mnist").unwrap()
}

/// A folder with a cache that has nothing, and nothing to download.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, parent: &str) -> PathBuf {
        let folder = self.0.path().join(parent).join(source().name());
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn load(&self, policy: Policy, data_dir: Option<&str>) -> Result<Loaded, DataError> {
        let options = LoadOptions {
            policy,
            data_dir: data_dir.map(|name| self.0.path().join(name)),
            cache: Some(self.0.path().join("cache")),
            offline: true,
            mirror: None,
        };
        load(&source().into(), &options, &mut Silent)
    }

    #[track_caller]
    fn assert_refused(&self, policy: Policy, data_dir: Option<&str>, expected: &str) {
        let message = self.load(policy, data_dir).unwrap_err().to_string();
        assert!(
            message.contains(expected),
            "{message}\nexpected: {expected}"
        );
    }
}

/// Writes well-formed files of zeros, except that label `label_at` of the test set is `label`.
fn write_files(folder: &Path, label_at: usize, label: u8) {
    for (name, bytes) in files(label_at, label) {
        fs::write(folder.join(name), gzip(&bytes)).unwrap();
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Each file's name and its contents before they are packed.
fn files(label_at: usize, label: u8) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    source().files.iter().map(move |file| {
        let mut bytes = vec![0, 0, 8, file.dimensions.len() as u8];
        for &dimension in file.dimensions {
            bytes.extend((dimension as u32).to_be_bytes());
        }
        let header_bytes = bytes.len();
        bytes.resize(header_bytes + file.dimensions.iter().product::<usize>(), 0);
        if file.name.starts_with("t10k-labels") {
            bytes[header_bytes + label_at] = label;
        }
        (file.name, bytes)
    })
}

#[test]
fn without_data_or_network_samples_are_synthetic_and_it_is_said() {
    let place = Place::new();
    let loaded = place.load(Policy::Auto, None).unwrap();
    assert_eq!(loaded.dataset.origin, Origin::Synthetic);
    assert_eq!(
        (loaded.dataset.train.count(), loaded.dataset.test.count()),
        (60_000, 10_000)
    );
    let warning = loaded.warning.unwrap();
    assert!(warning.contains("SYNTHETIC"), "{warning}");
    assert!(warning.contains("downloads are switched off"), "{warning}");
    place.assert_refused(Policy::Official, None, "fashion-mnist is not there");
    let loaded = place.load(Policy::Synthetic, None).unwrap();
    assert_eq!(
        (loaded.dataset.origin, loaded.warning),
        (Origin::Synthetic, None)
    );
}

#[cfg(feature = "download")]
#[test]
fn a_server_that_cannot_be_reached_is_no_reason_to_stop_but_for_official_data() {
    let place = Place::new();
    let mut options = LoadOptions {
        cache: Some(place.0.path().to_owned()),
        mirror: Some("http://127.0.0.1:1".into()),
        ..LoadOptions::default()
    };
    let loaded = load(&source().into(), &options, &mut Silent).unwrap();
    assert!(loaded.warning.unwrap().contains("127.0.0.1:1/train-images"));
    options.policy = Policy::Official;
    let error = load(&source().into(), &options, &mut Silent).unwrap_err();
    assert!(matches!(error, DataError::Download { .. }), "{error}");
}

#[cfg(feature = "download")]
#[test]
fn a_cache_that_cannot_be_written_is_no_reason_to_stop_but_for_official_data() {
    let place = Place::new();
    fs::write(place.0.path().join("cache"), "a file").unwrap();
    let mut options = LoadOptions {
        cache: Some(place.0.path().join("cache")),
        ..LoadOptions::default()
    };
    let loaded = load(&source().into(), &options, &mut Silent).unwrap();
    assert!(loaded.warning.unwrap().contains("XDG_CACHE_HOME"));
    options.policy = Policy::Official;
    for name in DataSource::all() {
        let error = load(&name.into(), &options, &mut Silent).unwrap_err();
        assert!(matches!(error, DataError::Cache { .. }), "{error}");
    }
}

#[cfg(not(feature = "download"))]
#[test]
fn a_build_without_downloads_says_where_files_belong() {
    let place = Place::new();
    let mut options = LoadOptions {
        cache: Some(place.0.path().to_owned()),
        ..LoadOptions::default()
    };
    let loaded = load(&source().into(), &options, &mut Silent).unwrap();
    assert!(loaded.warning.unwrap().contains("has no downloads"));
    options.policy = Policy::Official;
    let message = load(&source().into(), &options, &mut Silent)
        .unwrap_err()
        .to_string();
    let folder = place.0.path().join(source().name()).display().to_string();
    assert!(message.contains(&folder), "{message}");
}

#[test]
fn other_files_than_the_official_ones_are_unverified_in_the_data_dir_only() {
    let place = Place::new();
    write_files(&place.folder("mine"), 0, 9);
    let loaded = place.load(Policy::Auto, Some("mine")).unwrap();
    assert_eq!(loaded.dataset.origin, Origin::Unverified);
    assert_eq!(loaded.dataset.test.array("labels").bytes[..2], [9, 0]);
    assert!(
        loaded
            .warning
            .unwrap()
            .contains("not the official fashion-mnist")
    );
    place.assert_refused(
        Policy::Official,
        Some("mine"),
        "`--data official` takes no other",
    );
    write_files(&place.folder("cache"), 0, 9);
    place.assert_refused(Policy::Auto, None, "downloads are switched off");
}

#[test]
fn a_wrong_data_dir_is_never_passed_over() {
    let place = Place::new();
    place.assert_refused(Policy::Auto, Some("nowhere"), "there is no such folder");
    let folder = place.folder("mine");
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "train-images-idx3-ubyte.gz: this file is missing",
    );
    write_files(&folder, 123, 10);
    let label = "at byte 131 of its decompressed contents: label 10 is not below 10";
    place.assert_refused(Policy::Auto, Some("mine"), label);
    let images = folder.join("t10k-images-idx3-ubyte.gz");
    let sound = fs::read(&images).unwrap();
    fs::write(&images, &sound[..sound.len() / 2]).unwrap();
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "t10k-images-idx3-ubyte.gz: at byte",
    );
    fs::write(&images, vec![0; 9_000_000]).unwrap();
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "the most that fashion-mnist can need",
    );
    fs::remove_file(&images).unwrap();
    fs::create_dir(&images).unwrap();
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "check that it is a file that can be read",
    );
}

/// A pipe that nobody writes to would be waited for.
#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused() {
    let place = Place::new();
    let folder = place.folder("mine");
    write_files(&folder, 0, 0);
    let labels = folder.join("t10k-labels-idx1-ubyte.gz");
    fs::remove_file(&labels).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&labels).status();
    assert!(made.unwrap().success());
    // So that a reader that opens it fails this test and does not hang in it.
    std::thread::spawn(move || fs::File::create(labels));
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "t10k-labels-idx1-ubyte.gz: this is not a plain file",
    );
}

#[test]
fn a_data_dir_without_the_dataset_is_said_and_the_search_goes_on() {
    let place = Place::new();
    fs::create_dir(place.0.path().join("empty")).unwrap();
    let warning = place
        .load(Policy::Auto, Some("empty"))
        .unwrap()
        .warning
        .unwrap();
    assert!(
        warning.contains("SYNTHETIC") && warning.contains("empty"),
        "{warning}"
    );
}

/// What `gunzip` makes of a dataset, in this folder.
fn write_unpacked(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files(0, 9) {
        fs::write(folder.join(name.trim_end_matches(".gz")), bytes).unwrap();
    }
}

#[test]
fn unpacked_files_are_read_where_torchvision_and_kaggle_put_them() {
    for folder in ["fashion-mnist", "FashionMNIST/raw", ""] {
        let place = Place::new();
        let folder = place.0.path().join("mine").join(folder);
        write_unpacked(&folder);
        let loaded = place.load(Policy::Auto, Some("mine")).unwrap();
        assert_eq!(loaded.dataset.origin, Origin::Unverified);
        assert_eq!(loaded.dataset.test.array("labels").bytes[..2], [9, 0]);
        let labels = folder.join("t10k-labels-idx1-ubyte");
        let mut bytes = fs::read(&labels).unwrap();
        bytes[13] = 10;
        fs::write(&labels, bytes).unwrap();
        let label = "t10k-labels-idx1-ubyte: at byte 13: label 10 is not below 10";
        place.assert_refused(Policy::Auto, Some("mine"), label);
        // What is published comes first.
        write_files(&folder, 0, 7);
        let loaded = place.load(Policy::Auto, Some("mine")).unwrap();
        assert_eq!(loaded.dataset.test.array("labels").bytes[..2], [7, 0]);
    }
}

#[test]
fn gzip_of_several_members_with_zeros_behind_is_read() {
    let place = Place::new();
    let folder = place.folder("mine");
    for (name, bytes) in files(0, 9) {
        let (first, second) = bytes.split_at(bytes.len() / 3);
        let file = [gzip(first), gzip(second), vec![0; 512]].concat();
        fs::write(folder.join(name), file).unwrap();
    }
    let loaded = place.load(Policy::Auto, Some("mine")).unwrap();
    assert_eq!(loaded.dataset.test.array("labels").bytes[..2], [9, 0]);
    let labels = folder.join("t10k-labels-idx1-ubyte.gz");
    let garbage = [fs::read(&labels).unwrap(), b"more".to_vec()].concat();
    fs::write(&labels, garbage).unwrap();
    place.assert_refused(
        Policy::Auto,
        Some("mine"),
        "what follows its end is neither gzip data nor zeros",
    );
}

#[test]
fn what_others_have_and_cannot_be_read_is_named() {
    let place = Place::new();
    let base = place.0.path().join("mine");
    fs::create_dir(&base).unwrap();
    let csv = "found fashion-mnist_train.csv, which is Kaggle's CSV; laptime reads IDX files";
    fs::write(base.join("fashion-mnist_train.csv"), "label,pixel1").unwrap();
    let loaded = place.load(Policy::Auto, Some("mine")).unwrap();
    let warning = loaded.warning.unwrap();
    assert!(warning.contains(csv), "{warning}");
    let folder = place.folder("mine");
    fs::write(folder.join("fashion-mnist_train.csv"), "label,pixel1").unwrap();
    place.assert_refused(Policy::Auto, Some("mine"), csv);
}

#[test]
fn files_are_listed_and_verified() {
    let place = Place::new();
    let folder = place.folder("cache");
    let official = &source().files[3];
    fs::write(folder.join(official.name), vec![0; official.bytes as usize]).unwrap();
    fs::write(folder.join(source().files[2].name), "short").unwrap();
    let found = |states: Vec<_>| -> Vec<Found> {
        let states: Vec<laptime_workload::dataset::FileState> = states;
        states.into_iter().map(|state| state.found).collect()
    };
    use Found::{Missing, OfficialSize, Other};
    assert_eq!(
        found(list(source(), &folder).unwrap()),
        [Missing, Missing, Other, OfficialSize]
    );
    assert_eq!(
        found(verify(source(), &folder).unwrap()),
        [Missing, Missing, Other, Other]
    );
}

#[test]
fn the_official_files_are_read_where_the_cache_has_them() {
    let options = LoadOptions {
        policy: Policy::Official,
        offline: true,
        ..LoadOptions::default()
    };
    let cache = cache_folder().unwrap();
    let loaded = match load(&source().into(), &options, &mut Silent) {
        Err(DataError::Offline { .. }) => {
            println!("skipped: {} has no fashion-mnist", cache.display());
            return;
        }
        loaded => loaded.unwrap(),
    };
    assert_eq!(
        (loaded.dataset.origin, loaded.warning),
        (Origin::Official, None)
    );
    // Unpacked they are the same data, and so they have the same sum.
    let folder = tempfile::tempdir().unwrap();
    for file in source().files {
        let packed = fs::read(cache.join(source().name()).join(file.name)).unwrap();
        let mut bytes = Vec::new();
        let read = GzDecoder::new(&packed[..]).read_to_end(&mut bytes);
        read.unwrap();
        fs::write(folder.path().join(file.unpacked.unwrap().name), bytes).unwrap();
    }
    let unpacked = LoadOptions {
        data_dir: Some(folder.path().to_owned()),
        ..options
    };
    let unpacked = load(&source().into(), &unpacked, &mut Silent)
        .unwrap()
        .dataset;
    assert_eq!(unpacked.origin, Origin::Official);
    assert_eq!(unpacked.sha256, loaded.dataset.sha256);
    let states = verify(source(), folder.path()).unwrap();
    assert!(states.iter().all(|state| state.found == Found::Official));
    let train = loaded.dataset.train;
    assert_eq!(
        (train.count(), train.array("pixels").bytes.len()),
        (60_000, 60_000 * 784)
    );
    assert_eq!(train.array("labels").bytes[..5], [9, 0, 0, 3, 0]);
    let states = verify(source(), &cache.join(source().name())).unwrap();
    assert!(states.iter().all(|state| state.found == Found::Official));
}
