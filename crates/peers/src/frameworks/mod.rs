//! The frameworks, one file each: what is special about it. Everything else about one is in its
//! adapter, `adapters/NAME.py`.

mod jax;
mod mlx;
mod pytorch;
mod tensorflow;

pub use jax::JAX;
pub use mlx::MLX;
pub use pytorch::PYTORCH;
pub use tensorflow::{TENSORFLOW, TENSORFLOW_AS_PUBLISHED};

use crate::install::Lock;

/// All of them.
pub static FRAMEWORKS: &[&Framework] = &[&PYTORCH, &TENSORFLOW, &JAX, &MLX];

/// A framework that can be a peer.
#[derive(Debug, Clone)]
pub struct Framework {
    /// The name on the command line and in records.
    pub name: &'static str,
    /// The name of the environment that has its packages.
    pub environment: &'static str,
    /// The name that it gives itself.
    pub title: &'static str,
    /// The package whose version is the framework's.
    pub package: &'static str,
    /// The environment variable that names an interpreter which has the framework.
    pub variable: &'static str,
    /// Its packages, where they are known.
    pub locks: &'static [Lock],
    /// Whether it trains on samples in the order that it is given.
    pub follows_order: bool,
    /// Whether its adapter adds up gradients over micro-batches.
    pub accumulates: bool,
    /// The source of its adapter.
    pub adapter: &'static str,
}
