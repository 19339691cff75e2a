//! A pool of threads that live as long as a session. One call runs a closure on all of them, the
//! calling thread included; it is made once an epoch, so it may take its time.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::{self, JoinHandle},
};

use super::{
    Barrier,
    barrier::{Place, calibrate_spins},
};

type Outcome = Result<(), Box<dyn Any + Send>>;

/// The threads of a session: the caller's and `threads − 1` more.
pub(crate) struct Pool {
    workers: Vec<Worker>,
    spins: u32,
}

struct Worker {
    jobs: Option<Sender<Job>>,
    outcomes: Receiver<Outcome>,
    thread: Option<JoinHandle<()>>,
}

/// A closure on its way to a worker. Its lifetime is erased; `Pool::run` waits for its end.
struct Job {
    work: *const (dyn Fn(usize, &mut Place) + Sync),
    barrier: Arc<Barrier>,
    spins: u32,
}

// SAFETY: the closure behind the pointer is `Sync`, and `Pool::run` keeps it alive until every
// worker has answered.
unsafe impl Send for Job {}

impl Pool {
    /// A pool of `threads` threads, at least one.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let workers = (1..threads).map(Worker::spawn).collect::<Result<_, _>>()?;
        Ok(Self {
            workers,
            spins: calibrate_spins(),
        })
    }

    /// How often threads spin at a barrier. With more threads than processors the one that is waited
    /// for cannot be running. Asked anew each time: processors can be taken away while a session
    /// lives.
    fn spins(&self) -> u32 {
        let cores = thread::available_parallelism().map_or(1, usize::from);
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
    /// Where `work` panicked on any thread, with what it said. (A thread that panics between two
    /// barriers would leave the others waiting; kernels do not panic.)
    pub(crate) fn run(&self, work: &(dyn Fn(usize, &mut Place) + Sync)) {
        let handles = self
            .workers
            .iter()
            .filter_map(|worker| worker.thread.as_ref());
        let threads = std::iter::once(thread::current())
            .chain(handles.map(|handle| handle.thread().clone()))
            .collect();
        let barrier = Arc::new(Barrier::new(threads));
        let spins = self.spins();
        for worker in &self.workers {
            let job = Job {
                // SAFETY: only the lifetime changes. All workers have answered, and so dropped
                // the reference, before this function returns or unwinds.
                work: unsafe {
                    std::mem::transmute::<
                        *const (dyn Fn(usize, &mut Place) + Sync + '_),
                        *const (dyn Fn(usize, &mut Place) + Sync + 'static),
                    >(work)
                },
                barrier: barrier.clone(),
                spins,
            };
            let sent = worker.jobs.as_ref().map(|jobs| jobs.send(job));
            assert!(matches!(sent, Some(Ok(()))), "a worker thread is gone");
        }
        let mut outcome = catch_unwind(AssertUnwindSafe(|| {
            work(0, &mut barrier.place(0, spins));
        }));
        for worker in &self.workers {
            let answer = worker.outcomes.recv().expect("a worker thread answers");
            outcome = outcome.and(answer);
        }
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }
}

impl Worker {
    fn spawn(index: usize) -> std::io::Result<Self> {
        let (jobs, inbox) = channel::<Job>();
        let (outbox, outcomes) = channel();
        let serve = move || {
            if outbox.send(Ok(())).is_err() {
                return;
            }
            for job in inbox {
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    // SAFETY: `Pool::run` keeps the closure alive until this worker answers.
                    let work = unsafe { &*job.work };
                    work(index, &mut job.barrier.place(index, job.spins));
                }));
                if outbox.send(outcome).is_err() {
                    return;
                }
            }
        };
        let thread = thread::Builder::new()
            .name(format!("laptime-{index}"))
            .spawn(serve)?;
        // A thread that starts takes memory for its signal stack, and aborts the process where there is
        // none. So one starts after the other, and the first that does not fit is refused above.
        let _ = outcomes.recv().expect("a thread that has started says so");
        Ok(Self {
            jobs: Some(jobs),
            outcomes,
            thread: Some(thread),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A closed channel ends the worker's loop.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

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

    #[test]
    fn a_panic_in_a_worker_reaches_the_caller_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.run(&|index, _| assert_ne!(index, 1, "planted"));
        }));
        assert!(caught.is_err());
        pool.run(&|_, barrier| barrier.wait());
    }
}
