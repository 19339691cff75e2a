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
//!
//! A counter's cache line goes from thread to thread, one after the other, and so does the line that all watch. So
//! threads meet in groups of eight, the last of each with those of the other groups, and each group watches a line of
//! its own. Up to eight threads are one group.

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

/// Threads of a group. Of loom's few threads there shall be groups, too.
const GROUP: usize = if cfg!(loom) { 2 } else { 8 };

/// Makes a fixed number of threads wait for each other, again and again. What all read is on no line that anybody
/// writes to.
#[repr(align(128))]
pub(crate) struct Barrier {
    /// For each group of threads, then for each group of groups, up to the one of all: how many have arrived.
    levels: Vec<Level>,
    /// For each group of threads.
    generations: Vec<Line<AtomicUsize>>,
    waiters: Vec<Line<Waiter>>,
}

/// Groups of so many that may arrive.
#[repr(align(128))]
struct Level {
    members: usize,
    arrived: Vec<Line<AtomicUsize>>,
}

impl Level {
    /// Groups of so many, up to the one of all.
    fn all(mut members: usize) -> Vec<Self> {
        let mut levels = Vec::new();
        loop {
            let groups = members.div_ceil(GROUP).max(1);
            let arrived = (0..groups).map(|_| Line(AtomicUsize::new(0)));
            levels.push(Self {
                members,
                arrived: arrived.collect(),
            });
            if groups == 1 {
                return levels;
            }
            members = groups;
        }
    }

    /// Says that a member has arrived, and whether it was the last of its group: then the group is ready for the next
    /// time.
    fn is_last(&self, member: usize) -> bool {
        let group = member / GROUP;
        let size = GROUP.min(self.members - group * GROUP);
        let arrived = &self.arrived[group].0;
        let is_last = arrived.fetch_add(1, SeqCst) + 1 == size;
        if is_last {
            arrived.store(0, Relaxed);
        }
        is_last
    }
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
        let groups = threads.len().div_ceil(GROUP);
        Self {
            levels: Level::all(threads.len()),
            generations: (0..groups).map(|_| Line(AtomicUsize::new(0))).collect(),
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
        self.open(|generation| {
            generation.swap(BROKEN, SeqCst);
        });
    }

    /// Lets those go who wait: changes the generation of each group, and wakes those who sleep.
    fn open(&self, change: impl Fn(&AtomicUsize)) {
        for generation in &self.generations {
            change(&generation.0);
        }
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
        // There is no newer one, unless it is broken: who left the last generation has seen this one, and
        // the next needs this thread.
        let current = self.generation().load(Relaxed);
        if current == BROKEN {
            unwind();
        }
        let mut member = self.index;
        for level in &self.barrier.levels {
            if !level.is_last(member) {
                if self.next_behind(current) == BROKEN {
                    unwind();
                }
                return;
            }
            member /= GROUP;
        }
        // A thread of a group that is let go already may have panicked by now: what is broken stays so.
        self.barrier.open(|generation| {
            let _ = generation.compare_exchange(current, current + 1, SeqCst, SeqCst);
        });
    }

    /// That of this thread's group. All groups have the same, but while they are changed.
    fn generation(&self) -> &AtomicUsize {
        &self.barrier.generations[self.index / GROUP].0
    }

    /// The next generation, when there is one.
    fn next_behind(&self, current: usize) -> usize {
        let generation = self.generation();
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
        // both are in the one order of SeqCst. They are written by exchanging because an
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
        for threads in [4, 8, 9, 70] {
            for spins in [0, 1, calibrate_spins()] {
                meet(threads, spins);
            }
        }
    }

    fn meet(threads: usize, spins: u32) {
        let rounds = if cfg!(miri) { 10 } else { 8000 / threads };
        let count = AtomicUsize::new(0);
        let ready = std::sync::Barrier::new(threads + 1);
        let barrier = std::sync::OnceLock::new();
        thread::scope(|scope| {
            let spawned: Vec<_> = (0..threads)
                .map(|index| {
                    let (barrier, count, ready) = (&barrier, &count, &ready);
                    scope.spawn(move || {
                        ready.wait();
                        let barrier: &Barrier = barrier.wait();
                        let mut place = barrier.place(index, spins);
                        for round in 1..=rounds {
                            count.fetch_add(1, Relaxed);
                            place.wait();
                            assert_eq!(count.load(Relaxed), threads * round);
                            place.wait();
                        }
                    })
                })
                .collect();
            let handles = spawned
                .iter()
                .map(|thread| thread.thread().clone())
                .collect();
            assert!(barrier.set(Barrier::new(handles)).is_ok());
            ready.wait();
        });
    }
}
