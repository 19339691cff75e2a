//! Where samples come from, as the command line states it.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Samples")]
pub struct SampleArgs {
    // What each means is said here: help on each value would double the length of --help.
    /// Which samples to use: the official ones, synthetic ones, or auto, the official ones if available
    #[arg(long, value_name = "DATA", default_value = "auto")]
    pub data: DataArg,
    /// Folder to search for datasets first, laid out like the cache (`laptime data list`), or as torchvision
    /// or Kaggle do
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataArg {
    // Real samples where they can be had, and otherwise synthetic ones with a warning.
    Auto,
    // The official samples or none.
    Official,
    // Synthetic samples, without looking for others.
    Synthetic,
}
