//! A thread of its own that looks at what goes on ten times a second, so that training never waits
//! for a terminal.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Ten times a second is as fast as one can read.
pub const PERIOD: Duration = Duration::from_millis(100);

/// Calls a function again and again until it is dropped, and drops the function then.
pub struct Ticker {
    is_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Calls `tick` from now on, where `is_on`.
    pub fn start(is_on: bool, mut tick: impl FnMut() + Send + 'static) -> Self {
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        let tick = move || {
            while !done.load(Relaxed) {
                tick();
                thread::park_timeout(PERIOD);
            }
        };
        // Where there can be no thread, nothing is shown.
        let thread = is_on.then(|| thread::Builder::new().spawn(tick).ok());
        let thread = thread.flatten();
        Self { is_done, thread }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.is_done.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It cannot panic, and if it did, nothing would be lost but a line.
            let _ = thread.join();
        }
    }
}
