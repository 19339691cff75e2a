//! Datasets: found, fetched, verified, parsed, or imitated.

mod archive;
mod cifar;
mod cifar_files;
mod column;
mod data;
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
mod own;
mod progress;
mod source;
mod sources;
mod sum;
mod synthetic;
#[cfg(all(test, feature = "download"))]
mod test_server;
mod verify;

pub use crate::contents_error::ContentsError;
pub use column::{Array, Column, Dtype, Samples};
pub use data::Data;
pub use download_error::DownloadError;
pub use error::DataError;
#[cfg(feature = "download")]
pub use fetch::fetch;
pub use layout::{folder_in, places};
pub use load::{LoadOptions, Loaded, Policy, cache_folder, load};
#[cfg(not(feature = "download"))]
pub use no_fetch::fetch;
pub use own::{
    ColorMode, ImageForm, OwnData, OwnError, OwnFiles, Part, Summary, Targets, Test, TextForm,
    Unit, summaries,
};
pub use progress::{Progress, Silent};
pub use source::{Archive, DataSource, Description, OfficialFile};
pub use synthetic::synthetic;
pub use verify::{FileState, Found, list, verify};

/// Verified samples, training and test.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// What it has, or imitates.
    pub description: Description,
    /// Where it came from.
    pub origin: Origin,
    /// The names of the classes, where files have names in place of numbers.
    pub class_names: Vec<String>,
    /// SHA-256 over the files' own SHA-256 sums as text (official, unverified), over all arrays
    /// (synthetic), or over the arrays' descriptions and sums (own), as lower-case hexadecimal digits.
    pub sha256: String,
    /// The samples to train on.
    pub train: Samples,
    /// The samples to test on.
    pub test: Samples,
}

/// Where a dataset's samples came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The official files, every SHA-256 sum right.
    Official,
    /// Well-formed files from `--data-dir` whose sums are not the official ones.
    Unverified,
    /// Made by the built-in generator.
    Synthetic,
    /// Files of the user's own that a spec names.
    Own,
}
