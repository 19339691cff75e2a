//! What a fuzzer calls: each reader of files that come from elsewhere, and what its answer goes
//! through next. An answer may be an error; it may not be a panic, nor need memory out of proportion.
//! Each tells whether the input was accepted.
//!
//! The fuzz targets have this file, and so has the test that runs the corpus on every machine
//! (`crates/laptime/tests/bad_input.rs`).

#[path = "../crates/laptime/src/checkpoint/file.rs"]
#[allow(dead_code, reason = "the program has all of it")]
mod checkpoint_file;

use std::{collections::HashMap, io::Write};

use flate2::{Compression, Crc, write::GzEncoder};
use laptime_graph::{Mode, build};
use laptime_import::{Options, import};
use laptime_peers::exchange;
use laptime_results::{Record, Style, export, render};
use laptime_workload::{Overrides, Spec, dataset::fuzzing, zip};
use safetensors::{SafeTensors, tensor::TensorView};

/// An IDX file as it is under its gzip.
pub fn idx(data: &[u8]) -> bool {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(data).expect("memory can be written");
    let gzip = encoder.finish().expect("memory can be written");
    let values = fuzzing::idx(&gzip);
    let _ = (fuzzing::own_idx(data), fuzzing::own_idx(&gzip));
    values.is_ok_and(|values| values.len() == 12)
}

/// A dataset's file as it comes from the network: IDX in gzip, or tar in gzip.
pub fn gzip(data: &[u8]) -> bool {
    let is_idx = fuzzing::idx(data).is_ok();
    let archive = fuzzing::cifar_archive(data);
    is_idx || archive.is_ok_and(|files| files.iter().all(Option::is_none))
}

/// A file of arrays of the user's own: `.npy` or `.npz`.
pub fn arrays(data: &[u8]) -> bool {
    fuzzing::arrays(data).is_ok_and(|count| count > 0)
}

/// An image of the user's own, JPEG or PNG.
pub fn images(data: &[u8]) -> bool {
    fuzzing::image(data).is_ok()
}

/// A table of the user's own, in CSV.
pub fn table(data: &[u8]) -> bool {
    fuzzing::table(data).is_ok()
}

/// A text of the user's own, of characters or of bytes.
pub fn text(data: &[u8]) -> bool {
    fuzzing::text(data).is_ok_and(|count| count > 0)
}

/// A workload of the user's own, as far as the Program.
pub fn spec(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let spec = Spec::parse(text, "fuzz.toml");
    match spec.and_then(|spec| spec.resolve(&Overrides::default())) {
        Ok(workload) => {
            for mode in [Mode::Training, Mode::Evaluation] {
                build(&workload, mode, workload.batch_size);
            }
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz.toml"), "{error}");
            false
        }
    }
}

/// An ONNX model. What it becomes is read as any spec is, unless it says itself that something must be filled in; its
/// weights are as many as their shapes say.
pub fn onnx(data: &[u8]) -> bool {
    let options = Options {
        name: "fuzz".into(),
        file_name: "fuzz.onnx".into(),
        weights: true,
        ..Options::default()
    };
    let nothing = |_: &str, _, _| Err("there is nothing beside it".into());
    let Ok(imported) = import(data.to_vec(), &nothing, &options) else {
        return false;
    };
    for one in &imported.weights {
        assert_eq!(
            one.values.len(),
            one.shape.iter().product::<usize>(),
            "{}",
            one.name
        );
    }
    imported.lacks_dataset || spec(imported.spec.as_bytes())
}

/// The weights of an archive of Keras's, an HDF5 file. No fuzzer finds the archive's checksum, so it is given the right
/// one.
pub fn hdf5(data: &[u8]) -> bool {
    const ARCHIVE: &[u8] = include_bytes!("corpus/onnx/rows.keras");
    let members = zip::members(&ARCHIVE).expect("memory can be read");
    let members = members.expect("it is an archive");
    let config = members.iter().find(|it| it.name == b"config.json");
    let config = config.expect("Keras writes one");
    let start = config.start(&ARCHIVE).expect("memory can be read");
    let start = start.expect("it is in the archive") as usize;
    let config = &ARCHIVE[start..][..config.length as usize];
    onnx(&archive([
        ("config.json", config),
        ("model.weights.h5", data),
    ]))
}

