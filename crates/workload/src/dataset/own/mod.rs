//! Data of the user's own: files that a spec names, read into samples, training and test.
//!
//! A spec says where they are ([`OwnFiles`]); they are read once, before anything is resolved, because
//! shapes and classes follow from them ([`OwnData`]). What identifies them from then on is a sum over the
//! samples themselves: whoever reads the files again compares it.

mod array_file;
mod assemble;
mod cifar;
mod csv;
mod error;
mod idx;
mod images;
mod labels;
mod npy;
mod npz;
mod raw;
mod split;
mod sum;
mod summary;
mod text;

use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::{Dataset, Description};
pub use error::OwnError;
pub use images::{ColorMode, ImageForm};
pub use summary::{Summary, summaries};
pub use text::{TextForm, Unit};

/// Classes are numbered with 16 bits.
pub(crate) const MOST_CLASSES: usize = 1 << 16;

/// Where a spec says that its samples are, and how they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OwnFiles {
    /// The folder of the spec: the other paths start there.
    pub folder: OsString,
    /// What records call the data.
    pub name: String,
    /// The samples to train on.
    pub train: Part,
    /// The samples to test on.
    pub test: Test,
    /// What a net learns of each sample.
    pub targets: Targets,
    /// Whether each value of the inputs gets mean 0 and variance 1 over the training samples.
    pub standardize: bool,
}

/// Where samples are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// In arrays.
    Arrays {
        /// That of the inputs: `x.npy`, or `data.npz:x`.
        inputs: String,
        /// That of the targets, where there are any.
        targets: Option<String>,
    },
    /// In the columns of tables.
    Table {
        /// The tables, one after the other: `data.csv`.
        files: Vec<String>,
        /// The columns of the inputs; all others where none are named.
        inputs: Vec<String>,
        /// What is learnt.
        targets: Vec<String>,
    },
    /// In files of CIFAR's binary version.
    Cifar {
        /// The files, one after the other: `data_batch_1.bin`.
        files: Vec<String>,
        /// Which label is learnt: `label` of CIFAR-10, `coarse` or `fine` of CIFAR-100.
        label: Option<String>,
    },
    /// In a folder of images, with a sub-folder for each class.
    Images {
        /// The folder.
        folder: String,
        /// What they become.
        form: ImageForm,
    },
    /// In a text.
    Text {
        /// The file.
        file: String,
        /// What samples it becomes.
        form: TextForm,
    },
}

impl Part {
    /// Whether it has what is learnt.
    pub(crate) fn has_targets(&self) -> bool {
        match self {
            Self::Arrays { targets, .. } => targets.is_some(),
            Self::Table { targets, .. } => !targets.is_empty(),
            Self::Cifar { label, .. } => label.is_some(),
            Self::Images { .. } | Self::Text { .. } => true,
        }
    }
}

/// Which samples are to test on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Those of other files.
    Files(Part),
    /// So many of the training samples, drawn by a seed.
    Fraction {
        /// From 0 to 1.
        fraction: f64,
        /// Of the draw.
        seed: u64,
    },
    /// Those of the end of a text, whose neighbours share most of their symbols.
    End {
        /// So much of the text, from 0 to 1.
        fraction: f64,
    },
}

/// What a net learns of each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Targets {
    /// Its class, from 0 on.
    Classes,
    /// A row of numbers.
    Values,
    /// Its own input.
    Input,
}

/// Files of the user's as they were read: what is in them, but not where they are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnData {
    /// What the samples are.
    #[serde(flatten)]
    pub description: Description,
    /// The sum of the samples, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Whence they came.
    #[serde(skip)]
    files: Option<OwnFiles>,
    /// What was read, until somebody takes it.
    #[serde(skip)]
    read: Arc<Mutex<Option<Dataset>>>,
}

/// The same samples, wherever they come from.
impl PartialEq for OwnData {
    fn eq(&self, other: &Self) -> bool {
        self.description == other.description && self.sha256 == other.sha256
    }
}

