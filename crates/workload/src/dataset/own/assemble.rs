//! Samples of the arrays that files have.

use super::{
    MOST_CLASSES, OwnError, OwnFiles, Part, Targets, Test, array_file, cifar,
    csv::{self, Learnt},
    images,
    labels::Labels,
    raw::Raw,
    split::{numbers, split},
    sum::{FileSum, Identified, sum},
    text,
};
use crate::{
    dataset::{Array, Column, Dataset, Description, Dtype, Origin, Samples},
    threads::{both, side_by_side},
};

/// What a part's files have.
struct Given {
    inputs: Raw,
    learnt: Learnt,
    /// The sums of the files that inputs were decoded from, one a sample.
    decoded_from: Option<Vec<FileSum>>,
}

/// Samples to train and to test on.
struct Both {
    samples: [Samples; 2],
    class_names: Vec<String>,
    /// The sums of the files that inputs were decoded from.
    decoded_from: [Option<Vec<FileSum>>; 2],
    /// The sums of the blocks of inputs, where whoever has read them has made some.
    blocks: [Option<Vec<FileSum>>; 2],
}

/// Reads all files.
pub(super) fn dataset(files: &OwnFiles) -> Result<Dataset, OwnError> {
    let Both {
        samples: [mut train, mut test],
        class_names,
        decoded_from,
        blocks,
    } = match &files.train {
        Part::Text { file, form } => {
            let (samples, class_names) = text::samples(files.folder(), file, *form, &files.test)?;
            Both {
                samples,
                class_names,
                decoded_from: [None, None],
                blocks: [None, None],
            }
        }
        _ => each_by_itself(files)?,
    };
    for (which, samples) in [("train", &train), ("test", &test)] {
        if samples.count() == 0 {
            let problem = format!(
                "there are no {which} samples; name files that have some, or change test_fraction"
            );
            return Err(OwnError::new(&files.name, problem));
        }
    }
    let [of_train, of_test] = [&train, &test].map(shape_text);
    if of_train != of_test {
        let problem = format!(
            "training samples are {of_train}, but test samples {of_test}; they must be alike"
        );
        return Err(OwnError::new(&files.name, problem));
    }
    if files.standardize {
        standardize(&mut train.arrays[0], &mut test.arrays[0]);
        check_finite(files, &test.arrays[0])?;
    }
    let classes = match (files.targets, train.arrays[0].column.symbols) {
        // The last symbol may be none that is learnt.
        (Targets::Classes, Some(symbols)) => symbols,
        (Targets::Classes, None) => number_classes(files, [&mut train, &mut test])?,
        (Targets::Values | Targets::Input, _) => 0,
    };
    let columns = train.arrays.iter().map(|array| array.column.clone());
    Ok(Dataset {
        description: Description {
            name: files.name.clone(),
            columns: columns.collect(),
            classes,
            train_samples: train.count(),
            test_samples: test.count(),
        },
        origin: Origin::Own,
        class_names,
        sha256: sum([
            identified("train", &train, &decoded_from[0], &blocks[0]),
            identified("test", &test, &decoded_from[1], &blocks[1]),
        ]),
        train,
        test,
    })
}

/// The samples of files that have each of them by itself.
fn each_by_itself(files: &OwnFiles) -> Result<Both, OwnError> {
    let (train, test) = read_parts(files);
    let mut train = train?;
    let from_train = train.decoded_from.take();
    let sums_of_train = train.inputs.take_block_sums(files.standardize);
    match &files.test {
        Test::Files(_) => {
            let mut test = test.expect("it has files")?;
            let decoded_from = [from_train, test.decoded_from.take()];
            check_folders(files, [&train, &test])?;
            let sums_of_test = test.inputs.take_block_sums(files.standardize);
            let (samples, class_names) = samples(files, train, Some(test))?;
            Ok(Both {
                samples,
                class_names,
                decoded_from,
                blocks: [sums_of_train, sums_of_test],
            })
        }
        Test::Fraction { fraction, seed } => {
            let ([all, _], class_names) = samples(files, train, None)?;
            let numbers = numbers(all.count(), *fraction, *seed);
            let of = |numbers: &Vec<u32>| -> Option<Vec<FileSum>> {
                let all = from_train.as_ref()?;
                Some(numbers.iter().map(|it| all[*it as usize]).collect())
            };
            let decoded_from = numbers.each_ref().map(of);
            Ok(Both {
                samples: split(all, &numbers),
                class_names,
                decoded_from,
                blocks: [None, None],
            })
        }
        Test::End { .. } => Err(only_text(files)),
    }
}

fn only_text(files: &OwnFiles) -> OwnError {
    let problem = "a text, and the end of one to test on, go with a text alone";
    OwnError::new(&files.name, problem)
}

