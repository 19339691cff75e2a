//! Steps of several batch sizes, timed in turn: in each round each size once, so that whatever else the
//! machine does falls on all of them alike.

mod comparing;

use std::time::Instant;

use laptime_engine::{EngineError, Job, Progress, Session};
use laptime_workload::epoch_order;

pub use comparing::{compare, sweep_in, sweeps_in};

/// What is timed in one go, at least: shorter times are the clock's and the scheduler's.
const SLICE_S: f64 = 0.05;

/// One batch size, ready to be timed.
pub struct Timed {
    job: Job,
    session: Box<dyn Session>,
    /// Steps that are timed together.
    pub steps: u64,
    /// The mean step of each round.
    pub step_s: Vec<f64>,
}

impl Timed {
    /// Compiles a job, and finds out how many of its steps make a slice.
    ///
    /// # Errors
    /// Where the engine cannot.
    pub fn new(job: Job, mut session: Box<dyn Session>) -> Result<Self, EngineError> {
        let batch_size = job.workload.batch_size;
        let most = (job.dataset.train.count() / batch_size).max(1) as u64;
        let mut steps = 1;
        loop {
            // The first of them warms up caches, and what an engine compiles late.
            let step_s = time(&job, session.as_mut(), steps)?;
            let wanted = (SLICE_S / step_s).ceil().clamp(1.0, most as f64) as u64;
            if wanted <= 2 * steps {
                steps = wanted.max(1);
                break;
            }
            steps = wanted.min(8 * steps).min(most);
        }
        Ok(Self::of_steps(job, session, steps))
    }

    /// Times so many steps in a slice.
    pub fn of_steps(job: Job, session: Box<dyn Session>, steps: u64) -> Self {
        Self {
            job,
            session,
            steps,
            step_s: Vec::new(),
        }
    }

    /// Times one slice.
    ///
    /// # Errors
    /// Where the engine fails.
    pub fn round(&mut self) -> Result<(), EngineError> {
        let step_s = time(&self.job, self.session.as_mut(), self.steps)?;
        self.step_s.push(step_s);
        Ok(())
    }

    /// The session, which knows what a step costs.
    pub fn session(&self) -> &dyn Session {
        self.session.as_ref()
    }

    /// The session, which knows where the time went.
    pub fn into_session(self) -> Box<dyn Session> {
        self.session
    }
}

/// The mean of so many steps.
fn time(job: &Job, session: &mut dyn Session, steps: u64) -> Result<f64, EngineError> {
    let samples = job.dataset.train.count();
    let order = epoch_order(job.workload.seed, 0, samples, job.workload.shuffle);
    let count = (steps as usize * job.workload.batch_size).min(samples);
    let progress = Progress::new();
    let start = Instant::now();
    session.train(&order[..count], &progress)?;
    Ok(start.elapsed().as_secs_f64() / steps as f64)
}
