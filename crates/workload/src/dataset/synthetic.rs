//! Samples made up from random numbers, where there are no real ones: the shapes and counts of the
//! official dataset, classes that can be learned but take some learning.
//!
//! Each class has [`MODES`] prototypes: smooth random patterns a little larger than a sample. A
//! sample is a prototype of its class, shifted, with random contrast, mixed with a weaker prototype
//! of any class and with noise. Only integers are computed with, so that every machine makes the
//! same bytes; a sample depends on its number and on nothing else.

use std::thread;

use sha2::{Digest, Sha256};

use super::{DataSource, Dataset, Samples};
use crate::{
    hexadecimal,
    random::{Purpose, Stream},
    threads::side_by_side,
    workload::{DatasetName, SampleShape},
};

/// Prototypes a class: with more than one, no class is a single cluster.
const MODES: usize = 3;
/// How far a prototype can be shifted, in pixels, and so how much larger it is than a sample.
const SHIFTS: usize = 5;
/// Prototypes are bilinear between random corners this many pixels apart.
const CELL: usize = 4;
/// Subtracted from every value, so that four in ten pixels are 0; in Fashion-MNIST half are.
const DARK: i32 = 96;
/// Not an option: everybody's synthetic samples are the same ones.
const SEED: u64 = 0x1a97_13e5;

/// The synthetic stand-in for `name`, with so many samples. The first samples are the same whatever
/// the counts.
pub fn synthetic(name: DatasetName, train_count: usize, test_count: usize) -> Dataset {
    let official = name.official();
    let (shape, classes) = (official.shape, official.classes);
    let prototypes: Vec<Vec<u8>> = (0..classes * MODES)
        .map(|number| prototype(shape, number as u32))
        .collect();
    let train = samples(
        Purpose::SyntheticTrain,
        train_count,
        shape,
        classes,
        &prototypes,
    );
    let test = samples(
        Purpose::SyntheticTest,
        test_count,
        shape,
        classes,
        &prototypes,
    );
    let mut sum = Sha256::new();
    for bytes in [&train.pixels, &train.labels, &test.pixels, &test.labels] {
        sum.update(bytes);
    }
    Dataset {
        name,
        source: DataSource::Synthetic,
        sha256: hexadecimal(&sum.finalize()),
        shape,
        classes,
        train,
        test,
    }
}

/// The shape that prototypes have.
fn enlarged(shape: SampleShape) -> SampleShape {
    SampleShape {
        height: shape.height + SHIFTS - 1,
        width: shape.width + SHIFTS - 1,
        ..shape
    }
}

fn prototype(shape: SampleShape, number: u32) -> Vec<u8> {
    let SampleShape {
        height,
        width,
        channels,
    } = enlarged(shape);
    let corner_columns = width.div_ceil(CELL) + 1;
    let corner_rows = height.div_ceil(CELL) + 1;
    let mut stream = Stream::new(SEED, Purpose::SyntheticClass, number);
    let mut corners = Vec::with_capacity(corner_rows * corner_columns * channels);
    for row in 0..corner_rows {
        for column in 0..corner_columns {
            // Fading out at the border makes pixels that are lit seldom and faintly. Their tiny
            // gradients are where an optimizer's ε shows.
            let inside =
                (1..corner_rows - 1).contains(&row) && (1..corner_columns - 1).contains(&column);
            let brightest = if inside { 256 } else { 64 };
            corners.extend((0..channels).map(|_| stream.next_below(brightest) as usize));
        }
    }
    let mut pixels = Vec::with_capacity(height * width * channels);
    for y in 0..height {
        for x in 0..width {
            let (row, below) = (y / CELL, y % CELL);
            let (column, right) = (x / CELL, x % CELL);
            for channel in 0..channels {
                let corner =
                    |row, column| corners[(row * corner_columns + column) * channels + channel];
                let upper = corner(row, column) * (CELL - right) + corner(row, column + 1) * right;
                let lower =
                    corner(row + 1, column) * (CELL - right) + corner(row + 1, column + 1) * right;
                let value = (upper * (CELL - below) + lower * below) / (CELL * CELL);
                pixels.push(value as u8);
            }
        }
    }
    pixels
}

