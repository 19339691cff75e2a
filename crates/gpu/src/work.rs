//! What a workgroup of a kernel does, as far as a prediction of its time asks.

/// Threads of a workgroup that has a value for each.
const THREADS: usize = 256;

/// A workgroup's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Times that a thread waits for memory, each behind the one before.
    pub waits: usize,
    /// Sums over all threads, each of which waits for barriers.
    pub sums: usize,
    /// Multiply-adds of tiles, those beyond the edge of a result included.
    pub multiply_adds: usize,
    /// Values that are read or written by all threads, each at a place to be worked out.
    pub values: usize,
}

impl Work {
    /// Of a kernel that multiplies no tiles, with so many values a thread.
    pub(crate) const fn of_values(values: usize, waits: usize, sums: usize) -> Self {
        Self {
            waits,
            sums,
            multiply_adds: 0,
            values: values * THREADS,
        }
    }
}
