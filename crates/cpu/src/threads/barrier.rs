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
    hint,
    sync::atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{Acquire, Relaxed, SeqCst},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Two threads in step meet within a few microseconds, or some ten where one of them must be woken;
/// longer than this and the other one is not running, or has much more to do.
const LONGEST_SPIN: Duration = Duration::from_micros(50);
const YIELDS: usize = 20;
/// A yield returns at once where nobody else wants the core. From one that takes longer it is clear
/// that somebody does; who parks is woken as soon as there is something to do, who yields again waits
/// for the end of a time slice again.
const QUIET_YIELD: Duration = Duration::from_micros(10);

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
    thread: Thread,
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
                thread,
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
}

/// How many turns of the spin loop take [`LONGEST_SPIN`]: measured, because the pause instruction
/// takes from 5 to 140 cycles. The shortest of a few tries: another process that had the core in the
/// only one would leave the session without spins.
pub(crate) fn calibrate_spins() -> u32 {
    const TRIES: u32 = 5;
    const TURNS: u32 = 200;
    let tries = (0..TRIES).map(|_| {
        let start = Instant::now();
        for _ in 0..TURNS {
            hint::spin_loop();
        }
        start.elapsed()
    });
    let shortest = tries.min().unwrap_or_default();
    (LONGEST_SPIN.as_nanos() * u128::from(TURNS) / shortest.as_nanos().max(1)) as u32
}

impl Place<'_> {
    /// Returns when all threads have called. All that any of them wrote before is seen after.
    pub(crate) fn wait(&mut self) {
        let Barrier {
            arrived,
            generation,
            waiters,
        } = self.barrier;
        let current = generation.0.load(Relaxed);
        if arrived.0.fetch_add(1, SeqCst) + 1 == waiters.len() {
            arrived.0.store(0, Relaxed);
            generation.0.fetch_add(1, SeqCst);
            for waiter in waiters {
                if waiter.0.parked.load(SeqCst) {
                    waiter.0.thread.unpark();
                }
            }
            return;
        }
        for _ in 0..self.spins {
            if generation.0.load(Acquire) != current {
                return;
            }
            hint::spin_loop();
        }
        for _ in 0..YIELDS {
            if generation.0.load(Acquire) != current {
                return;
            }
            let start = Instant::now();
            thread::yield_now();
            if start.elapsed() > QUIET_YIELD {
                break;
            }
        }
        // Either the last thread sees `parked`, or this one sees the new generation: both are
        // in the one order of SeqCst. They are written by swapping and adding because an emulated
        // ARM processor (QEMU 7.2) lets a load overtake a plain store before it, SeqCst or not, and
        // then both threads sleep for good.
        let parked = &waiters[self.index].0.parked;
        parked.swap(true, SeqCst);
        while generation.0.load(SeqCst) == current {
            thread::park();
        }
        parked.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_thread_leaves_before_all_have_come_whether_they_spin_or_park() {
        const THREADS: usize = 4;
        const ROUNDS: usize = 2000;
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
