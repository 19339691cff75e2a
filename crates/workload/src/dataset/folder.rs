//! A dataset's files as they were read from a folder, and the judgement of them.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ContentsError, DataError, DataSource, Dataset, OfficialFile, Origin, Samples,
    layout::{Place, unreadable_in},
};
use crate::{folder::folder_of, hexadecimal};

/// A dataset's files as they lie in a folder, read and hashed, not yet judged.
pub(crate) struct Folder {
    pub(crate) source: &'static DataSource,
    pub(crate) files: Vec<FoundFile>,
    /// What the well-formed files hold.
    pub(crate) train: Samples,
    pub(crate) test: Samples,
}

/// One of the official files, by itself or in an archive.
pub(crate) struct FoundFile {
    /// The file, or the archive that has it.
    pub(crate) path: PathBuf,
    /// What is published.
    pub(crate) official: &'static OfficialFile,
    /// What lies at the path: the same, or what it unpacks to.
    pub(crate) form: &'static OfficialFile,
    pub(crate) sha256: String,
    /// Whether it is well-formed.
    pub(crate) contents: Result<(), ContentsError>,
}

impl FoundFile {
    fn is_official(&self) -> bool {
        self.sha256 == self.form.sha256
    }
}

impl Folder {
    /// The samples, if every file is the official one.
    pub(crate) fn into_official(self, advice: impl Into<String>) -> Result<Dataset, DataError> {
        match self.first_wrong_sum(advice) {
            Some(wrong) => Err(wrong),
            None => self.into_dataset(),
        }
    }

    /// The first file whose sum is not the official one.
    pub(crate) fn first_wrong_sum(&self, advice: impl Into<String>) -> Option<DataError> {
        let mut files = self.files.iter();
        let wrong = files.find(|file| !file.is_official())?;
        Some(DataError::WrongSum {
            path: wrong.path.clone(),
            found: wrong.sha256.clone(),
            expected: wrong.form.sha256.to_owned(),
            advice: advice.into(),
        })
    }

    /// The samples, if every file is well-formed.
    pub(crate) fn into_dataset(self) -> Result<Dataset, DataError> {
        let origin = match self.first_wrong_sum("") {
            None => Origin::Official,
            Some(_) => Origin::Unverified,
        };
        let mut sum_of_sums = Sha256::new();
        for file in self.files {
            // Data is the same, packed or not.
            sum_of_sums.update(match file.is_official() {
                true => file.official.sha256,
                false => &file.sha256,
            });
            file.contents.map_err(|error| DataError::Malformed {
                url: self.source.url(file.official),
                path: file.path,
                error,
            })?;
        }
        Ok(Dataset {
            description: self.source.description.clone(),
            origin,
            class_names: Vec::new(),
            sha256: hexadecimal(&sum_of_sums.finalize()),
            train: self.train,
            test: self.test,
        })
    }
}

/// Opens a dataset's file. What is there and no file (a pipe, say) could keep its reader waiting for
/// ever.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("this is not a plain file"));
    }
    File::open(path)
}

/// What it means that a file could not be read.
pub(crate) fn io_error(official: &DataSource, place: &Place, error: io::Error) -> DataError {
    let path = place.path.clone();
    match error.kind() {
        io::ErrorKind::NotFound => DataError::Missing {
            found: unreadable_in(official, folder_of(&path)),
            url: official.url(place.official),
            path,
        },
        _ => DataError::Unreadable { path, error },
    }
}
