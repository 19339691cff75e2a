//! Reads the batches of CIFAR-10 and CIFAR-100 from files or from their archive, each straight to its place among the
//! samples: nothing is held twice.

use std::{
    io::BufReader,
    path::{Path, PathBuf},
};

use super::{
    DataError, DataSource, Description, Samples, archive,
    cifar::{self, Batch, ReadBatch},
    folder::{Folder, FoundFile, io_error, open},
    layout::{Layout, Place},
};
use crate::threads::side_by_side;

/// Reads and hashes the batches of `layout`.
pub(crate) fn read(official: &'static DataSource, layout: &Layout) -> Result<Folder, DataError> {
    let Description {
        columns,
        train_samples,
        test_samples,
        ..
    } = &official.description;
    let mut train = Samples::zeros(columns, *train_samples);
    let mut test = Samples::zeros(columns, *test_samples);
    let batches = [&mut train, &mut test]
        .into_iter()
        .flat_map(|samples| batches(official, samples))
        .collect();
    let files = match layout {
        Layout::Files(_) => read_files(official, layout, batches),
        Layout::Archive(path) => read_archive(official, path, batches),
    };
    Ok(Folder {
        source: official,
        files: files?,
        train,
        test,
    })
}

/// The places of the samples of one file after another.
fn batches<'a>(
    official: &DataSource,
    samples: &'a mut Samples,
) -> impl Iterator<Item = Batch<'a>> + use<'a> {
    let [pixels, labels] = &mut samples.arrays[..] else {
        unreachable!("CIFAR has pixels and labels")
    };
    let classes = official.description.classes;
    let sample_bytes = pixels.column.bytes();
    let channels = *pixels.column.shape.last().expect("pixels have channels");
    let [count, record_bytes] = official.files[0].dimensions[..] else {
        unreachable!("CIFAR's files are of records")
    };
    let record_labels = record_bytes - sample_bytes;
    let pixels = pixels.bytes.chunks_mut(count * sample_bytes);
    let labels = labels.bytes.chunks_mut(count);
    pixels.zip(labels).map(move |(pixels, labels)| Batch {
        record_labels,
        sample_bytes,
        channels,
        classes,
        pixels,
        labels,
    })
}

/// Each file in a thread of its own.
fn read_files(
    official: &'static DataSource,
    layout: &Layout,
    batches: Vec<Batch>,
) -> Result<Vec<FoundFile>, DataError> {
    let files = layout.files(official).zip(batches).collect();
    let read = side_by_side(files, |(place, batch)| {
        let read = open(&place.path).and_then(|mut contents| cifar::read(&mut contents, batch));
        match read {
            Err(error) => Err(io_error(official, &place, error)),
            Ok(ReadBatch { sha256, wrong }) => Ok(FoundFile {
                path: place.path,
                official: place.official,
                form: place.form,
                sha256,
                contents: wrong.map_or(Ok(()), |wrong| Err(wrong.in_file())),
            }),
        }
    });
    read.into_iter().collect()
}

fn read_archive(
    official: &'static DataSource,
    path: &Path,
    batches: Vec<Batch>,
) -> Result<Vec<FoundFile>, DataError> {
    let archive = official.archive.as_ref().expect("the layout has one");
    let place = Place {
        official: &archive.file,
        form: &archive.file,
        path: path.to_owned(),
    };
    let file = open(path).map_err(|error| io_error(official, &place, error))?;
    let gzip = BufReader::with_capacity(1 << 16, file);
    let mut batches: Vec<Option<Batch>> = batches.into_iter().map(Some).collect();
    let mut sums = vec![String::new(); batches.len()];
    let wrongs = archive::read(gzip, archive.folder, official.files, |index, contents| {
        let batch = batches[index].take().expect("each file is given once");
        let ReadBatch { sha256, wrong } = cifar::read(contents, batch)?;
        sums[index] = sha256;
        Ok(wrong)
    });
    let wrongs = wrongs.map_err(|error| DataError::Malformed {
        path: path.to_owned(),
        error,
        url: official.url(&archive.file),
    })?;
    let files = official.files.iter().zip(sums).zip(wrongs);
    let files = files.map(|((official, sha256), wrong)| FoundFile {
        path: PathBuf::from(path),
        official,
        form: official,
        sha256,
        contents: wrong.map_or(Ok(()), Err),
    });
    Ok(files.collect())
}