fn identified<'a>(
    which: &'a str,
    samples: &'a Samples,
    decoded_from: &'a Option<Vec<FileSum>>,
    blocks: &'a Option<Vec<FileSum>>,
) -> Identified<'a> {
    let decoded_from = decoded_from.as_deref();
    Identified {
        which,
        samples,
        files: decoded_from.map(|sums| (images::MADE_BY, sums)),
        blocks: blocks.as_deref(),
    }
}

fn shape_text(samples: &Samples) -> String {
    let columns = samples.arrays.iter().map(|array| array.column.to_string());
    columns.collect::<Vec<_>>().join(", ")
}

/// A part that was read.
type Read = Result<Given, OwnError>;

/// Reads what there is to train and to test on. What is deflated can be unpacked by one core alone, so arrays are read
/// side by side; images, which all cores decode, one part after the other.
fn read_parts(files: &OwnFiles) -> (Read, Option<Read>) {
    let train = || given(files, &files.train);
    match &files.test {
        Test::Files(test @ Part::Arrays { .. }) => {
            let (test, train) = both(|| given(files, test), train);
            (train, Some(test))
        }
        Test::Files(test) => {
            let train = train();
            let is_read = train.is_ok();
            (train, is_read.then(|| given(files, test)))
        }
        Test::Fraction { .. } | Test::End { .. } => (train(), None),
    }
}

/// Reads the files of a part.
fn given(files: &OwnFiles, part: &Part) -> Result<Given, OwnError> {
    match part {
        Part::Arrays { inputs, targets } => {
            let named: Vec<&String> = [inputs].into_iter().chain(targets).collect();
            let read = side_by_side(named, |named| array_file::read(files.folder(), named));
            let mut read = read.into_iter();
            let mut next = || read.next().transpose();
            let inputs = next()?.expect("a part has inputs");
            let targets = next()?;
            check_counts(&inputs, targets.as_ref())?;
            let learnt = targets.map_or(Learnt::Nothing, Learnt::Numbers);
            Ok(as_stored(inputs, learnt))
        }
        Part::Table {
            files: tables,
            inputs,
            targets,
        } => {
            let wanted = csv::Wanted {
                inputs,
                targets,
                kind: files.targets,
            };
            let (inputs, learnt) = csv::read_all(files.folder(), tables, &wanted)?;
            check_counts(&inputs, None)?;
            Ok(as_stored(inputs, learnt))
        }
        Part::Cifar {
            files: batches,
            label,
        } => {
            let (inputs, labels) = cifar::read(files.folder(), batches, label.as_deref())?;
            Ok(as_stored(inputs, Learnt::Numbers(labels)))
        }
        Part::Text { .. } => Err(only_text(files)),
        Part::Images { folder, form } => {
            let (inputs, labels, sums) = images::read(&files.folder().join(folder), *form)?;
            let learnt = match files.targets {
                Targets::Classes => Learnt::Classes(labels),
                Targets::Values | Targets::Input => Learnt::Nothing,
            };
            Ok(Given {
                inputs,
                learnt,
                decoded_from: Some(sums),
            })
        }
    }
}

fn as_stored(inputs: Raw, learnt: Learnt) -> Given {
    Given {
        inputs,
        learnt,
        decoded_from: None,
    }
}

/// Folders of images have the same classes: one that is not tested at all was rather forgotten.
fn check_folders(files: &OwnFiles, [train, test]: [&Given; 2]) -> Result<(), OwnError> {
    match (&files.train, &train.learnt, &test.learnt) {
        (Part::Images { .. }, Learnt::Classes(train), Learnt::Classes(test)) => {
            train.check_same_names(test)
        }
        _ => Ok(()),
    }
}

/// The samples of both parts, or of one, and the names of their classes, where these have names. Classes are still
/// of 16 bits.
fn samples(
    files: &OwnFiles,
    train: Given,
    test: Option<Given>,
) -> Result<([Samples; 2], Vec<String>), OwnError> {
    let named = match (&train.learnt, test.as_ref().map(|it| &it.learnt)) {
        (Learnt::Classes(train), Some(Learnt::Classes(test))) => Some((train, Some(test))),
        (Learnt::Classes(train), _) => Some((train, None)),
        _ => None,
    };
    let numbered = named
        .map(|(train, test)| Labels::numbered(train, test))
        .transpose()?;
    let ([of_train, of_test], names) = match numbered {
        Some((both, names)) => (both.map(Some), names),
        None => ([None, None], Vec::new()),
    };
    let test = test.map(|test| arrays(files, test, of_test)).transpose()?;
    let none = Samples { arrays: Vec::new() };
    let train = arrays(files, train, of_train)?;
    Ok(([train, test.unwrap_or(none)], names))
}

