//! Nothing allocates in a training step: ten times the steps take not one allocation more.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use common::{fashion_mnist, job, session};
use laptime_engine::Progress;
use laptime_workload::epoch_order;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GLOBAL: Counting = Counting;

#[test]
fn a_training_step_does_not_allocate() {
    let job = job(fashion_mnist(), 6400, 2);
    let mut session = session(&job, "portable");
    let mut allocations_in = |samples: usize| {
        let order = epoch_order(1, 0, samples, true);
        let progress = Progress::new();
        let before = ALLOCATIONS.load(Relaxed);
        session.train(&order, &progress).unwrap();
        ALLOCATIONS.load(Relaxed) - before
    };
    allocations_in(640);
    let (few, many) = (allocations_in(640), allocations_in(6400));
    // The channel between the pool's threads allocates a block every 31 messages.
    assert!(
        many <= few + 2,
        "{few} allocations in 20 steps, {many} in 200"
    );
}
