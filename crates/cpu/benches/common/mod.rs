//! What the benchmarks share: the product that they are held against.

use divan::{Bencher, counter::ItemsCount};

/// Times the `gemm` crate on `to (m, n) = a (m, k) · b (k, n)`, on one thread; strides are (row, column).
///
/// # Panics
/// Where the strides reach beyond a matrix.
pub fn bench_gemm(
    bencher: Bencher,
    flops: ItemsCount,
    [m, k, n]: [usize; 3],
    a_strides: (isize, isize),
    b_strides: (isize, isize),
) {
    let is_within = |[rows, columns]: [usize; 2], strides: (isize, isize)| {
        let [row, column] = [strides.0, strides.1].map(|stride| usize::try_from(stride).ok());
        let last = row
            .zip(column)
            .map(|(r, c)| (rows - 1) * r + (columns - 1) * c);
        last.is_some_and(|last| last < rows * columns)
    };
    assert!(is_within([m, k], a_strides) && is_within([k, n], b_strides));
    let (a, b, mut to) = (
        vec![0.0f32; m * k],
        vec![0.0f32; k * n],
        vec![0.0f32; m * n],
    );
    bencher.counter(flops).bench_local(|| {
        // SAFETY: the matrices are as large as the strides reach, as was asserted; `to` is column after row.
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
