//! Samples made up from random numbers, where there are no real ones: the shapes and counts of the
//! official dataset, classes that can be learned but take some learning.
//!
//! Each class has [`MODES`] prototypes: smooth random patterns a little larger than a sample. A
//! sample is a prototype of its class, shifted, with random contrast, mixed with a weaker prototype
//! of any class and with noise. Only integers are computed with, so that every machine makes the
//! same bytes; a sample depends on its number and on nothing else.

use sha2::{Digest, Sha256};

use super::{Array, Dataset, Description, Dtype, Origin, Samples};
use crate::{
    hexadecimal,
    random::{Purpose, Stream},
    threads::{run_of_each, side_by_side},
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

/// Kinds of samples where the description has no classes.
const KINDS: usize = 10;

/// Samples like those that a description tells of, so many of them. The first samples are the same
/// whatever the counts.
///
/// Inputs in single precision are made as bytes and centred: a byte of 64 is 0, and each 64 more are 1.
///
/// # Panics
/// If the first column is neither of images (rows, columns and channels) nor of rows of values.
pub fn synthetic(description: &Description, train_count: usize, test_count: usize) -> Dataset {
    let shape = Image::of(description);
    let kinds = match description.classes {
        0 => KINDS,
        classes => classes,
    };
    let prototypes: Vec<Vec<u8>> = (0..kinds * MODES)
        .map(|number| prototype(shape, number as u32))
        .collect();
    let made = |purpose, count| samples(purpose, count, description, kinds, &prototypes);
    let train = made(Purpose::SyntheticTrain, train_count);
    let test = made(Purpose::SyntheticTest, test_count);
    let mut sum = Sha256::new();
    for array in train.arrays.iter().chain(&test.arrays) {
        sum.update(&array.bytes);
    }
    Dataset {
        description: description.clone(),
        origin: Origin::Synthetic,
        class_names: Vec::new(),
        sha256: hexadecimal(&sum.finalize()),
        train,
        test,
    }
}

/// The shape of a sample's image.
#[derive(Debug, Clone, Copy)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
}

impl Image {
    fn of(description: &Description) -> Self {
        let input = description.input();
        let [height, width, channels] = match input.shape[..] {
            [values] => [1, 1, values],
            [height, width, channels] => [height, width, channels],
            _ => panic!("`{}` is neither of images nor of rows", input.name),
        };
        Self {
            height,
            width,
            channels,
        }
    }

    /// The shape that prototypes have.
    fn enlarged(self) -> Self {
        Self {
            height: self.height + SHIFTS - 1,
            width: self.width + SHIFTS - 1,
            ..self
        }
    }
}

fn prototype(shape: Image, number: u32) -> Vec<u8> {
    let Image {
        height,
        width,
        channels,
    } = shape.enlarged();
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
    description: &Description,
    kinds: usize,
    prototypes: &[Vec<u8>],
) -> Samples {
    let shape = Image::of(description);
    let mut columns = description.columns.clone();
    columns[0].dtype = Dtype::U8;
    let mut samples = Samples::zeros(&columns, count);
    let (images, others) = samples.arrays.split_first_mut().expect("it has an input");
    let sample_bytes = images.column.bytes();
    let mut kind_of = vec![0; count];
    let chunk = run_of_each(count, 1);
    let chunks = images
        .bytes
        .chunks_mut(chunk * sample_bytes)
        .zip(kind_of.chunks_mut(chunk))
        .enumerate();
    side_by_side(chunks.collect(), |(index, (images, kind_of))| {
        let first = index * chunk;
        let each = images.chunks_exact_mut(sample_bytes).zip(kind_of);
        for (offset, (pixels, kind)) in each.enumerate() {
            let stream = Stream::new(SEED, purpose, (first + offset) as u32);
            *kind = sample(stream, shape, kinds, prototypes, pixels);
        }
    });
    for array in others {
        fill(array, images, &kind_of);
    }
    if let Some(symbols) = description.input().symbols {
        // Rows are dark: without the place few symbols would be seen.
        for sample in images.bytes.chunks_exact_mut(sample_bytes) {
            for (place, byte) in sample.iter_mut().enumerate() {
                *byte = ((usize::from(*byte) + 37 * place) % symbols) as u8;
            }
        }
    }
    if description.input().dtype != Dtype::U8 {
        let float = |byte: &u8| ((f32::from(*byte) - 64.0) / 64.0).to_le_bytes();
        images.column.dtype = Dtype::F32;
        images.bytes = images.bytes.iter().flat_map(float).collect();
    }
    samples
}

/// What goes with the images: integers are the kind of the sample, and the nth of so many floats is the
/// mean of every so-manieth byte of the image from the nth on, as a share of the largest byte.
fn fill(array: &mut Array, images: &Array, kind_of: &[u32]) {
    let values = array.column.values();
    let dtype = array.column.dtype;
    let each = array.bytes.chunks_exact_mut(dtype.bytes()).enumerate();
    for (place, value) in each {
        let (sample, nth) = (place / values, place % values);
        let bytes = match dtype {
            Dtype::F32 => {
                let bytes = images.sample(sample).iter().skip(nth).step_by(values);
                let most = (255 * bytes.len()).max(1);
                let sum: u32 = bytes.map(|byte| u32::from(*byte)).sum();
                (sum as f32 / most as f32).to_le_bytes()
            }
            Dtype::U8 | Dtype::U16 | Dtype::I32 => kind_of[sample].to_le_bytes(),
        };
        value.copy_from_slice(&bytes[..dtype.bytes()]);
    }
}

