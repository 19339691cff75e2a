//! How fast this processor multiplies and adds at best: the yardstick beside which a kernel's time is
//! shown.

use std::{hint::black_box, time::Instant};

use laptime_engine::{Bandwidth, Peaks};
use laptime_workload::{Precision, threads::side_by_side};

use crate::{
    simd::{Isa, Kernel, LANES, Simd, dispatch, dispatch_bf16},
    threads::Pool,
};

/// Independent sums: enough to hide the latency of a multiply-add on every port, and no more than there are
/// registers. A block takes one register of AVX-512, two of AVX2's sixteen and four of NEON's, so either
/// number is wrong somewhere, and the better one counts: with ten, AVX2 spills, and Zen 3 was measured at
/// 144 GFLOP/s where its kernels reached 186.
const MANY_SUMS: usize = 10;
const FEW_SUMS: usize = 5;
const TURNS: usize = 500_000;

struct MultiplyAdds<const SUMS: usize>;

/// The same of pairs of bfloat16: two multiply-adds a lane.
struct PairedMultiplyAdds<const SUMS: usize>;

impl<const SUMS: usize> Kernel for PairedMultiplyAdds<SUMS> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (a, b) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        let (a, b) = (s.pair(a, a), s.pair(b, b));
        let mut sums = [s.splat(1.0); SUMS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = s.dot_pairs(a, b, *sum);
            }
        }
        total(s, sums)
    }
}

impl<const SUMS: usize> Kernel for MultiplyAdds<SUMS> {
    type Output = f32;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> f32 {
        let (factor, addend) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
        let mut sums = [s.splat(1.0); SUMS];
        for _ in 0..TURNS {
            for sum in &mut sums {
                *sum = s.mul_add(*sum, factor, addend);
            }
        }
        total(s, sums)
    }
}

/// All of it, so that nothing is left out as unused.
#[inline(always)]
fn total<const SUMS: usize, S: Simd>(s: S, sums: [S::Block; SUMS]) -> f32 {
    let mut total = sums[0];
    for sum in &sums[1..] {
        total = s.add(total, *sum);
    }
    s.sum(total)
}

/// What so many threads reach at best.
pub fn peaks(isa: Isa, threads: usize, precision: Precision) -> Peaks {
    Peaks {
        flops: peak_flops(isa, threads, precision),
        bandwidths: bandwidths(threads),
    }
}

/// The FLOP/s in products of this precision that all threads together reach in registers, on the
/// instructions that convolutions use where the processor has them; the best of a few tries
/// of some milliseconds, beside which the start of the threads is nothing.
fn peak_flops(isa: Isa, threads: usize, precision: Precision) -> f64 {
    let Ok(pool) = Pool::new(threads) else {
        return f64::NAN;
    };
    let many = flops_with::<MANY_SUMS>(&pool, isa, precision);
    many.max(flops_with::<FEW_SUMS>(&pool, isa, precision))
}

fn flops_with<const SUMS: usize>(pool: &Pool, isa: Isa, precision: Precision) -> f64 {
    let tries = (0..12).map(|_| {
        let start = Instant::now();
        pool.run(&|_, _| {
            black_box(match precision {
                Precision::Fp32 => dispatch(isa, MultiplyAdds::<SUMS>),
                Precision::Bf16 => dispatch_bf16(isa, PairedMultiplyAdds::<SUMS>),
            });
        });
        start.elapsed().as_secs_f64()
    });
    let best_s = tries.fold(f64::INFINITY, f64::min);
    let flops_a_lane = match precision {
        Precision::Fp32 => 2,
        Precision::Bf16 => 4,
    };
    (flops_a_lane * pool.threads() * TURNS * SUMS * LANES) as f64 / best_s
}

/// How much memory each thread goes through, from within the smallest caches to beyond the largest.
const WORKING_SETS: [usize; 7] = [
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
    4 << 20,
    16 << 20,
    64 << 20,
];
/// Bytes that a thread copies in one try: a few milliseconds.
const COPIED_BYTES: usize = 32 << 20;
const COPY_TRIES: usize = 7;

/// The bandwidth of copies within several sizes of memory, all threads together; each the best of a few
/// tries. Sizes and not levels: where the caches end differs from machine to machine, and systems do
/// not tell alike.
fn bandwidths(threads: usize) -> Vec<Bandwidth> {
    let most = WORKING_SETS[WORKING_SETS.len() - 1] / 2;
    let mut buffers = vec![(vec![1_u8; most], vec![0_u8; most]); threads];
    let of_size = WORKING_SETS.map(|working_set| {
        let bytes = working_set / 2;
        let turns = (COPIED_BYTES / bytes).max(1);
        let tries = (0..COPY_TRIES).map(|_| {
            let start = Instant::now();
            side_by_side(buffers.iter_mut().collect(), |(from, to)| {
                for _ in 0..turns {
                    black_box(&mut to[..bytes]).copy_from_slice(black_box(&from[..bytes]));
                }
            });
            start.elapsed().as_secs_f64()
        });
        let best_s = tries.fold(f64::INFINITY, f64::min);
        Bandwidth {
            bytes: (threads * working_set) as u64,
            bytes_per_s: (2 * threads * turns * bytes) as f64 / best_s,
        }
    });
    of_size.to_vec()
}
