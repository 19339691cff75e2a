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
