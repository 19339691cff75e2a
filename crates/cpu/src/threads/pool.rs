//! A pool of threads that live as long as a session. One call runs a closure on all of them, the
//! calling thread included; it is made once an epoch, so it may take its time.

use std::{
    any::Any,
    iter,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

use super::{
    Barrier, Kept,
    affinity::ranges,
    barrier::{BarrierBroke, Place},
    patience::calibrate_spins,
    sync::{Arc, Builder, JoinHandle, Receiver, Sender, channel, current},
};

type Outcome = Result<(), Box<dyn Any + Send>>;

/// The threads of a session: the caller's and `threads − 1` more.
pub(crate) struct Pool {
    workers: Vec<Worker>,
    spins: u32,
    /// Those that its threads are kept to; empty where they are free.
    processors: Vec<usize>,
}

struct Worker {
    orders: Sender<Order>,
    outcomes: Receiver<Outcome>,
    thread: Option<JoinHandle<()>>,
}

enum Order {
    Run(Job),
    Stop,
}

/// A closure on its way to a worker. Its lifetime is erased; `Pool::run` waits for its end.
struct Job {
    work: *const Work<'static>,
    barrier: Arc<Barrier>,
    spins: u32,
}

/// What all threads do: given a thread's index and its way to the barrier.
type Work<'a> = dyn Fn(usize, &mut Place) + Sync + 'a;

// SAFETY: the closure behind the pointer is `Sync`, and `Pool::run` keeps it alive until every
// worker has answered.
unsafe impl Send for Job {}

impl Pool {
    /// A pool of `threads` threads, at least one.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        Self::within(threads, &[])
    }

    /// The same within these processors, where these suffice and are not all that there are anyway. The caller's
    /// thread is kept to them only while it runs with the others.
    pub(crate) fn within(threads: usize, processors: &[usize]) -> std::io::Result<Self> {
        // Threads begin where they are started.
        let kept = Kept::within(processors, threads);
        let workers = (1..threads).map(Worker::spawn).collect::<Result<_, _>>()?;
        Ok(Self {
            workers,
            spins: calibrate_spins(),
            processors: kept.map_or_else(Vec::new, |kept| kept.processors()),
        })
    }

    /// The processors that its threads are kept to; `None` where they are free.
    pub(crate) fn processors(&self) -> Option<String> {
        Some(ranges(&self.processors)).filter(|list| !list.is_empty())
    }

    /// How often threads spin at a barrier. With more threads than processors the one that is waited
    /// for cannot be running. Asked anew each time: processors can be taken away while a session
    /// lives.
    fn spins(&self) -> u32 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if self.threads() > cores {
            0
        } else {
            self.spins
        }
    }

    /// How many threads run what `run` is given.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `work(index, barrier)` on every thread, and returns when all are done.
    ///
    /// # Panics
    /// Where `work` panicked on any thread, with what it said; the others end at their next barrier.
    pub(crate) fn run(&self, work: &Work) {
        let _kept = Kept::within(&self.processors, self.threads());
        let handles = self
            .workers
            .iter()
            .filter_map(|worker| worker.thread.as_ref());
        let threads = iter::once(current())
            .chain(handles.map(|handle| handle.thread().clone()))
            .collect();
        let barrier = Arc::new(Barrier::new(threads));
        let spins = self.spins();
        // From here to the last answer nothing may unwind: the workers have a reference that ends with
        // this call. What a thread unwinds with is kept until then, because dropping it may panic too.
        let order = || {
            Order::Run(Job {
                // SAFETY: only the lifetime changes. The workers use the closure until they answer, and
                // all that were asked have answered below, or their threads have ended.
                work: unsafe { std::mem::transmute::<*const Work<'_>, *const Work<'static>>(work) },
                barrier: barrier.clone(),
                spins,
            })
        };
        let asked: Vec<&Worker> = self
            .workers
            .iter()
            .filter(|worker| worker.orders.send(order()).is_ok())
            .collect();
        if asked.len() < self.workers.len() {
            barrier.break_off();
        }
        let own = outcome_of(work, 0, &barrier, spins);
        let answers = asked.iter().map(|worker| worker.outcomes.recv());
        let outcomes: Vec<_> = iter::once(Ok(own)).chain(answers).collect();
        // All threads are done.
        let mut is_whole = asked.len() == self.workers.len();
        let mut panics = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(Ok(())) => {}
                Ok(Err(panic)) => panics.push(panic),
                Err(_) => is_whole = false,
            }
        }
        // What went wrong first, rather than that the others noticed.
        if let Some(first) = panics.iter().position(|panic| !panic.is::<BarrierBroke>()) {
            resume_unwind(panics.swap_remove(first));
        }
        assert!(is_whole && panics.is_empty(), "a worker thread is gone");
    }
}

