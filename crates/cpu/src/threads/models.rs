//! The barrier and the pool in every order that their threads can come in (`.ci/soundness` runs this).
//!
//! A thread that is never woken is a deadlock, and a place that two threads touch at once a race: loom
//! reports both.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{
        AtomicUsize,
        Ordering::{self, Relaxed},
    },
};

use loom::{cell::UnsafeCell, model::Builder};

use super::{
    Barrier, Pool,
    barrier::Place,
    sync::{Arc, channel, current},
};

/// Tries all orders in which no more than so many times a thread is interrupted where it need not wait.
fn model(interruptions: usize, run: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(run);
}

/// Threads at one barrier, without a pool.
fn meet(threads: usize, spins: u32, work: impl Fn(usize, &mut Place) + Send + Sync + 'static) {
    let work = Arc::new(work);
    let others: Vec<_> = (1..threads)
        .map(|index| {
            let (sender, receiver) = channel::<Arc<Barrier>>();
            let work = work.clone();
            let thread = loom::thread::spawn(move || {
                let barrier = receiver.recv().unwrap();
                work(index, &mut barrier.place(index, spins));
            });
            (thread, sender)
        })
        .collect();
    let handles = others.iter().map(|(thread, _)| thread.thread().clone());
    let barrier = Arc::new(Barrier::new(
        std::iter::once(current()).chain(handles).collect(),
    ));
    for (_, sender) in &others {
        sender.send(barrier.clone()).unwrap();
    }
    work(0, &mut barrier.place(0, spins));
    for (thread, _) in others {
        thread.join().unwrap();
    }
}

/// A place in memory for each thread, as the arenas have: no atomics, so that loom sees a race.
struct Memory(Vec<UnsafeCell<usize>>);

// SAFETY: loom reports whoever touches a cell that another thread is writing.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}

impl Memory {
    fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| UnsafeCell::new(0)).collect())
    }

    /// Writes a thread's own place.
    fn write(&self, index: usize, value: usize) {
        // SAFETY: as of `Sync`.
        self.0[index].with_mut(|place| unsafe { *place = value });
    }

    /// What all threads have written.
    fn read(&self) -> Vec<usize> {
        // SAFETY: as of `Sync`.
        let read = |cell: &UnsafeCell<usize>| cell.with(|place| unsafe { *place });
        self.0.iter().map(read).collect()
    }
}

/// A step: write, wait, read what all have written, wait, so that the next may be written.
fn steps(threads: usize, rounds: usize) -> impl Fn(usize, &mut Place) + Send + Sync + 'static {
    let memory = Memory::new(threads);
    move |index, barrier| {
        for round in 1..=rounds {
            memory.write(index, round);
            barrier.wait();
            assert_eq!(memory.read(), vec![round; threads]);
            if round < rounds {
                barrier.wait();
            }
        }
    }
}

#[test]
fn two_threads_meet_three_times_and_see_what_the_other_wrote() {
    for spins in [0, 1] {
        model(4, move || meet(2, spins, steps(2, 2)));
    }
}

/// In two groups.
#[test]
fn three_threads_meet_and_see_what_the_others_wrote() {
    model(2, || meet(3, 0, steps(3, 1)));
}

/// A group that is let go first may be at the next barrier before the other group has left this one.
#[test]
fn three_threads_meet_twice() {
    model(1, || meet(3, 0, steps(3, 2)));
}

#[test]
fn a_pool_runs_again_and_again_and_stops() {
    model(2, || {
        let pool = Pool::new(2).unwrap();
        for _ in 0..2 {
            let memory = Memory::new(2);
            pool.run(&|index, barrier| {
                memory.write(index, 1);
                barrier.wait();
                assert_eq!(memory.read(), [1, 1]);
            });
            // The workers are done: this is a write, so nobody may be reading.
            memory.write(0, 2);
        }
    });
}

#[test]
fn a_pool_of_three_runs_and_stops() {
    model(2, || {
        let pool = Pool::new(3).unwrap();
        pool.run(&|_, barrier| barrier.wait());
    });
}

#[test]
fn a_pool_that_was_never_run_stops() {
    model(4, || drop(Pool::new(2).unwrap()));
}

/// Who panics, before which of its barriers.
fn panics_and_runs_again(threads: usize, unlucky: usize, round: usize) {
    let pool = Pool::new(threads).unwrap();
    let passed: [AtomicUsize; 3] = Default::default();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        pool.run(&|index, barrier| {
            for now in 0..2 {
                if (index, now) == (unlucky, round) {
                    resume_unwind(Box::new("planted"));
                }
                barrier.wait();
                passed[now].fetch_add(1, Relaxed);
            }
        });
    }));
    let panic = caught.expect_err("it panicked");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"planted"));
    let passed = |round: usize| passed[round].load(Ordering::Relaxed);
    assert_eq!(
        passed(round),
        0,
        "nobody passes without the one that panicked"
    );
    pool.run(&|_, barrier| barrier.wait());
}

#[test]
fn a_panic_on_one_of_two_threads_ends_the_other() {
    for (unlucky, round) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        model(3, move || panics_and_runs_again(2, unlucky, round));
    }
}

#[test]
fn a_panic_on_one_of_three_threads_ends_the_others() {
    // Three are two groups. One of a group that is let go already may panic before the other group is.
    for (unlucky, round) in [(0, 0), (2, 0), (0, 1), (2, 1)] {
        model(1, move || panics_and_runs_again(3, unlucky, round));
    }
}
