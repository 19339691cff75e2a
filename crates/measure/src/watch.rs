//! How far a run is, for a display that looks at it from another thread.
//!
//! Only atomics: who watches never makes the run wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use laptime_engine::Progress;

/// Shared between the run and whoever watches it.
#[derive(Debug, Default)]
pub struct Watch {
    /// What the session tells of the epoch it is in, and the wish to stop.
    pub progress: Progress,
    stage: AtomicUsize,
    epoch: AtomicUsize,
    epoch_samples: AtomicU64,
    samples_before: AtomicU64,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Nothing yet; no time has been taken.
    Waiting,
    /// Making the session.
    Compiling,
    /// Training an epoch.
    Training {
        /// The epoch, from 0.
        epoch: usize,
        /// The samples of this epoch.
        epoch_samples: u64,
        /// The samples of all epochs before.
        samples_before: u64,
    },
    /// Scoring the test samples.
    Testing,
    /// Another process does a run again, and nothing is seen of how far it is.
    Repeating,
}

impl Watch {
    /// Nothing done, no wish to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the run is doing.
    pub fn stage(&self) -> Stage {
        match self.stage.load(Relaxed) {
            0 => Stage::Waiting,
            1 => Stage::Compiling,
            2 => Stage::Training {
                epoch: self.epoch.load(Relaxed),
                epoch_samples: self.epoch_samples.load(Relaxed),
                samples_before: self.samples_before.load(Relaxed),
            },
            3 => Stage::Testing,
            _ => Stage::Repeating,
        }
    }

    /// Tells what the run is doing now.
    pub fn enter(&self, stage: Stage) {
        self.progress.tell(Default::default());
        let number = match stage {
            Stage::Waiting => 0,
            Stage::Compiling => 1,
            Stage::Training {
                epoch,
                epoch_samples,
                samples_before,
            } => {
                self.epoch.store(epoch, Relaxed);
                self.epoch_samples.store(epoch_samples, Relaxed);
                self.samples_before.store(samples_before, Relaxed);
                2
            }
            Stage::Testing => 3,
            Stage::Repeating => 4,
        };
        self.stage.store(number, Relaxed);
    }
}
