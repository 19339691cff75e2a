//! Says which of a dataset's files are in a folder, and which of them are the official ones.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    DataError, DataSource, OfficialFile,
    layout::{Layout, Place},
    sum::sha256_of_file,
};

/// One of a dataset's files in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileState {
    /// Where it is, or should be.
    pub path: PathBuf,
    /// What was found there.
    pub found: Found,
}

/// What was found in the place of an official file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// A file with the official size; its sum was not looked at.
    OfficialSize,
    /// The official file, by its sum.
    Official,
    /// Another file.
    Other,
}

/// Looks for the files, by their sizes only.
pub fn list(source: &'static DataSource, folder: &Path) -> Result<Vec<FileState>, DataError> {
    states(source, folder, |_, _| Ok(Found::OfficialSize))
}

/// Looks for the files and checks their sums.
pub fn verify(source: &'static DataSource, folder: &Path) -> Result<Vec<FileState>, DataError> {
    states(source, folder, |file, path| {
        let is_official = sha256_of_file(path)? == file.sha256;
        Ok(if is_official {
            Found::Official
        } else {
            Found::Other
        })
    })
}

fn states(
    source: &'static DataSource,
    folder: &Path,
    of_right_size: impl Fn(&OfficialFile, &Path) -> io::Result<Found>,
) -> Result<Vec<FileState>, DataError> {
    let layout = Layout::find(source, folder);
    let states = layout.files(source).map(|Place { form, path, .. }| {
        let found = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() == form.bytes => of_right_size(form, &path),
            Ok(_) => Ok(Found::Other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => Ok(FileState { path, found }),
            Err(error) => Err(DataError::Unreadable { path, error }),
        }
    });
    states.collect()
}
