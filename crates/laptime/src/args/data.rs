//! What `laptime data` is asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use laptime_workload::dataset::DataSource;

#[derive(Debug, ClapArgs)]
pub struct DataArgs {
    #[command(subcommand)]
    pub verb: DataVerb,
}

#[derive(Debug, Subcommand)]
pub enum DataVerb {
    /// List the datasets and the state of their files
    List(DatasetArgs),
    /// Download files that are missing or wrong
    Fetch(DatasetArgs),
    /// Check the SHA-256 sum of every file
    Verify(DatasetArgs),
    /// Show what is in a file, a spec's data, or a dataset: types, shapes, ranges, classes, first values
    Show(ShowDataArgs),
}

#[derive(Debug, ClapArgs)]
pub struct ShowDataArgs {
    /// A .npy, .npz, .csv, .txt or IDX file, a workload's .toml file, or the name of a dataset
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Folder with a subfolder for each dataset [default: the cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct DatasetArgs {
    /// The datasets [default: all]
    #[arg(value_name = "DATASET")]
    pub datasets: Vec<&'static DataSource>,
    /// Folder with a subfolder for each dataset [default: the cache]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}