/// Does a thread's part of the work. Where it panics, the others are told not to wait.
fn outcome_of(work: &Work, index: usize, barrier: &Barrier, spins: u32) -> Outcome {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        work(index, &mut barrier.place(index, spins));
    }));
    if outcome.is_err() {
        barrier.break_off();
    }
    outcome
}

impl Worker {
    fn spawn(index: usize) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let (outbox, outcomes) = channel();
        let serve = move || {
            if outbox.send(Ok(())).is_err() {
                return;
            }
            while let Ok(Order::Run(job)) = inbox.recv() {
                // SAFETY: `Pool::run` keeps the closure alive until this worker answers.
                let work = unsafe { &*job.work };
                let outcome = outcome_of(work, index, &job.barrier, job.spins);
                if outbox.send(outcome).is_err() {
                    return;
                }
            }
        };
        let thread = Builder::new()
            .name(format!("laptime-{index}"))
            .spawn(serve)?;
        // A thread that starts takes memory for its signal stack, and aborts the process where there is
        // none. So one starts after the other, and the first that does not fit is refused above.
        let _ = outcomes.recv().expect("a thread that has started says so");
        Ok(Self {
            orders,
            outcomes,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    fn said(caught: Result<(), Box<dyn Any + Send>>) -> String {
        let panic = caught.expect_err("it panicked");
        let text = panic.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string())
    }

    #[test]
    fn every_thread_runs_the_work_once_a_call() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            let seen: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for _ in 0..3 {
                pool.run(&|index, barrier| {
                    seen[index].fetch_add(1, Relaxed);
                    barrier.wait();
                });
            }
            assert!(seen.iter().all(|count| count.load(Relaxed) == 3));
        }
    }

    /// It once left the others waiting at the barrier for good.
    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(3).unwrap();
        for unlucky in 0..3 {
            for round in 0..3 {
                let done = AtomicUsize::new(0);
                let caught = catch_unwind(AssertUnwindSafe(|| {
                    pool.run(&|index, barrier| {
                        for now in 0..3 {
                            assert!((index, now) != (unlucky, round), "planted in {index}");
                            barrier.wait();
                        }
                        done.fetch_add(1, Relaxed);
                    });
                }));
                assert_eq!(said(caught), format!("planted in {unlucky}"));
                assert_eq!(done.into_inner(), 0, "nobody goes on without the others");
                pool.run(&|_, barrier| barrier.wait());
            }
        }
    }

    /// What a thread panics with may itself panic where it is dropped; the workers must have answered by
    /// then, because the closure ends with the call.
    #[test]
    fn all_threads_are_done_before_the_caller_unwinds() {
        struct PanicsWhenDropped;
        impl Drop for PanicsWhenDropped {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    panic!("dropped");
                }
            }
        }
        const THREADS: usize = 4;
        let pool = Pool::new(THREADS).unwrap();
        let ended = AtomicUsize::new(0);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|index, _| {
                for _ in 0..index * 50 {
                    std::thread::yield_now();
                }
                ended.fetch_add(1, Relaxed);
                resume_unwind(Box::new(PanicsWhenDropped));
            });
        }));
        assert_eq!(ended.load(Relaxed), THREADS);
        std::mem::forget(caught);
        pool.run(&|_, barrier| barrier.wait());
    }
}
