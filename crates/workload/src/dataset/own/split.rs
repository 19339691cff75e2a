//! Which samples are kept to test on.

use crate::{
    dataset::{Array, Samples},
    order::epoch_order,
    threads::side_by_side,
};

/// The numbers of samples, training and test.
pub(super) type Numbers = [Vec<u32>; 2];

/// Which of so many samples are to train and which to test on: `fraction` of them, rounded, drawn by the seed. Both
/// stay in the order of the file.
pub(super) fn numbers(count: usize, fraction: f64, seed: u64) -> Numbers {
    let tested = (count as f64 * fraction).round() as usize;
    let mut test = epoch_order(seed, 0, count, true);
    let mut train = test.split_off(tested.min(count));
    test.sort_unstable();
    train.sort_unstable();
    [train, test]
}

/// The samples, split. Those to train on keep their memory, as they are most: pages for others would take longer than
/// moving them up.
pub(super) fn split(samples: Samples, [train, test]: &Numbers) -> [Samples; 2] {
    let both = side_by_side(samples.arrays, |mut array: Array| {
        let of_test = Array {
            column: array.column.clone(),
            bytes: gathered(&array, test),
        };
        let sample = array.column.bytes();
        for (place, number) in train.iter().enumerate() {
            let from = *number as usize * sample;
            array.bytes.copy_within(from..from + sample, place * sample);
        }
        array.bytes.truncate(train.len() * sample);
        array.bytes.shrink_to_fit();
        (array, of_test)
    });
    let (train, test) = both.into_iter().unzip();
    [train, test].map(|arrays| Samples { arrays })
}

fn gathered(array: &Array, numbers: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(numbers.len() * array.column.bytes());
    for number in numbers {
        bytes.extend_from_slice(array.sample(*number as usize));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, Dtype};

    #[test]
    fn every_sample_is_in_one_part_and_a_seed_says_in_which() {
        let samples = Samples {
            arrays: vec![Array {
                column: Column::new("x", Dtype::U8, &[2]),
                bytes: (0..100).collect(),
            }],
        };
        let parts = |fraction, seed| split(samples.clone(), &numbers(50, fraction, seed));
        let [train, test] = parts(0.2, 1);
        assert_eq!((train.count(), test.count()), (40, 10));
        let mut all = [&train.arrays[0].bytes[..], &test.arrays[0].bytes[..]].concat();
        assert!(train.arrays[0].bytes.is_sorted() && test.arrays[0].bytes.is_sorted());
        all.sort_unstable();
        assert_eq!(all, samples.arrays[0].bytes);
        assert_eq!(parts(0.2, 1)[1], test);
        assert_ne!(parts(0.2, 2)[1], test);
        assert_eq!(parts(0.0, 2)[0], samples);
    }
}
