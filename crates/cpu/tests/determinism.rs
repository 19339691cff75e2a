//! The same seed gives the same bits: from run to run, and for any number of threads.

mod common;

use common::{bits, dense_net, fashion_mnist, image_net, in_bf16, instruction_sets, job};

#[test]
fn bits_depend_neither_on_the_run_nor_on_the_number_of_threads() {
    for (workload, samples) in [
        (fashion_mnist(), 300),
        (dense_net(&[50, 40], 7), 300),
        (image_net(9), 40),
        (in_bf16(image_net(9)), 40),
    ] {
        for isa in instruction_sets() {
            let expected = bits(&job(workload.clone(), samples, 1), isa);
            for threads in [1, 2, 3, 5, 8] {
                assert!(
                    bits(&job(workload.clone(), samples, threads), isa) == expected,
                    "{}, {isa}, {threads} threads",
                    workload.name
                );
            }
        }
    }
}
