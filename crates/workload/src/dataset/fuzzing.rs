//! The readers of files that come from elsewhere, on samples so small that a fuzzer can try thousands
//! of files a second. Not part of the interface.

use super::{ContentsError, OfficialFile, OwnError, archive, cifar, gzip::Gunzip, idx, own};
use crate::contents_error::Wrong;

/// Reads every array of a `.npz` file, or the one of a `.npy` file, as inputs and as classes; how many there are.
pub fn arrays(file: &[u8]) -> Result<usize, OwnError> {
    own::fuzzed_arrays(file)
}

/// Reads an IDX file in gzip that should have two images of 2×3, and then takes its values for
/// labels.
pub fn idx(gzip: &[u8]) -> Result<Vec<u8>, ContentsError> {
    let mut contents = Gunzip::new(gzip);
    let values =
        idx::read(&mut contents, &[2, 2, 3], 10).map_err(|error| contents.error(&error))?;
    let labels = values.and_then(|values| idx::check_labels(&values, 10).map(|()| values));
    labels.map_err(Wrong::in_decompressed)
}

/// Reads a table with a column `y`.
pub fn table(file: &[u8]) -> Result<(), OwnError> {
    own::fuzzed_table(file)
}

/// Decodes an image, JPEG or PNG, and resizes it.
pub fn image(file: &[u8]) -> Result<(), OwnError> {
    own::fuzzed_image(file)
}

/// Makes samples of a text, of characters and of bytes; how many there are.
pub fn text(file: &[u8]) -> Result<usize, OwnError> {
    own::fuzzed_text(file)
}

/// Reads an IDX file, in gzip or not, as a spec names them; how many values it has.
pub fn own_idx(file: &[u8]) -> Result<usize, OwnError> {
    own::fuzzed_idx(file)
}

const RECORDS: usize = 3;

const FILES: [OfficialFile; 2] = [file("first.bin"), file("second.bin")];

const fn file(name: &'static str) -> OfficialFile {
    OfficialFile {
        name,
        bytes: (RECORDS * (1 + 6)) as u64,
        sha256: "",
        dimensions: &[RECORDS],
        unpacked: None,
    }
}

/// Reads a tar archive in gzip that should have `folder/first.bin` and `folder/second.bin`, each
/// with three records of CIFAR's format and 1×2 pixels.
pub fn cifar_archive(gzip: &[u8]) -> Result<Vec<Option<ContentsError>>, ContentsError> {
    archive::read(gzip, "folder", &FILES, |_, contents| {
        let batch = cifar::Batch {
            record_labels: 1,
            sample_bytes: 6,
            channels: 3,
            classes: 10,
            pixels: &mut [0; RECORDS * 6],
            labels: &mut [0; RECORDS],
        };
        cifar::read(contents, batch).map(|read| read.wrong)
    })
}
