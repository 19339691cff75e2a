//! Reads the four files of the MNIST family: training pixels, training labels, test pixels, test
//! labels.

use std::io::Read;

use super::{
    Array, ContentsError, DataError, DataSource, OfficialFile, Samples,
    folder::{Folder, FoundFile, io_error, open},
    gzip::Gunzip,
    idx,
    layout::{Layout, Place},
    sum::sha256,
};
use crate::{
    contents_error::Wrong,
    threads::{both, side_by_side},
};

/// Reads, decompresses and hashes the files, each in threads of its own: the largest takes most of
/// the time, and its two tasks go on side by side.
pub(crate) fn read(official: &'static DataSource, layout: &Layout) -> Result<Folder, DataError> {
    let read = side_by_side(layout.files(official).collect(), |place| {
        read_file(official, place)
    });
    let read = read.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (files, values): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let mut values = values.into_iter();
    // The files of a split are in the order of the columns.
    let [train, test] = [(); 2].map(|()| Samples {
        arrays: official
            .description
            .columns
            .iter()
            .map(|column| Array {
                column: column.clone(),
                bytes: values.next().expect("each column has a file"),
            })
            .collect(),
    });
    Ok(Folder {
        source: official,
        files,
        train,
        test,
    })
}

/// The file and its values, of which there are none where it is not well-formed.
fn read_file(
    official: &'static DataSource,
    place: Place,
) -> Result<(FoundFile, Vec<u8>), DataError> {
    let bytes = read_bounded(official, &place)?;
    let (sha256, values) = both(
        || sha256(&bytes),
        || read_values(&bytes, &place, official.description.classes),
    );
    let (values, contents) = match values {
        Ok(values) => (values, Ok(())),
        Err(error) => (Vec::new(), Err(error)),
    };
    let found = FoundFile {
        path: place.path,
        official: place.official,
        form: place.form,
        sha256,
        contents,
    };
    Ok((found, values))
}

fn read_values(mut bytes: &[u8], place: &Place, classes: usize) -> Result<Vec<u8>, ContentsError> {
    let OfficialFile {
        dimensions,
        unpacked,
        ..
    } = place.form;
    if unpacked.is_none() {
        let read = idx::read(&mut bytes, dimensions, classes);
        return read.expect("memory can be read").map_err(Wrong::in_file);
    }
    let mut contents = Gunzip::new(bytes);
    match idx::read(&mut contents, dimensions, classes) {
        Ok(values) => values.map_err(Wrong::in_decompressed),
        Err(error) => Err(contents.error(&error)),
    }
}

/// The file's bytes, if they are not more than the official contents need however badly they are
/// compressed.
fn read_bounded(official: &'static DataSource, place: &Place) -> Result<Vec<u8>, DataError> {
    let io = |error| io_error(official, place, error);
    let decompressed_bytes = place.form.dimensions.iter().product::<usize>() as u64;
    let most_bytes = decompressed_bytes + decompressed_bytes / 1000 + 65_536;
    let mut bytes = Vec::with_capacity(place.form.bytes as usize + 1);
    let file = open(&place.path).map_err(io)?;
    file.take(most_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(io)?;
    if bytes.len() as u64 > most_bytes {
        return Err(DataError::TooLarge {
            path: place.path.clone(),
            name: official,
            most_bytes,
        });
    }
    Ok(bytes)
}
