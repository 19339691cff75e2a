//! Reads the four files of the MNIST family: training pixels, training labels, test pixels, test
//! labels.

use std::{io::Read, path::Path};

use super::{
    ContentsError, DataError, Official, OfficialFile, Samples,
    folder::{Folder, FoundFile, io_error, open},
    idx,
    layout::Layout,
    sum::sha256,
};
use crate::{
    threads::{both, side_by_side},
    workload::DatasetName,
};

/// Reads, decompresses and hashes the files, each in threads of its own: the largest takes most of
/// the time, and its two tasks go on side by side.
pub(crate) fn read(
    name: DatasetName,
    official: &'static Official,
    layout: &Layout,
) -> Result<Folder, DataError> {
    let read = side_by_side(layout.files(official).collect(), |(file, path)| {
        read_file(name, official, file, &path)
    });
    let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (files, values): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let [train_pixels, train_labels, test_pixels, test_labels] =
        values.try_into().expect("a dataset in IDX has four files");
    Ok(Folder {
        name,
        files,
        train: Samples {
            pixels: train_pixels,
            labels: train_labels,
        },
        test: Samples {
            pixels: test_pixels,
            labels: test_labels,
        },
    })
}

/// The file and its values, of which there are none where it is not well-formed.
fn read_file(
    name: DatasetName,
    official: &'static Official,
    file: &'static OfficialFile,
    path: &Path,
) -> Result<(FoundFile, Vec<u8>), DataError> {
    let bytes = read_bounded(name, official, file, path)?;
    let (sha256, values) = both(
        || sha256(&bytes),
        || read_values(&bytes, file, official.classes),
    );
    let (values, contents) = match values {
        Ok(values) => (values, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let found = FoundFile {
        path: path.to_owned(),
        official: file,
        sha256,
        contents,
    };
    Ok((found, values))
}

fn read_values(gzip: &[u8], file: &OfficialFile, classes: usize) -> Result<Vec<u8>, ContentsError> {
    let values = idx::read(gzip, file.dimensions)?;
    if let [_] = file.dimensions {
        idx::check_labels(&values, classes)?;
    }
    Ok(values)
}

/// The file's bytes, if they are not more than the official contents need however badly they are
/// compressed.
fn read_bounded(
    name: DatasetName,
    official: &Official,
    file: &OfficialFile,
    path: &Path,
) -> Result<Vec<u8>, DataError> {
    let io = |error| io_error(official, file, path, error);
    let decompressed_bytes = file.dimensions.iter().product::<usize>() as u64;
    let most_bytes = decompressed_bytes + decompressed_bytes / 1000 + 65_536;
    let mut bytes = Vec::with_capacity(file.bytes as usize + 1);
    let file = open(path).map_err(io)?;
    file.take(most_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > most_bytes {
        return Err(DataError::TooLarge {
            path: path.to_owned(),
            name,
            most_bytes,
        });
    }
    Ok(bytes)
}
