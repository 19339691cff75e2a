//! What the benchmarks share: the product that they are held against.

use divan::{Bencher, counter::ItemsCount};

/// Times the `gemm` crate on `to (m, n) = a (m, k) · b (k, n)`, on one thread; strides are (row, column).
pub fn bench_gemm(
    bencher: Bencher,
    flops: ItemsCount,
    [m, k, n]: [usize; 3],
    a_strides: (isize, isize),
    b_strides: (isize, isize),
) {
    let (a, b, mut to) = (
        vec![0.0f32; m * k],
        vec![0.0f32; k * n],
        vec![0.0f32; m * n],
    );
    bencher.counter(flops).bench_local(|| {
        // SAFETY: the matrices are as large as the strides reach.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                to.as_mut_ptr(),
                1,
                n as isize,
                false,
                a.as_ptr(),
                a_strides.1,
                a_strides.0,
                b.as_ptr(),
                b_strides.1,
                b_strides.0,
                0.0,
                1.0,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    });
}