fn samples(
    purpose: Purpose,
    count: usize,
    shape: SampleShape,
    classes: usize,
    prototypes: &[Vec<u8>],
) -> Samples {
    let mut pixels = vec![0; count * shape.bytes()];
    let mut labels = vec![0; count];
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let chunk = count.div_ceil(threads).max(1);
    let chunks = pixels
        .chunks_mut(chunk * shape.bytes())
        .zip(labels.chunks_mut(chunk))
        .enumerate();
    side_by_side(chunks.collect(), |(index, (pixels, labels))| {
        let first = index * chunk;
        let each = pixels.chunks_exact_mut(shape.bytes()).zip(labels);
        for (offset, (pixels, label)) in each.enumerate() {
            let stream = Stream::new(SEED, purpose, (first + offset) as u32);
            *label = sample(stream, shape, classes, prototypes, pixels);
        }
    });
    Samples { pixels, labels }
}

/// Fills `pixels` with a sample and returns its label.
fn sample(
    mut stream: Stream,
    shape: SampleShape,
    classes: usize,
    prototypes: &[Vec<u8>],
    pixels: &mut [u8],
) -> u8 {
    let label = stream.next_below(classes as u32);
    let mode = stream.next_below(MODES as u32);
    let own = label * MODES as u32 + mode;
    let other = stream.next_below((classes * MODES) as u32);
    let mut shifted = |number: u32| {
        let down = stream.next_below(SHIFTS as u32) as usize;
        let right = stream.next_below(SHIFTS as u32) as usize;
        let start = (down * enlarged(shape).width + right) * shape.channels;
        &prototypes[number as usize][start..]
    };
    let (own, other) = (shifted(own), shifted(other));
    // Contrasts in 256ths.
    let own_contrast = 128 + stream.next_below(128) as i32;
    let other_contrast = stream.next_below(96) as i32;
    let row_values = shape.width * shape.channels;
    let prototype_row_values = enlarged(shape).width * shape.channels;
    let rows = pixels.chunks_exact_mut(row_values);
    let prototype_rows = own
        .chunks(prototype_row_values)
        .zip(other.chunks(prototype_row_values));
    for (row, (own, other)) in rows.zip(prototype_rows) {
        for noise in row.chunks_mut(4) {
            let bytes = stream.next_u32().to_le_bytes();
            noise.copy_from_slice(&bytes[..noise.len()]);
        }
        for ((pixel, &own), &other) in row.iter_mut().zip(own).zip(other) {
            let pattern = (i32::from(own) * own_contrast + i32::from(other) * other_contrast) >> 8;
            let lit = (pattern - DARK).max(0);
            // Noise in proportion, a factor from 0 to 2: what is dark stays dark.
            let noisy = (lit * i32::from(*pixel)) >> 7;
            *pixel = noisy.min(255) as u8;
        }
    }
    label as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_the_known_ones() {
        let dataset = synthetic(DatasetName::FashionMnist, 100, 20);
        let known = "2862aa99f55137a62d8e8f706e059ad4c2b49a3147646a32c34210552074bbad";
        assert_eq!(dataset.sha256, known);
        assert_eq!(dataset.train.pixels.len(), 100 * 784);
        assert_eq!(dataset.test.count(), 20);
    }

    #[test]
    fn a_sample_does_not_depend_on_how_many_there_are() {
        let few = synthetic(DatasetName::FashionMnist, 3, 1);
        let more = synthetic(DatasetName::FashionMnist, 50, 7);
        assert_eq!(few.train.pixels, more.train.pixels[..3 * 784]);
        assert_eq!(few.train.labels, more.train.labels[..3]);
        assert_eq!(few.test.pixels, more.test.pixels[..784]);
        assert_ne!(few.train.pixels[..784], few.test.pixels[..784]);
        assert_eq!(synthetic(DatasetName::FashionMnist, 0, 0).train.count(), 0);
    }

    #[test]
    fn every_class_has_its_share() {
        let dataset = synthetic(DatasetName::FashionMnist, 10_000, 0);
        let mut counts = [0; 10];
        for &label in &dataset.train.labels {
            counts[usize::from(label)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_class_of_a_sample_can_be_told_from_others_but_not_perfectly() {
        for name in DatasetName::ALL {
            let Dataset { train, test, .. } = synthetic(name, 1_000, 100);
            let sample_bytes = name.official().shape.bytes();
            let distance = |a: &[u8], b: &[u8]| -> u32 {
                let pairs = a.iter().zip(b);
                pairs.map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
            };
            let nearest = |sample: &[u8]| {
                let others = train.pixels.chunks_exact(sample_bytes).zip(&train.labels);
                others.min_by_key(|(other, _)| distance(sample, other))
            };
            let tests = test.pixels.chunks_exact(sample_bytes).zip(&test.labels);
            let right = tests.filter(|(sample, label)| nearest(sample).unwrap().1 == *label);
            let right = right.count();
            assert!((40..100).contains(&right), "{name}: {right}");
        }
    }
}