/// The samples of a part; `classes` are those of names.
fn arrays(files: &OwnFiles, given: Given, classes: Option<Vec<u16>>) -> Result<Samples, OwnError> {
    let of_classes = |classes: Vec<u16>| Array {
        column: Column::new("targets", Dtype::U16, &[]),
        bytes: classes.iter().flat_map(|it| it.to_le_bytes()).collect(),
    };
    let targets = match (given.learnt, files.targets) {
        (Learnt::Numbers(raw), Targets::Classes) => Some(of_classes(raw.classes()?)),
        (Learnt::Numbers(raw), _) => Some(raw.into_values()?),
        (Learnt::Classes(_), _) => classes.map(of_classes),
        (Learnt::Nothing, _) => None,
    };
    let inputs = given.inputs.into_input(files.standardize)?;
    Ok(Samples {
        arrays: [inputs].into_iter().chain(targets).collect(),
    })
}

fn check_counts(inputs: &Raw, targets: Option<&Raw>) -> Result<(), OwnError> {
    for raw in [inputs].into_iter().chain(targets) {
        if raw.sample_shape().contains(&0) {
            return Err(raw.error("a sample of it has no values"));
        }
    }
    if u32::try_from(inputs.samples()).is_err() {
        return Err(inputs.error("it has more than 4,294,967,295 samples"));
    }
    match targets {
        Some(targets) if targets.samples() != inputs.samples() => Err(targets.error(format!(
            "it has {} samples, but {} has {}; both must have one entry a sample",
            targets.samples(),
            inputs.place,
            inputs.samples()
        ))),
        _ => Ok(()),
    }
}

/// How many classes there are; their numbers are stored as bytes where that is possible. A class that is tested and
/// not trained would only ever be wrong.
fn number_classes(files: &OwnFiles, parts: [&mut Samples; 2]) -> Result<usize, OwnError> {
    let largest = |samples: &Samples| {
        let array = &samples.arrays[1];
        (0..array.count()).map(|sample| array.class(sample)).max()
    };
    let [train, test] = [0, 1].map(|part| largest(parts[part]).unwrap_or(0));
    if test > train {
        let problem = format!(
            "a test sample has the class {test}, but training samples have none above {train}; classes are \
             numbered from 0"
        );
        return Err(OwnError::new(&files.name, problem));
    }
    if train == 0 {
        let problem = "all samples have the class 0; at least two classes are needed";
        return Err(OwnError::new(&files.name, problem));
    }
    debug_assert!(train < MOST_CLASSES);
    if train < 256 {
        for samples in parts {
            let array = &mut samples.arrays[1];
            array.column.dtype = Dtype::U8;
            array.bytes = array.bytes.iter().step_by(2).copied().collect();
        }
    }
    Ok(train + 1)
}

/// Each value of the inputs minus its mean, over its standard deviation; both over the training samples, in double
/// precision. A value that is always the same becomes 0.
fn standardize(train: &mut Array, test: &mut Array) {
    let values = train.column.values();
    let count = train.count() as f64;
    let (floats, _) = train.bytes.as_chunks();
    let float = |it: &[u8; 4]| f64::from(f32::from_le_bytes(*it));
    let mut means = vec![0.0; values];
    let mut squares = vec![0.0; values];
    for sample in floats.chunks_exact(values) {
        means
            .iter_mut()
            .zip(sample)
            .for_each(|(sum, it)| *sum += float(it));
    }
    means.iter_mut().for_each(|sum| *sum /= count);
    for sample in floats.chunks_exact(values) {
        let sums = squares.iter_mut().zip(&means).zip(sample);
        sums.for_each(|((sum, mean), it)| *sum += (float(it) - mean).powi(2));
    }
    let factors: Vec<f64> = squares
        .iter()
        .map(|sum| match (sum / count).sqrt() {
            0.0 => 0.0,
            deviation => 1.0 / deviation,
        })
        .collect();
    for array in [train, test] {
        let (floats, _) = array.bytes.as_chunks_mut();
        for sample in floats.chunks_exact_mut(values) {
            for ((it, mean), factor) in sample.iter_mut().zip(&means).zip(&factors) {
                *it = (((float(it) - mean) * factor) as f32).to_le_bytes();
            }
        }
    }
}

/// A test value can be very far from all that is trained on.
fn check_finite(files: &OwnFiles, inputs: &Array) -> Result<(), OwnError> {
    if inputs.numbers().iter().all(|number| number.is_finite()) {
        return Ok(());
    }
    let problem =
        "a standardized test value is not finite; leave standardize out, or look at the values";
    Err(OwnError::new(&files.name, problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardized_values_have_mean_0_and_variance_1_over_the_training_samples() {
        let array = |values: &[f32]| Array {
            column: Column::new("inputs", Dtype::F32, &[2]),
            bytes: values.iter().flat_map(|it| it.to_le_bytes()).collect(),
        };
        let mut train = array(&[1.0, 5.0, 3.0, 5.0]);
        let mut test = array(&[5.0, 5.0]);
        standardize(&mut train, &mut test);
        assert_eq!(train.numbers(), [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!(test.numbers(), [3.0, 0.0]);
    }
}