/// A zip archive with these members, stored.
fn archive(members: [(&str, &[u8]); 2]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in members {
        let mut crc = Crc::new();
        crc.update(contents);
        let size = (contents.len() as u32).to_le_bytes();
        let name_bytes = (name.len() as u16).to_le_bytes();
        // Versions, flags, method, time and date are 0.
        let fields = [
            &[0; 10][..],
            &crc.sum().to_le_bytes(),
            &size,
            &size,
            &name_bytes,
            &[0; 2],
        ]
        .concat();
        let place = (bytes.len() as u32).to_le_bytes();
        let entry = [
            b"PK\x01\x02\0\0",
            &fields[..],
            &[0; 10],
            &place,
            name.as_bytes(),
        ];
        directory.extend(entry.concat());
        bytes.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), contents].concat());
    }
    let end = [
        b"PK\x05\x06\0\0\0\0\x02\0\x02\0",
        &(directory.len() as u32).to_le_bytes()[..],
        &(bytes.len() as u32).to_le_bytes(),
        &[0, 0],
    ];
    [bytes, directory, end.concat()].concat()
}

/// A state in the safetensors format. The product reads these from peers; what was read is written
/// and read again, and must be the same.
pub fn safetensors(data: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("there is a place for temporary files");
    let path = folder.path().join("state.safetensors");
    std::fs::write(&path, data).expect("a temporary file can be written");
    let Ok(mut state) = exchange::read_state(&path) else {
        return false;
    };
    exchange::write_state(&path, &state, exchange::StoredAs::F64).expect("it can be written");
    let mut again = exchange::read_state(&path).expect("it was just written");
    assert_eq!(again.steps, state.steps);
    // Tensors are stored in an order of their own. Bits, because NaN is not equal to itself.
    let sorted = |state: &mut laptime_graph::State| {
        state.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let tensors = state.tensors.iter().map(|tensor| {
            let bits: Vec<u64> = tensor.values.iter().map(|value| value.to_bits()).collect();
            (tensor.name.clone(), tensor.shape.clone(), bits)
        });
        tensors.collect::<Vec<_>>()
    };
    assert_eq!(sorted(&mut again), sorted(&mut state));
    true
}

/// The file of `--checkpoint`; what was read is written and read again, and must be the same. No fuzzer
/// finds the right digest, and behind a wrong one nothing is read, so the file is given it.
pub fn checkpoint(data: &[u8]) -> bool {
    let is_sealed = checkpoint_file::checkpoint_of(data).is_ok();
    let Some(sealed) = sealed(data) else {
        return false;
    };
    let Ok(mut checkpoint) = checkpoint_file::checkpoint_of(&sealed) else {
        assert!(!is_sealed, "the right digest makes no file worse");
        return false;
    };
    // These are written as decimals, whose last bit may turn; all that the training needs is not.
    let so_far = &mut checkpoint.so_far;
    (so_far.wall_s, so_far.total_s, so_far.phases) = Default::default();
    let write = |checkpoint| checkpoint_file::bytes_of(checkpoint).expect("it was read");
    let again = write(checkpoint);
    let read = checkpoint_file::checkpoint_of(&again).expect("it was just written");
    // Digests, because NaN is not equal to itself.
    assert_eq!(digest_of(&write(read)), digest_of(&again));
    is_sealed
}

fn digest_of(file: &[u8]) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(file).ok()?;
    header.metadata().as_ref()?.get("sha256").cloned()
}

/// The same file with the right digest, if it has all else.
fn sealed(data: &[u8]) -> Option<Vec<u8>> {
    let (_, header) = SafeTensors::read_metadata(data).ok()?;
    let about = header.metadata().as_ref()?.get("laptime")?.clone();
    let file = SafeTensors::deserialize(data).ok()?;
    let mut tensors: Vec<(&str, TensorView)> = file.iter().collect();
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    let sum = checkpoint_file::digest(&about, &tensors);
    let metadata = HashMap::from([("laptime".into(), about), ("sha256".into(), sum)]);
    safetensors::serialize(tensors, Some(metadata)).ok()
}

/// A record, shown and exported in every way.
pub fn record(data: &[u8]) -> bool {
    let Ok(record) = serde_json::from_slice::<Record>(data) else {
        return false;
    };
    for width in [0, 40, 80] {
        for colour in [false, true] {
            render(&record, Style { width, colour });
        }
    }
    let records = std::slice::from_ref(&record);
    export::csv(records);
    export::markdown(records);
    export::race_markdown(records);
    let text = export::json(&record);
    let again: Record = serde_json::from_str(&text).expect("it was written by ourselves");
    assert_eq!(export::json(&again), text);
    true
}
