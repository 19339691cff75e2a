//! Which samples are kept to test on.

use crate::{
    dataset::{Array, Samples},
    order::epoch_order,
    threads::side_by_side,
};

/// The samples, split into training and test: `fraction` of them, rounded, drawn by the seed. Both stay in the
/// order of the file.
pub(super) fn split(samples: &Samples, fraction: f64, seed: u64) -> [Samples; 2] {
    let count = samples.count();
    let tested = (count as f64 * fraction).round() as usize;
    let mut order = epoch_order(seed, 0, count, true);
    let (test, train) = order.split_at_mut(tested.min(count));
    test.sort_unstable();
    train.sort_unstable();
    [train, test].map(|some| gather(samples, some))
}

fn gather(samples: &Samples, numbers: &[u32]) -> Samples {
    let arrays = side_by_side(samples.arrays.iter().collect(), |array: &Array| {
        let mut bytes = Vec::with_capacity(numbers.len() * array.column.bytes());
        for number in numbers {
            bytes.extend_from_slice(array.sample(*number as usize));
        }
        let column = array.column.clone();
        Array { column, bytes }
    });
    Samples { arrays }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, Dtype};

    #[test]
    fn every_sample_is_in_one_part_and_a_seed_says_in_which() {
        let samples = Samples {
            arrays: vec![Array {
                column: Column::new("x", Dtype::U8, &[]),
                bytes: (0..50).collect(),
            }],
        };
        let [train, test] = split(&samples, 0.2, 1);
        assert_eq!((train.count(), test.count()), (40, 10));
        let mut all = [&train.arrays[0].bytes[..], &test.arrays[0].bytes[..]].concat();
        assert!(train.arrays[0].bytes.is_sorted());
        all.sort_unstable();
        assert_eq!(all, samples.arrays[0].bytes);
        assert_eq!(split(&samples, 0.2, 1)[1], test);
        assert_ne!(split(&samples, 0.2, 2)[1], test);
    }
}
