//! The thread that looks at the machine while a run is timed.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    Telemetry,
    observer::Observer,
    readers::{files, threads::this_thread},
};

/// How often the machine is looked at: often enough to see what disturbs a run of a second.
const INTERVAL: Duration = Duration::from_millis(200);

/// How often it is searched for new processes.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);

/// A look may take one part in so many of the time: 0.1 % of a core, and a search as much. Where there
/// are hundreds of threads or thousands of processes to read, it is done less often.
const PARTS: u32 = 1000;

/// However dear a look is, the machine is looked at this often.
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);

/// Observes the machine from a thread of its own until [`finish`](Self::finish). Where the system gives
/// no thread, it looks at the beginning and at the end.
pub struct Sampler {
    observer: Arc<Mutex<Observer>>,
    begin: Instant,
    begin_cost: Duration,
    thread: Option<(Sender<()>, JoinHandle<f64>)>,
}

impl Sampler {
    /// Begins to observe the machine whose file system is at `root` ([`ROOT`](super::ROOT)). `pids` and
    /// all their descendants are the run's own processes; all others are foreign.
    pub fn start(root: &Path, pids: &[u32]) -> Self {
        let start = Instant::now();
        let observer = Arc::new(Mutex::new(Observer::begin(root, pids)));
        let begin_cost = start.elapsed();
        let begin = Instant::now();
        let thread = start_thread(root, &observer, begin);
        Self {
            observer,
            begin,
            begin_cost,
            thread,
        }
    }

    /// Looks at the machine a last time, and says what was seen. It is to be called while the threads
    /// and processes of the run live: what they have used since the last look ends with them.
    pub fn finish(mut self) -> Telemetry {
        let start = Instant::now();
        let mut telemetry =
            lock(&self.observer).finish(start.duration_since(self.begin).as_secs_f64());
        let end_cost = start.elapsed();
        let thread_s = self.thread.take().map_or(0.0, |(stop, thread)| {
            drop(stop);
            thread.join().unwrap_or(0.0)
        });
        telemetry.observing_s = (self.begin_cost + end_cost).as_secs_f64() + thread_s;
        telemetry
    }
}

fn lock(observer: &Mutex<Observer>) -> MutexGuard<'_, Observer> {
    observer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that looks until its sender is gone. It has started by then, because no other thread may
/// start at the same time (see `laptime_workload::threads`).
fn start_thread(
    root: &Path,
    observer: &Arc<Mutex<Observer>>,
    begin: Instant,
) -> Option<(Sender<()>, JoinHandle<f64>)> {
    let (stop, stopped) = channel();
    let (sender, started) = channel();
    let (root, observer) = (root.to_owned(), Arc::clone(observer));
    let work = move || {
        lock(&observer).reader = this_thread(&root);
        let _ = sender.send(());
        look_until(&root, &stopped, &observer, begin);
        cpu(&root).map_or(0.0, |ran| ran.as_secs_f64())
    };
    let thread = thread::Builder::new()
        .name("telemetry".to_owned())
        .spawn(work)
        .ok()?;
    let _ = started.recv();
    Some((stop, thread))
}

fn look_until(root: &Path, stopped: &Receiver<()>, observer: &Mutex<Observer>, begin: Instant) {
    let (mut interval, mut search_interval) = (INTERVAL, SEARCH_INTERVAL);
    let mut searched = begin;
    // What the look before cost. The kernel brings a thread's time up to date when it sleeps.
    let (mut has_searched, mut took, mut ran) = (false, Duration::ZERO, cpu(root));
    while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
        let start = Instant::now();
        let ran_before = ran;
        ran = cpu(root);
        let cost = match (ran_before, ran) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            // Where that is not told, waiting for a core counts as well.
            _ => took,
        };
        if has_searched {
            search_interval = cost.saturating_mul(PARTS).max(SEARCH_INTERVAL);
        } else {
            interval = cost.saturating_mul(PARTS).clamp(INTERVAL, LONGEST_INTERVAL);
        }
        let mut observer = lock(observer);
        has_searched = start.duration_since(searched) >= search_interval;
        if has_searched {
            observer.search();
            searched = start;
        }
        observer.look(begin.elapsed().as_secs_f64());
        took = start.elapsed();
    }
}

/// The processor time of this thread, where the system tells.
fn cpu(root: &Path) -> Option<Duration> {
    let text = files::text(&root.join("proc/thread-self/schedstat"))?;
    let ran_ns = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(ran_ns))
}
