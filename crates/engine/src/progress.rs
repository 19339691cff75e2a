//! How far a session is, for whoever watches, and the wish to stop.
//!
//! Only atomics, so that a training step can tell without locking or allocating.

use std::{
    array,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use laptime_workload::MOST_METRICS;

use crate::Score;

/// Shared between the thread that trains and those that watch.
#[derive(Debug, Default)]
pub struct Progress {
    samples: AtomicU64,
    /// The bits of [`Score::sums`].
    sums: [AtomicU64; MOST_METRICS],
    stop: AtomicBool,
}

impl Progress {
    /// Nothing done, no wish to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the score of the epoch so far. The values are told one by one: a watcher may
    /// see them from neighbouring steps, which no eye can tell.
    #[inline]
    pub fn tell(&self, score: Score) {
        self.samples.store(score.samples, Relaxed);
        for (told, sum) in self.sums.iter().zip(score.sums) {
            told.store(sum.to_bits(), Relaxed);
        }
    }

    /// The score of the epoch so far.
    pub fn score(&self) -> Score {
        Score {
            samples: self.samples.load(Relaxed),
            sums: array::from_fn(|metric| f64::from_bits(self.sums[metric].load(Relaxed))),
        }
    }

    /// Asks the session to stop behind the step it is in.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Whether the session was asked to stop.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }
}
