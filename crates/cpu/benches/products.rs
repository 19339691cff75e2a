//! The products of the built-in workloads' dense shapes on one thread, ours beside the `gemm` crate's.
//!
//! Those of ResNet50's convolutions are in `convolutions.rs`.
#![allow(missing_docs)]

mod common;

use divan::{Bencher, counter::ItemsCount};
use laptime_cpu::{Isa, yardstick::DenseProducts};

/// (batch, inputs, outputs): Fashion-MNIST's layers, ResNet50's last, and two of its 1×1
/// convolutions as matrices.
const SHAPES: [(usize, usize, usize); 5] = [
    (32, 784, 128),
    (32, 128, 10),
    (32, 2048, 10),
    (32, 2048, 512),
    (512, 128, 512),
];

fn main() {
    divan::main();
}

fn flops((batch, inputs, outputs): (usize, usize, usize)) -> ItemsCount {
    ItemsCount::new(2 * batch * inputs * outputs)
}

mod ours {
    use super::*;

    fn bench(bencher: Bencher, shape: (usize, usize, usize), run: fn(&mut DenseProducts)) {
        let isa = Isa::chosen().expect("LAPTIME_ISA names what this processor has");
        let mut products = DenseProducts::new(isa, shape.0, shape.1, shape.2);
        bencher
            .counter(flops(shape))
            .bench_local(|| run(&mut products));
    }

    #[divan::bench(args = SHAPES)]
    fn forward(bencher: Bencher, shape: (usize, usize, usize)) {
        bench(bencher, shape, DenseProducts::forward);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_input(bencher: Bencher, shape: (usize, usize, usize)) {
        bench(bencher, shape, DenseProducts::grad_input);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_weight(bencher: Bencher, shape: (usize, usize, usize)) {
        bench(bencher, shape, DenseProducts::grad_weight);
    }
}

mod gemm_crate {
    use super::{common::bench_gemm, *};

    // Weights are (inputs, outputs) here, the order that serves gemm's forward pass best.

    #[divan::bench(args = SHAPES)]
    fn forward(bencher: Bencher, shape: (usize, usize, usize)) {
        let (batch, inputs, outputs) = shape;
        let (i, o) = (inputs as isize, outputs as isize);
        bench_gemm(
            bencher,
            flops(shape),
            [batch, inputs, outputs],
            (i, 1),
            (o, 1),
        );
    }

    #[divan::bench(args = SHAPES)]
    fn grad_input(bencher: Bencher, shape: (usize, usize, usize)) {
        let (batch, inputs, outputs) = shape;
        let o = outputs as isize;
        bench_gemm(
            bencher,
            flops(shape),
            [batch, outputs, inputs],
            (o, 1),
            (1, o),
        );
    }

    #[divan::bench(args = SHAPES)]
    fn grad_weight(bencher: Bencher, shape: (usize, usize, usize)) {
        let (batch, inputs, outputs) = shape;
        let (i, o) = (inputs as isize, outputs as isize);
        bench_gemm(
            bencher,
            flops(shape),
            [inputs, batch, outputs],
            (1, i),
            (o, 1),
        );
    }
}
