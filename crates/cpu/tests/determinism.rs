//! The same seed gives the same bits: from run to run, and for any number of threads.

mod common;

use common::{dense_net, fashion_mnist, image_net, in_bf16, instruction_sets, job, session};
use laptime_engine::Progress;
use laptime_workload::{Workload, epoch_order};

/// The bits of all losses and of the final state.
fn bits(workload: &Workload, samples: usize, isa: &str, threads: usize) -> Vec<u64> {
    let job = job(workload.clone(), samples, threads);
    let mut session = session(&job, isa);
    let mut bits = Vec::new();
    for epoch in 0..2 {
        let order = epoch_order(3, epoch, samples, true);
        bits.push(
            session
                .train(&order, &Progress::new())
                .unwrap()
                .score
                .loss_sum
                .to_bits(),
        );
    }
    bits.push(
        session
            .evaluate(&Progress::new())
            .unwrap()
            .loss_sum
            .to_bits(),
    );
    let state = session.state().unwrap();
    bits.extend(
        state
            .tensors
            .iter()
            .flat_map(|tensor| &tensor.values)
            .map(|v| v.to_bits()),
    );
    bits
}

#[test]
fn bits_depend_neither_on_the_run_nor_on_the_number_of_threads() {
    for (workload, samples) in [
        (fashion_mnist(), 300),
        (dense_net(&[50, 40], 7), 300),
        (image_net(9), 40),
        (in_bf16(image_net(9)), 40),
    ] {
        for isa in instruction_sets() {
            let expected = bits(&workload, samples, isa, 1);
            for threads in [1, 2, 3, 5, 8] {
                assert!(
                    bits(&workload, samples, isa, threads) == expected,
                    "{}, {isa}, {threads} threads",
                    workload.name
                );
            }
        }
    }
}
