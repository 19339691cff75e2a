//! The threads that train: a persistent pool and the barrier between stages.

mod barrier;
mod pool;

pub(crate) use barrier::Barrier;
pub(crate) use pool::Pool;
