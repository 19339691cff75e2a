//! Datasets: found, fetched, verified, parsed, or imitated.

mod archive;
mod cifar;
mod cifar_files;
mod contents_error;
#[cfg(feature = "download")]
mod download;
mod download_error;
mod error;
#[cfg(feature = "download")]
mod fetch;
mod folder;
#[doc(hidden)]
pub mod fuzzing;
mod gzip;
mod idx;
mod idx_files;
mod layout;
mod load;
#[cfg(not(feature = "download"))]
mod no_fetch;
mod official;
mod progress;
mod sum;
mod synthetic;
#[cfg(all(test, feature = "download"))]
mod test_server;
mod verify;

pub use contents_error::ContentsError;
pub use download_error::DownloadError;
pub use error::DataError;
#[cfg(feature = "download")]
pub use fetch::fetch;
pub use layout::{folder_in, places};
pub use load::{LoadOptions, Loaded, Policy, cache_folder, load};
#[cfg(not(feature = "download"))]
pub use no_fetch::fetch;
pub use official::{Archive, Format, Official, OfficialFile};
pub use progress::{Progress, Silent};
pub use synthetic::synthetic;
pub use verify::{FileState, Found, list, verify};

use crate::workload::{DatasetName, SampleShape};

/// Verified samples, training and test.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// Which dataset it is, or imitates.
    pub name: DatasetName,
    /// Where it came from.
    pub source: DataSource,
    /// SHA-256 over the files' own SHA-256 sums as text (official, unverified), or over all samples and
    /// labels (synthetic), as lower-case hexadecimal digits.
    pub sha256: String,
    /// The shape of one sample.
    pub shape: SampleShape,
    /// How many classes the labels name.
    pub classes: usize,
    /// The samples to train on.
    pub train: Samples,
    /// The samples to test on.
    pub test: Samples,
}

/// Samples with their labels, as stored.
#[derive(Debug, Clone)]
pub struct Samples {
    /// One sample after another, each `shape.bytes()` long (height × width × channels).
    pub pixels: Vec<u8>,
    /// One label a sample.
    pub labels: Vec<u8>,
}

impl Samples {
    /// How many samples there are.
    pub fn count(&self) -> usize {
        self.labels.len()
    }
}

/// Where a dataset's samples came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSource {
    /// The official files, every SHA-256 sum right.
    Official,
    /// Well-formed files from `--data-dir` whose sums are not the official ones.
    Unverified,
    /// Made by the built-in generator.
    Synthetic,
}
