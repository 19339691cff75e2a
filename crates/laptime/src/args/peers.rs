//! What `laptime peers` is asked.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

#[derive(Debug, ClapArgs)]
pub struct PeersArgs {
    #[command(subcommand)]
    pub verb: PeersVerb,
}

#[derive(Debug, Subcommand)]
pub enum PeersVerb {
    /// List the frameworks and their installed versions
    List,
    /// Install or reinstall a framework
    Install(InstallArgs),
    /// Remove a framework
    Remove(FrameworkArgs),
}

#[derive(Debug, ClapArgs)]
pub struct InstallArgs {
    /// The framework
    #[arg(value_name = "FRAMEWORK", value_parser = FRAMEWORKS)]
    pub framework: String,
    /// The Python to create its environment with [default: python3 on the PATH]
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// Which packages of the framework; for PyTorch, cpu is a small download without CUDA
    #[arg(long, value_name = "VARIANT", default_value = "default", value_parser = ["default", "cpu", "cuda"])]
    pub variant: String,
}

#[derive(Debug, ClapArgs)]
pub struct FrameworkArgs {
    /// The framework
    #[arg(value_name = "FRAMEWORK", value_parser = FRAMEWORKS)]
    pub framework: String,
}

const FRAMEWORKS: [&str; 4] = ["pytorch", "tensorflow", "jax", "mlx"];
