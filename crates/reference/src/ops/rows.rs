//! What all products are made of, in an order that a compiler makes vector instructions of, and the
//! sharing out of products among threads. Sums are taken in the order of the formula all the same.

use std::{num::NonZero, ops::Range, thread};

use laptime_workload::threads::side_by_side;

/// Rows of sums that are done at once, so that what they are made of is read once for all of them.
pub(super) const ROWS: usize = 4;

/// `sums[r] += factors[r]·row` for all r. sums is (ROWS, N), row is (N).
pub(super) fn add_scaled(sums: &mut [f64], factors: [f64; ROWS], row: &[f64]) {
    let columns = row.len();
    let (first, rest) = sums.split_at_mut(columns);
    let (second, rest) = rest.split_at_mut(columns);
    let (third, rest) = rest.split_at_mut(columns);
    let fourth = &mut rest[..columns];
    for k in 0..columns {
        first[k] += factors[0] * row[k];
        second[k] += factors[1] * row[k];
        third[k] += factors[2] * row[k];
        fourth[k] += factors[3] * row[k];
    }
}

/// What is worth a thread, in multiply-adds: starting one takes some tens of microseconds.
const LEAST_FOR_THREADS: usize = 1 << 22;

/// Cuts `count` samples or filters into a share for each processor and strings together what `part`
/// makes of each. Which share one is in changes nothing for it.
pub(super) fn in_shares(
    count: usize,
    multiply_adds: usize,
    part: impl Fn(Range<usize>) -> Vec<f64> + Sync,
) -> Vec<f64> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let shares = processors.min(count);
    if shares < 2 || multiply_adds < LEAST_FOR_THREADS {
        return part(0..count);
    }
    let share = |number: usize| count * number / shares..count * (number + 1) / shares;
    side_by_side((0..shares).map(share).collect(), part).concat()
}