/// Reads a table with a column `y` in every way, for a fuzzer.
pub(super) fn fuzzed_table(file: &[u8]) -> Result<(), OwnError> {
    let path = Path::new("fuzz.csv");
    let y = ["y".to_owned()];
    for (targets, kind) in [
        (&y[..], Targets::Values),
        (&y[..], Targets::Classes),
        (&y[..0], Targets::Input),
    ] {
        let inputs = &[];
        let wanted = csv::Wanted {
            inputs,
            targets,
            kind,
        };
        let (_, learnt) = csv::read(file, path, &wanted)?;
        if let csv::Learnt::Classes(labels) = learnt {
            labels::Labels::numbered(&labels, Some(&labels))?;
        }
    }
    Ok(())
}

/// Reads an image in memory, for a fuzzer.
pub(super) fn fuzzed_image(file: &[u8]) -> Result<(), OwnError> {
    images::fuzzed(file)
}

/// Makes samples of a text in memory, for a fuzzer.
pub(super) fn fuzzed_text(file: &[u8]) -> Result<usize, OwnError> {
    text::fuzzed(file)
}

/// Reads an IDX file in memory, for a fuzzer.
pub(super) fn fuzzed_idx(file: &[u8]) -> Result<usize, OwnError> {
    Ok(idx::read(file.to_vec(), "fuzz")?.bytes.len())
}

/// Reads all arrays of a file in memory, for a fuzzer.
pub(super) fn fuzzed_arrays(file: &[u8]) -> Result<usize, OwnError> {
    let told = |error: io::Error| OwnError::new("fuzz", error.to_string());
    let at = |wrong| OwnError::at("fuzz", wrong);
    let mut raws = Vec::new();
    if file.starts_with(b"\x93NUMPY") {
        let read = npy::read_at(&file, 0, file.len() as u64, "fuzz.npy").map_err(told)?;
        raws.push(read.map_err(at)?.1);
    } else {
        for member in &npz::members(&file).map_err(told)?.map_err(at)? {
            let read = npz::read(&file, member, "fuzz.npz").map_err(told)?;
            raws.push(read.map_err(at)?);
        }
    }
    let count = raws.len();
    for raw in raws {
        let _ = raw.classes();
        raw.clone().into_values()?;
        raw.into_input(false)?;
    }
    Ok(count)
}

impl OwnFiles {
    /// Reads the files.
    ///
    /// # Errors
    /// Where one is not what it should be, or they do not go together.
    pub fn read(&self) -> Result<OwnData, OwnError> {
        let dataset = assemble::dataset(self)?;
        Ok(OwnData {
            description: dataset.description.clone(),
            sha256: dataset.sha256.clone(),
            files: Some(self.clone()),
            read: Arc::new(Mutex::new(Some(dataset))),
        })
    }

    fn folder(&self) -> &Path {
        Path::new(&self.folder)
    }
}

impl OwnData {
    /// Data that is nowhere: for tests, which make samples after its description.
    pub fn described(description: Description) -> Self {
        Self {
            description,
            sha256: String::new(),
            files: None,
            read: Arc::default(),
        }
    }

    /// Where it is; nothing in a process that was told of it alone.
    pub fn files(&self) -> Option<&OwnFiles> {
        self.files.as_ref()
    }

    /// Says where it is.
    #[must_use]
    pub fn in_files(self, files: Option<OwnFiles>) -> Self {
        Self { files, ..self }
    }

    /// The samples: those that were read, or where they were taken, read again.
    ///
    /// # Errors
    /// Where they are not there any more, or are others.
    pub fn load(&self) -> Result<Dataset, OwnError> {
        let read = self
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(dataset) = read {
            return Ok(dataset);
        }
        let name = &self.description.name;
        let Some(files) = &self.files else {
            return Err(OwnError::new(name, "nobody said where its files are"));
        };
        let dataset = assemble::dataset(files)?;
        if dataset.sha256 != self.sha256 {
            let problem = "its files were changed since they were first read; start again";
            return Err(OwnError::new(name, problem));
        }
        Ok(dataset)
    }
}
