//! The threads that train: a persistent pool and the barrier between stages.

mod affinity;
mod barrier;
#[cfg(all(test, loom))]
mod models;
mod patience;
mod pool;
mod sync;

pub(crate) use affinity::Kept;
pub(crate) use barrier::Barrier;
pub(crate) use pool::Pool;
