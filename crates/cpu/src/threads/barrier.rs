//! A barrier for stages of some ten microseconds that stays polite where cores are scarce.
//!
//! A futex barrier costs a system call or two a wait, which is as long as a stage. A purely spinning
//! one is a trap: with a third process on two cores, threads spin away the time that the one they
//! wait for needs. So a waiter spins for a while, then yields as long as nobody else wants the core,
//! then parks.
//!
//! The while is the same each time, which took a measurement to see. Spins that were halved when they
//! were in vain soon were none; then every wait gave the core to a busy neighbour for a whole time
//! slice, some milliseconds, and steps of 60 µs took thirty times as long. A spin in vain costs 50 µs,
//! and comes about once in a time slice, because that is how long the other thread is away.

use std::{
    panic::resume_unwind,
    sync::atomic::Ordering::{Acquire, Relaxed, SeqCst},
};

use super::{
    patience::{YIELDS, yield_quietly},
    sync::{AtomicBool, AtomicUsize, Sleeper, Thread, in_one_order, spin_loop},
};

/// The generation of a barrier that a thread will never come to any more.
const BROKEN: usize = usize::MAX;

/// What the other threads unwind with at a broken barrier: not the panic itself, but its echo.
pub(super) struct BarrierBroke;

/// Makes a fixed number of threads wait for each other, again and again.
pub(crate) struct Barrier {
    arrived: Line<AtomicUsize>,
    generation: Line<AtomicUsize>,
    waiters: Vec<Line<Waiter>>,
}

/// One cache line, so that threads do not take each other's.
#[repr(align(128))]
struct Line<T>(T);

struct Waiter {
    thread: Sleeper,
    parked: AtomicBool,
}

/// One thread's way to the barrier.
pub(crate) struct Place<'a> {
    barrier: &'a Barrier,
    index: usize,
    spins: u32,
}

impl Barrier {
    /// A barrier for these threads.
    pub(crate) fn new(threads: Vec<Thread>) -> Self {
        let waiter = |thread| {
            Line(Waiter {
                thread: Sleeper::new(thread),
                parked: AtomicBool::new(false),
            })
        };
        Self {
            arrived: Line(AtomicUsize::new(0)),
            generation: Line(AtomicUsize::new(0)),
            waiters: threads.into_iter().map(waiter).collect(),
        }
    }

    /// The place of the thread with this index, which must call from that thread and spins so often
    /// before it yields.
    pub(crate) fn place(&self, index: usize, spins: u32) -> Place<'_> {
        Place {
            barrier: self,
            index,
            spins,
        }
    }

    /// Says that a thread has panicked and will not come again: all others unwind from where they wait
    /// or as soon as they come, instead of waiting for good.
    pub(super) fn break_off(&self) {
        self.open(|generation| generation.swap(BROKEN, SeqCst));
    }

    /// Lets those go who wait: changes the generation, and wakes those who sleep.
    fn open(&self, change: impl FnOnce(&AtomicUsize) -> usize) {
        change(&self.generation.0);
        in_one_order();
        for waiter in &self.waiters {
            if waiter.0.parked.load(SeqCst) {
                waiter.0.thread.wake();
            }
        }
    }
}

impl Place<'_> {
    /// Returns when all threads have called. All that any of them wrote before is seen after.
    ///
    /// Unwinds where another thread has panicked.
    pub(crate) fn wait(&mut self) {
        let Barrier {
            arrived,
            generation,
            waiters,
        } = self.barrier;
        // There is no newer one, unless it is broken: who left the last generation has seen this one, and
        // the next needs this thread.
        let current = generation.0.load(Relaxed);
        if current == BROKEN {
            unwind();
        }
        if arrived.0.fetch_add(1, SeqCst) + 1 == waiters.len() {
            arrived.0.store(0, Relaxed);
            self.barrier
                .open(|generation| generation.fetch_add(1, SeqCst));
        } else if self.next_behind(current) == BROKEN {
            unwind();
        }
    }

    /// The next generation, when there is one.
    fn next_behind(&self, current: usize) -> usize {
        let generation = &self.barrier.generation.0;
        for _ in 0..self.spins {
            let next = generation.load(Acquire);
            if next != current {
                return next;
            }
            spin_loop();
        }
        for _ in 0..YIELDS {
            let next = generation.load(Acquire);
            if next != current {
                return next;
            }
            if !yield_quietly() {
                break;
            }
        }
        // Either the thread that opens the barrier sees `parked`, or this one sees the new generation:
        // both are in the one order of SeqCst. They are written by swapping and adding because an
        // emulated ARM processor (QEMU 7.2) lets a load overtake a plain store before it, SeqCst or
        // not, and then both threads sleep for good.
        let Waiter { thread, parked } = &self.barrier.waiters[self.index].0;
        parked.swap(true, SeqCst);
        in_one_order();
        let next = loop {
            let next = generation.load(SeqCst);
            if next != current {
                break next;
            }
            thread.sleep();
        };
        parked.store(false, Relaxed);
        next
    }
}

/// Leaves the work of a broken barrier. Not a panic of its own, which would be reported.
#[cold]
fn unwind() -> ! {
    resume_unwind(Box::new(BarrierBroke))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::{super::patience::calibrate_spins, *};

    #[test]
    fn no_thread_leaves_before_all_have_come_whether_they_spin_or_park() {
        const THREADS: usize = 4;
        const ROUNDS: usize = if cfg!(miri) { 10 } else { 2000 };
        for spins in [0, 1, calibrate_spins()] {
            let count = AtomicUsize::new(0);
            let ready = std::sync::Barrier::new(THREADS + 1);
            let barrier = std::sync::OnceLock::new();
            thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS)
                    .map(|index| {
                        let (barrier, count, ready) = (&barrier, &count, &ready);
                        scope.spawn(move || {
                            ready.wait();
                            let barrier: &Barrier = barrier.wait();
                            let mut place = barrier.place(index, spins);
                            for round in 1..=ROUNDS {
                                count.fetch_add(1, Relaxed);
                                place.wait();
                                assert_eq!(count.load(Relaxed), THREADS * round);
                                place.wait();
                            }
                        })
                    })
                    .collect();
                let handles = threads
                    .iter()
                    .map(|thread| thread.thread().clone())
                    .collect();
                assert!(barrier.set(Barrier::new(handles)).is_ok());
                ready.wait();
            });
        }
    }
}
