//! Images as training sees them, by the most obvious way: the padded image is made, cut out of, and mirrored.

use laptime_workload::{
    Workload,
    dataset::{Array, Samples},
};

/// The training samples of these numbers, as step `step` (counted from 1) of a workload sees them.
pub fn training_batch(
    workload: &Workload,
    samples: &Samples,
    step: u64,
    numbers: &[u32],
) -> Samples {
    let mut batch = samples.gather(numbers);
    let Some(augment) = workload.augment else {
        return batch;
    };
    let images = &mut batch.arrays[workload.input_column()];
    let [height, width, channels] = images.column.shape[..] else {
        unreachable!("what is augmented are images");
    };
    let pixel_bytes = channels * images.column.dtype.bytes();
    let padding = augment.crop_padding;
    let mut made = Vec::new();
    for (place, number) in numbers.iter().enumerate() {
        let image = images.sample(place);
        let row_bytes = (width + 2 * padding) * pixel_bytes;
        let mut padded = vec![0; (height + 2 * padding) * row_bytes];
        for row in 0..height {
            let from = &image[row * width * pixel_bytes..][..width * pixel_bytes];
            let to = (row + padding) * row_bytes + padding * pixel_bytes;
            padded[to..to + from.len()].copy_from_slice(from);
        }
        let moved = augment.moved(workload.seed, step, *number);
        let top = (i64::from(moved.down) + padding as i64) as usize;
        let left = (i64::from(moved.right) + padding as i64) as usize;
        for row in 0..height {
            let from = &padded[(top + row) * row_bytes + left * pixel_bytes..];
            let mut pixels: Vec<&[u8]> = from.chunks(pixel_bytes).take(width).collect();
            if moved.flipped {
                pixels.reverse();
            }
            made.extend(pixels.concat());
        }
    }
    *images = Array {
        column: images.column.clone(),
        bytes: made,
    };
    batch
}

#[cfg(test)]
mod tests {
    use laptime_workload::{
        Augment, Builtin, Overrides,
        dataset::{Dataset, synthetic},
    };

    use super::*;

    #[test]
    fn an_augmented_image_is_where_a_look_up_finds_it() {
        let spec = Builtin::find("cifar10-resnet50").unwrap().spec();
        let mut workload = spec.resolve(&Overrides::default()).unwrap();
        let Dataset { train, .. } = synthetic(workload.dataset.description(), 40, 0);
        let numbers: Vec<u32> = (0..40).rev().collect();
        let plain = training_batch(&workload, &train, 3, &numbers);
        assert_eq!(plain, train.gather(&numbers));
        let augment = Augment {
            crop_padding: 5,
            flip: true,
        };
        workload.augment = Some(augment);
        let batch = training_batch(&workload, &train, 3, &numbers);
        assert_eq!(batch.arrays[1], plain.arrays[1]);
        for (place, number) in numbers.iter().enumerate() {
            let moved = augment.moved(workload.seed, 3, *number);
            let image = plain.arrays[0].sample(place);
            for (index, value) in batch.arrays[0].sample(place).iter().enumerate() {
                let (pixel, channel) = (index / 3, index % 3);
                let source = moved.source([32, 32], pixel / 32, pixel % 32);
                let expected = source.map_or(0, |pixel| image[3 * pixel + channel]);
                assert_eq!(*value, expected, "{moved:?}");
            }
        }
        assert_ne!(training_batch(&workload, &train, 4, &numbers), batch);
    }
}
