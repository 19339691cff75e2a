//! ResNet50's convolutions over its real shapes on one thread, forward and both gradients, ours beside the
//! `gemm` crate's product of as many multiply-adds.
//!
//! `gemm` gets the matrix that an unrolled image would be, for nothing: no time goes into unrolling it.
//! The first line is the stem, then a convolution of each kind for each stage. In place, with all that is
//! fused and two threads, `laptime run cifar10-resnet50 --max-steps 50 --profile` times them.
#![allow(missing_docs)]

mod common;

use std::fmt;

use divan::{Bencher, counter::ItemsCount};
use laptime_cpu::{Isa, yardstick::Convolutions};
use laptime_graph::window::live_pairs;
use laptime_workload::Window;

const BATCH: usize = 32;

/// Height and width of x, its channels, filters, height and width of the kernel, stride.
#[derive(Clone, Copy)]
struct Shape(usize, usize, usize, usize, usize);

const SHAPES: [Shape; 13] = [
    Shape(32, 3, 64, 7, 2),
    Shape(8, 64, 64, 3, 1),
    Shape(8, 64, 256, 1, 1),
    Shape(8, 256, 64, 1, 1),
    Shape(8, 256, 128, 1, 2),
    Shape(4, 128, 128, 3, 1),
    Shape(4, 128, 512, 1, 1),
    Shape(4, 512, 256, 1, 2),
    Shape(2, 256, 256, 3, 1),
    Shape(2, 256, 1024, 1, 1),
    Shape(2, 1024, 512, 1, 2),
    Shape(1, 512, 512, 3, 1),
    Shape(1, 512, 2048, 1, 1),
];

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self(size, channels, filters, kernel, stride) = self;
        write!(
            f,
            "{size}x{size}x{channels} to {filters}, {kernel}x{kernel}/{stride}"
        )
    }
}

impl Shape {
    fn window(self) -> Window {
        let Self(_, _, _, kernel, stride) = self;
        Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 4],
            dilation: [1; 2],
        }
    }

    /// As products of matrices: filters, rows of the unrolled image that are more than padding (the mean
    /// over its columns), and its columns, the positions of all samples.
    fn matrices(self) -> (usize, usize, usize) {
        let Self(size, channels, filters, ..) = self;
        let (window, input) = (self.window(), [size; 2]);
        let output = window.output(input).expect("the window fits");
        let positions = output[0] * output[1];
        let rows = (channels * live_pairs(&window, input, output)).div_ceil(positions);
        (filters, rows, BATCH * positions)
    }

    fn flops(self) -> ItemsCount {
        let (filters, rows, columns) = self.matrices();
        ItemsCount::new(2 * filters * rows * columns)
    }
}

fn main() {
    divan::main();
}

mod ours {
    use super::*;

    fn bench(bencher: Bencher, shape: Shape, run: fn(&mut Convolutions)) {
        let isa = Isa::chosen().expect("LAPTIME_ISA names what this processor has");
        let Shape(size, channels, filters, ..) = shape;
        let x = [BATCH, size, size, channels];
        let mut products = Convolutions::new(isa, x, filters, shape.window());
        bencher
            .counter(shape.flops())
            .bench_local(|| run(&mut products));
    }

    #[divan::bench(args = SHAPES)]
    fn forward(bencher: Bencher, shape: Shape) {
        bench(bencher, shape, Convolutions::forward);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_input(bencher: Bencher, shape: Shape) {
        bench(bencher, shape, Convolutions::grad_input);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_weight(bencher: Bencher, shape: Shape) {
        bench(bencher, shape, Convolutions::grad_weight);
    }
}

mod gemm_crate {
    use super::{common::bench_gemm, *};

    /// A product of row-major matrices (m, k) and (k, n).
    fn bench(bencher: Bencher, shape: Shape, [m, k, n]: [usize; 3]) {
        let strides = ((k as isize, 1), (n as isize, 1));
        bench_gemm(bencher, shape.flops(), [m, k, n], strides.0, strides.1);
    }

    #[divan::bench(args = SHAPES)]
    fn forward(bencher: Bencher, shape: Shape) {
        let (filters, rows, columns) = shape.matrices();
        bench(bencher, shape, [filters, rows, columns]);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_input(bencher: Bencher, shape: Shape) {
        let (filters, rows, columns) = shape.matrices();
        bench(bencher, shape, [rows, filters, columns]);
    }

    #[divan::bench(args = SHAPES)]
    fn grad_weight(bencher: Bencher, shape: Shape) {
        let (filters, rows, columns) = shape.matrices();
        bench(bencher, shape, [filters, columns, rows]);
    }
}
