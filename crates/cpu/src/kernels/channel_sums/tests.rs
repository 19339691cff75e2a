use laptime_workload::random::{Purpose, Stream};

use super::*;
use crate::simd::{Isa, Kernel, dispatch};

/// Values as images have them, of one channel: `[position][sample]`, in whole blocks.
struct Values {
    positions: usize,
    samples: usize,
    all: Vec<f32>,
}

impl Values {
    /// What lies beyond the last sample is not a number.
    fn new(positions: usize, samples: usize, mut value: impl FnMut() -> f32) -> Self {
        let stride = samples.next_multiple_of(LANES);
        let all = (0..positions * stride).map(|at| match at % stride < samples {
            true => value(),
            false => f32::NAN,
        });
        Self {
            positions,
            samples,
            all: all.collect(),
        }
    }

    fn stride(&self) -> usize {
        self.samples.next_multiple_of(LANES)
    }

    fn block(&self, position: usize, block: usize) -> [f32; LANES] {
        let from = position * self.stride() + block * LANES;
        let count = LANES.min(self.samples - block * LANES);
        std::array::from_fn(|lane| {
            if lane < count {
                self.all[from + lane]
            } else {
                0.0
            }
        })
    }

    /// All values.
    fn numbers(&self) -> impl Iterator<Item = f32> {
        self.all.iter().copied().filter(|value| !value.is_nan())
    }
}

/// A value, and 1: so that the sums of products are those of the values too.
impl<S: Simd> Terms<S> for Values {
    #[inline(always)]
    unsafe fn at(&self, s: S, position: usize, _: usize, sample: usize) -> (S::Block, S::Block) {
        let values = &self.all[position * self.stride() + sample..][..LANES];
        // SAFETY: the slice has LANES values.
        (unsafe { s.load(values.as_ptr()) }, s.splat(1.0))
    }
}

struct InMemory<'a>(&'a Values);

impl Kernel for InMemory<'_> {
    type Output = (f32, f32);
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> (f32, f32) {
        let Values {
            positions, samples, ..
        } = *self.0;
        // SAFETY: the terms have these positions and samples.
        let (sums, products) = unsafe { channel_sums(s, 0..1, positions, samples, self.0) };
        (sums[0], products[0])
    }
}

fn added(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|lane| a[lane] + b[lane])
}

/// The sum as a processor with many cores might make it: first of every run, the last one first; then of
/// every stretch, the last one first; then of all.
fn sum_in_another_order(values: &Values) -> f32 {
    let zero = [0.0; LANES];
    let blocks = values.samples.div_ceil(LANES);
    let places: Vec<(usize, usize)> = (0..values.positions)
        .flat_map(|position| (0..blocks).map(move |block| (position, block)))
        .collect();
    let runs: Vec<&[(usize, usize)]> = if blocks <= 32 {
        places.chunks(32 / blocks * blocks).collect()
    } else {
        let positions = places.chunks(blocks);
        positions.flat_map(|position| position.chunks(32)).collect()
    };
    let mut of_runs = vec![zero; runs.len()];
    for (sum, run) in of_runs.iter_mut().zip(runs).rev() {
        for &(position, block) in run {
            *sum = added(*sum, values.block(position, block));
        }
    }
    let stretches: Vec<_> = of_runs.chunks(32).collect();
    let mut of_stretches = vec![zero; stretches.len()];
    for (sum, stretch) in of_stretches.iter_mut().zip(stretches).rev() {
        for run in stretch {
            *sum = added(*sum, *run);
        }
    }
    let mut lanes = of_stretches.into_iter().fold(zero, added);
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

#[test]
fn cutting_the_work_otherwise_changes_no_bit() {
    let mut stream = Stream::new(3, Purpose::Weights, 0);
    for (positions, samples) in [
        (1, 1),
        (1, 16),
        (33, 7),
        (784, 5),
        (100, 40),
        (7, 1000),
        (70, 1100),
        (2100, 16),
        (3, 40_000),
    ] {
        let values = Values::new(positions, samples, || stream.next_unit() as f32 - 0.3);
        let expected = sum_in_another_order(&values).to_bits();
        for isa in Isa::available() {
            let (sum, products) = dispatch(isa, InMemory(&values));
            let bits = [sum.to_bits(), products.to_bits()];
            assert_eq!(bits, [expected; 2], "{isa}, {positions} × {samples}");
        }
    }
}

/// A million values of one sign. Of pixels that are all alike, as those of a picture's ground are, every
/// addition to one long chain errs the same way: by 6·10⁻⁴ in all, emulated for 49,000 values in a lane; a
/// pairwise sum errs by 5·10⁻⁸, the tree of runs by 6·10⁻⁷.
#[test]
fn sums_of_many_values_keep_their_digits() {
    let mut stream = Stream::new(4, Purpose::Weights, 0);
    for (positions, samples) in [(784, 1000), (784, 3000), (1, 60_000)] {
        for alike in [false, true] {
            let values = Values::new(positions, samples, || {
                // Half of them black, where they are not alike.
                let byte = (stream.next_unit() * 512.0) as i32 - 256;
                (if alike { 200 } else { byte.max(0) }) as f32 / 255.0
            });
            let truth: f64 = values.numbers().map(f64::from).sum();
            for isa in Isa::available() {
                let (sum, _) = dispatch(isa, InMemory(&values));
                let error = (f64::from(sum) / truth - 1.0).abs();
                let bound = if alike { 2e-6 } else { 1e-7 };
                assert!(error < bound, "{isa}, {positions} × {samples}: {error:e}");
            }
        }
    }
}
