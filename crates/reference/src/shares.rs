//! Work that is shared out among the processors.
//!
//! What is one share changes nothing for the result: every value is computed by one thread alone, and
//! sums over many rows are cut into blocks of a fixed size, whose sums are then added in their order.

use std::{num::NonZero, ops::Range, sync::OnceLock, thread};

use laptime_workload::threads::side_by_side;

/// What is worth a thread, in values that are read or written: starting one takes some tens of
/// microseconds.
const LEAST_FOR_A_THREAD: usize = 1 << 17;

/// Rows that are summed up one after the other.
const SUMMED_ROWS: usize = 256;

/// How many of `count` pieces of work make a share, where all of them touch this many values.
pub(crate) fn share_size(count: usize, values: usize) -> usize {
    // It reads files, which takes longer than many an operation.
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors =
        PROCESSORS.get_or_init(|| thread::available_parallelism().map_or(1, NonZero::get));
    let worth = (values / LEAST_FOR_A_THREAD).clamp(1, *processors);
    count.div_ceil(worth).max(1)
}

/// Does all of these, each on a thread of its own. Where the system allows no more threads, fewer do
/// more.
pub(crate) fn in_parallel<T: Send>(parts: impl Iterator<Item = T>, work: impl Fn(T) + Sync) {
    side_by_side(parts.collect(), work);
}

/// Has `fill` fill the rows of `to`, (…, row), in shares: it gets the number of a first row, and that row
/// with those behind it. All of them touch this many values.
pub(crate) fn fill_rows<T: Send>(
    to: &mut [T],
    row: usize,
    values: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) {
    let rows = share_size(to.len() / row, values);
    let parts = to.chunks_mut(rows * row).enumerate();
    in_parallel(parts, |(number, part)| fill(number * rows, part));
}

/// `y = f(x)` of every value.
pub(crate) fn map(x: &[f64], f: impl Fn(f64) -> f64 + Sync) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    fill_rows(&mut y, 1, 2 * x.len(), |first, y| {
        for (y, &x) in y.iter_mut().zip(&x[first..]) {
            *y = f(x);
        }
    });
    y
}

/// `y = f(a, b)` of every two values in the same place.
pub(crate) fn map_two(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64 + Sync) -> Vec<f64> {
    let mut y = vec![0.0; a.len()];
    fill_rows(&mut y, 1, 3 * a.len(), |first, y| {
        let given = a[first..].iter().zip(&b[first..]);
        for (y, (&a, &b)) in y.iter_mut().zip(given) {
            *y = f(a, b);
        }
    });
    y
}

/// The sums over so many rows, one for each channel: `add` adds these rows' values to the sums, (C).
pub(crate) fn channel_sums(
    rows: usize,
    channels: usize,
    add: impl Fn(Range<usize>, &mut [f64]) + Sync,
) -> Vec<f64> {
    let mut of_blocks = vec![0.0; rows.div_ceil(SUMMED_ROWS) * channels];
    fill_rows(
        &mut of_blocks,
        channels,
        rows * channels,
        |first, blocks| {
            for (number, sums) in blocks.chunks_mut(channels).enumerate() {
                let start = (first + number) * SUMMED_ROWS;
                add(start..rows.min(start + SUMMED_ROWS), sums);
            }
        },
    );
    let mut sums = vec![0.0; channels];
    for block in of_blocks.chunks(channels) {
        for (sum, block) in sums.iter_mut().zip(block) {
            *sum += block;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_row_is_filled_once_whatever_the_shares() {
        for values in [0, 3 * LEAST_FOR_A_THREAD, 1 << 30] {
            for rows in [0, 1, 2, 7] {
                let mut to = vec![0; 3 * rows];
                fill_rows(&mut to, 3, values, |first, part| {
                    for (number, value) in part.iter_mut().enumerate() {
                        *value += 3 * first + number;
                    }
                });
                assert!(to.iter().copied().eq(0..3 * rows), "{to:?}");
            }
        }
    }

    #[test]
    fn all_parts_are_done() {
        let sum = Mutex::new(0);
        in_parallel(1..=100, |part| *sum.lock().expect("no panic") += part);
        assert_eq!(*sum.lock().expect("no panic"), 5050);
    }

    #[test]
    fn blocks_add_up_to_the_sum() {
        for rows in [1, SUMMED_ROWS, 3 * SUMMED_ROWS + 1] {
            let sums = channel_sums(rows, 2, |block, sums| {
                for row in block {
                    sums[0] += row as f64;
                    sums[1] += 1.0;
                }
            });
            let count = rows as f64;
            assert_eq!(sums, [count * (count - 1.0) / 2.0, count]);
        }
    }
}