/// Fills `pixels` with a sample and returns its kind.
fn sample(
    mut stream: Stream,
    shape: Image,
    kinds: usize,
    prototypes: &[Vec<u8>],
    pixels: &mut [u8],
) -> u32 {
    let kind = stream.next_below(kinds as u32);
    let mode = stream.next_below(MODES as u32);
    let own = kind * MODES as u32 + mode;
    let other = stream.next_below((kinds * MODES) as u32);
    let mut shifted = |number: u32| {
        let down = stream.next_below(SHIFTS as u32) as usize;
        let right = stream.next_below(SHIFTS as u32) as usize;
        let start = (down * shape.enlarged().width + right) * shape.channels;
        &prototypes[number as usize][start..]
    };
    let (own, other) = (shifted(own), shifted(other));
    // Contrasts in 256ths.
    let own_contrast = 128 + stream.next_below(128) as i32;
    let other_contrast = stream.next_below(96) as i32;
    let row_values = shape.width * shape.channels;
    let prototype_row_values = shape.enlarged().width * shape.channels;
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
    kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Column, DataSource};

    fn made(name: &str, train_count: usize, test_count: usize) -> Dataset {
        let source = DataSource::find(name).unwrap();
        synthetic(&source.description, train_count, test_count)
    }

    #[test]
    fn the_samples_are_the_known_ones() {
        let dataset = made("fashion-mnist", 100, 20);
        let known = "2862aa99f55137a62d8e8f706e059ad4c2b49a3147646a32c34210552074bbad";
        assert_eq!(dataset.sha256, known);
        assert_eq!(dataset.train.array("pixels").bytes.len(), 100 * 784);
        assert_eq!(dataset.test.count(), 20);
    }

    #[test]
    fn a_sample_does_not_depend_on_how_many_there_are() {
        let few = made("fashion-mnist", 3, 1);
        let more = made("fashion-mnist", 50, 7);
        assert_eq!(
            few.train.array("pixels").bytes,
            more.train.array("pixels").bytes[..3 * 784]
        );
        assert_eq!(
            few.train.array("labels").bytes,
            more.train.array("labels").bytes[..3]
        );
        assert_eq!(
            few.test.array("pixels").bytes,
            more.test.array("pixels").bytes[..784]
        );
        assert_ne!(
            few.train.array("pixels").bytes[..784],
            few.test.array("pixels").bytes[..784]
        );
        assert_eq!(made("fashion-mnist", 0, 0).train.count(), 0);
    }

    #[test]
    fn every_class_has_its_share() {
        let dataset = made("fashion-mnist", 10_000, 0);
        let mut counts = [0; 10];
        for &label in &dataset.train.array("labels").bytes {
            counts[usize::from(label)] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }

    #[test]
    fn the_class_of_a_sample_can_be_told_from_others_but_not_perfectly() {
        for source in DataSource::all() {
            let Dataset { train, test, .. } = synthetic(&source.description, 1_000, 100);
            let distance = |a: &[u8], b: &[u8]| -> u32 {
                let pairs = a.iter().zip(b);
                pairs.map(|(&a, &b)| u32::from(a.abs_diff(b))).sum()
            };
            let pixels = |samples: &Samples, n: usize| samples.arrays[0].sample(n).to_vec();
            let nearest = |sample: &[u8]| {
                (0..train.count()).min_by_key(|other| distance(sample, &pixels(&train, *other)))
            };
            let label = |samples: &Samples, n: usize| samples.arrays[1].sample(n)[0];
            let right = (0..test.count()).filter(|n| {
                let nearest = nearest(&pixels(&test, *n)).unwrap();
                label(&train, nearest) == label(&test, *n)
            });
            let right = right.count();
            assert!((40..100).contains(&right), "{source}: {right}");
        }
    }

    #[test]
    fn symbols_are_all_of_those_that_there_are() {
        let description = Description {
            name: "test".into(),
            columns: vec![
                Column::new("text", Dtype::U8, &[12]).of_symbols(65),
                Column::new("next", Dtype::U8, &[]),
            ],
            classes: 65,
            train_samples: 0,
            test_samples: 0,
        };
        let Dataset { train, .. } = synthetic(&description, 500, 0);
        let mut seen = train.array("text").bytes.clone();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, (0..65).collect::<Vec<u8>>());
        assert_eq!(train.arrays[0].column, description.columns[0]);
    }

    #[test]
    fn columns_are_those_of_the_description() {
        let description = Description {
            name: "test".into(),
            columns: vec![
                Column::new("images", Dtype::U8, &[4, 4, 2]),
                Column::new("brightness", Dtype::F32, &[2]),
                Column::new("kind", Dtype::I32, &[]),
            ],
            classes: 0,
            train_samples: 0,
            test_samples: 0,
        };
        let Dataset { train, .. } = synthetic(&description, 5, 0);
        assert_eq!(train.count(), 5);
        for sample in 0..5 {
            let image = train.array("images").sample(sample);
            for channel in [0, 1] {
                let bytes = image.chunks(2).map(|pixel| f64::from(pixel[channel]));
                let mean = bytes.sum::<f64>() / (16.0 * 255.0);
                let given = train.array("brightness").numbers()[2 * sample + channel];
                assert!((given - mean).abs() < 1e-6);
            }
            assert!((0.0..10.0).contains(&train.array("kind").numbers()[sample]));
        }
    }
}
