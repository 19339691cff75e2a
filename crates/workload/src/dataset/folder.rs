//! A dataset's files as they lie in a folder that is laid out like the cache: read, then judged.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ContentsError, DataError, DataSource, Dataset, Format, Official, OfficialFile, Samples,
    cifar_files, idx_files, layout::Layout,
};
use crate::{hexadecimal, workload::DatasetName};

/// A dataset's files as they lie in a folder, read and hashed, not yet judged.
pub(crate) struct Folder {
    pub(crate) name: DatasetName,
    pub(crate) files: Vec<FoundFile>,
    /// What the well-formed files hold.
    pub(crate) train: Samples,
    pub(crate) test: Samples,
}

/// One of the official files, by itself or in an archive.
pub(crate) struct FoundFile {
    /// The file, or the archive that has it.
    pub(crate) path: PathBuf,
    pub(crate) official: &'static OfficialFile,
    pub(crate) sha256: String,
    /// Whether it is well-formed.
    pub(crate) contents: Result<(), ContentsError>,
}

impl Folder {
    /// Reads and hashes the files of `layout`.
    pub(crate) fn read(name: DatasetName, layout: &Layout) -> Result<Self, DataError> {
        let official = name.official();
        match official.format {
            Format::Idx => idx_files::read(name, official, layout),
            Format::Cifar => cifar_files::read(name, official, layout),
        }
    }

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
        let wrong = files.find(|file| file.sha256 != file.official.sha256)?;
        Some(DataError::WrongSum {
            path: wrong.path.clone(),
            found: wrong.sha256.clone(),
            expected: wrong.official.sha256.to_owned(),
            advice: advice.into(),
        })
    }

    /// The samples, if every file is well-formed.
    pub(crate) fn into_dataset(self) -> Result<Dataset, DataError> {
        let official = self.name.official();
        let source = match self.first_wrong_sum("") {
            None => DataSource::Official,
            Some(_) => DataSource::Unverified,
        };
        let mut sum_of_sums = Sha256::new();
        for file in self.files {
            sum_of_sums.update(&file.sha256);
            file.contents.map_err(|error| DataError::Malformed {
                url: official.url(file.official),
                path: file.path,
                error,
            })?;
        }
        Ok(Dataset {
            name: self.name,
            source,
            sha256: hexadecimal(&sum_of_sums.finalize()),
            shape: official.shape,
            classes: official.classes,
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

/// What it means that the file at `path` could not be read.
pub(crate) fn io_error(
    official: &Official,
    file: &OfficialFile,
    path: &Path,
    error: io::Error,
) -> DataError {
    match error.kind() {
        io::ErrorKind::NotFound => DataError::Missing {
            path: path.to_owned(),
            url: official.url(file),
        },
        _ => DataError::Unreadable {
            path: path.to_owned(),
            error,
        },
    }
}
