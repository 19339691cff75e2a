//! Nothing allocates in a training step, whatever is in it: ten times the steps take not one allocation
//! more.

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use common::{augmented, fashion_mnist, image_net, in_bf16, instruction_sets, job, net, session};
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

/// Convolutions by Winograd's way, forward and backward, and an activation that goes over stored results.
const WINOGRAD: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 32, kernel = 3, stride = 3, padding = "valid", bias = true },
    { name = "a1", kind = "gelu" },
    { name = "c2", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "a2", kind = "relu" },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

#[test]
fn a_training_step_does_not_allocate() {
    for workload in [
        fashion_mnist(),
        image_net(8),
        in_bf16(image_net(8)),
        augmented(image_net(8)),
        net(
            WINOGRAD,
            "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9",
            8,
        ),
    ] {
        for isa in instruction_sets() {
            let batch_size = workload.batch_size;
            let job = job(workload.clone(), 100 * batch_size, 2);
            let mut session = session(&job, isa);
            let mut allocations_in = |steps: usize| {
                let order = epoch_order(1, 0, steps * batch_size, true);
                let progress = Progress::new();
                let before = ALLOCATIONS.load(Relaxed);
                session.train(&order, &progress).unwrap();
                ALLOCATIONS.load(Relaxed) - before
            };
            allocations_in(10);
            let (few, many) = (allocations_in(10), allocations_in(100));
            // The channel between the pool's threads allocates a block every 31 messages.
            assert!(
                many <= few + 2,
                "{isa}, {}: {few} allocations in 10 steps, {many} in 100",
                workload.name
            );
        }
    }
}
