//! What a dataset is and where it comes from: its columns, its files, who reads them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Column, DataError, Dtype, folder::Folder, layout::Layout, sources::SOURCES};
use crate::{foreign, suggest::UnknownName};

/// What the samples of a dataset are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The name in specs, records and on the command line; also its folder in the cache.
    pub name: String,
    /// What every sample has; the first column is what a net reads.
    pub columns: Vec<Column>,
    /// How many classes the column of labels names; 0 where there is none.
    pub classes: usize,
    /// How many samples there are to train on.
    pub train_samples: usize,
    /// How many samples there are to test on.
    pub test_samples: usize,
}

impl Description {
    /// The column that a net reads.
    ///
    /// # Panics
    /// If there is none.
    pub fn input(&self) -> &Column {
        &self.columns[0]
    }

    /// The place of the column of labels, where there is one: behind the input, an integer a sample.
    pub fn label_column(&self) -> Option<usize> {
        let is_label = |one: &Column| one.dtype != Dtype::F32 && one.shape.is_empty();
        (1..self.columns.len()).find(|place| is_label(&self.columns[*place]))
    }

    /// The place of the column of numbers that a net learns to give, where there is one: behind the input, a row
    /// of floats a sample.
    pub fn value_column(&self) -> Option<usize> {
        let is_value = |one: &Column| one.dtype == Dtype::F32 && one.shape.len() == 1;
        (1..self.columns.len()).find(|place| is_value(&self.columns[*place]))
    }
}

/// A dataset that laptime can fetch, verify, read and imitate.
pub struct DataSource {
    /// What its samples are.
    pub description: Description,
    /// Its name in prose.
    pub title: &'static str,
    /// Who made it and under which licence.
    pub licence: &'static str,
    /// The folder on the web that has the files.
    pub base_url: &'static str,
    /// Its files.
    pub files: &'static [OfficialFile],
    /// The archive that has the files, where they are not published one by one.
    pub archive: Option<Archive>,
    /// The folder in which torchvision keeps them, where laptime can read what it has there.
    pub(crate) torchvision_folder: Option<&'static str>,
    /// What others have of the dataset that laptime cannot read: a name, and what it is.
    pub(crate) unreadable: &'static [(&'static str, &'static str)],
    /// Reads and hashes the files of a layout.
    pub(crate) read: fn(&'static Self, &Layout) -> Result<Folder, DataError>,
}

/// An archive (tar in gzip) of official files.
#[derive(Debug)]
pub struct Archive {
    /// The archive itself.
    pub file: OfficialFile,
    /// The folder that the files are in, in the archive.
    pub folder: &'static str,
}

/// One official file.
#[derive(Debug)]
pub struct OfficialFile {
    /// Its name, on the web and on disk.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 sum in lower-case hexadecimal digits.
    pub sha256: &'static str,
    /// The dimensions of its decompressed contents: what an IDX header must state; records and
    /// bytes a record; empty for an archive.
    pub dimensions: &'static [usize],
    /// What `gunzip` makes of it, which is as good.
    pub unpacked: Option<&'static OfficialFile>,
}

impl DataSource {
    /// All of them, in the order that lists show them.
    pub fn all() -> &'static [Self] {
        &SOURCES
    }

    /// The one of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|source| source.name() == name)
    }

    /// The name in specs, records and on the command line; also its folder in the cache.
    pub fn name(&self) -> &str {
        &self.description.name
    }

    /// What is downloaded: the archive, or the files one by one.
    pub fn downloads(&self) -> &[OfficialFile] {
        match &self.archive {
            Some(archive) => std::slice::from_ref(&archive.file),
            None => self.files,
        }
    }

    /// Where on the web `file` can be had: by itself or in its archive.
    pub(crate) fn url(&self, file: &OfficialFile) -> String {
        let file = self.archive.as_ref().map_or(file, |archive| &archive.file);
        format!("{}{}", self.base_url, file.name)
    }
}

/// Names are unique.
impl PartialEq for DataSource {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl FromStr for &'static DataSource {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        DataSource::find(name).ok_or_else(|| {
            let names: Vec<&str> = DataSource::all().iter().map(DataSource::name).collect();
            UnknownName::new("dataset", name, &names, &foreign::DATASETS)
        })
    }
}

impl fmt::Display for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for DataSource {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// As its name.
impl Serialize for DataSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for &'static DataSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::{
        IntoDeserializer,
        value::{Error, StrDeserializer},
    };

    use super::*;

    #[test]
    fn labels_are_single_integers_behind_the_input() {
        let place = |columns: &[Column]| {
            let description = Description {
                name: "test".into(),
                columns: columns.to_vec(),
                classes: 0,
                train_samples: 0,
                test_samples: 0,
            };
            description.label_column()
        };
        let column = |dtype, shape: &[usize]| Column::new("x", dtype, shape);
        let [input, prices] = [column(Dtype::U8, &[]), column(Dtype::F32, &[])];
        let [box_of, labels] = [column(Dtype::I32, &[4]), column(Dtype::U16, &[])];
        let all = [input, prices, box_of, labels];
        assert_eq!(place(&all), Some(3));
        assert_eq!(place(&all[..3]), None);
        for source in DataSource::all() {
            assert_eq!(source.description.label_column(), Some(1), "{source}");
        }
    }

    #[test]
    fn a_source_is_read_by_its_name() {
        let read = |name: &'static str| {
            let text: StrDeserializer<Error> = name.into_deserializer();
            <&DataSource>::deserialize(text)
        };
        for source in DataSource::all() {
            assert_eq!(read(source.name()), Ok(source));
        }
        let error = read("cifar").unwrap_err().to_string();
        assert!(error.contains("cifar-10"), "{error}");
    }
}
