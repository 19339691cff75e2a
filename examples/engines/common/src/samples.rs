//! The samples of a job, and batches of them.

use std::{fs, io, path::Path};

use safetensors::{Dtype, SafeTensors};

use crate::{Model, Problem};

/// Numbers in the precision that is computed in.
pub enum Values {
    /// What is timed.
    F32(Vec<f32>),
    /// What is compared with the oracle.
    F64(Vec<f64>),
}

/// Some samples.
pub struct Batch {
    /// How many.
    pub rows: usize,
    /// Logits of a sample.
    pub classes: usize,
    /// Of one sample: channels, height and width of an image, or the values of a row.
    pub shape: Vec<usize>,
    /// The inputs.
    pub inputs: Values,
    /// For each sample and class 1 where it is the sample's, else 0.
    pub wanted: Values,
    /// The classes.
    pub labels: Vec<usize>,
}

/// Which samples.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Train,
    Test,
}

pub(crate) struct Samples {
    train: Loaded,
    test: Loaded,
    /// Of one sample, as a net reads it.
    shape: Vec<usize>,
    classes: usize,
    /// The input that each byte stands for.
    scaled: [f64; 256],
}

struct Loaded {
    inputs: Vec<u8>,
    labels: Vec<usize>,
}

impl Samples {
    pub(crate) fn read(folder: &Path, model: &Model) -> Result<Self, Problem> {
        let (train, mut shape) = loaded(&folder.join("train.safetensors"), model)?;
        let (test, _) = loaded(&folder.join("test.safetensors"), model)?;
        if !model.reads_images() {
            shape = vec![shape.iter().product()];
        }
        Ok(Self {
            train,
            test,
            shape,
            classes: model.classes,
            scaled: std::array::from_fn(|byte| byte as f64 / model.pixel_divisor),
        })
    }

    fn part(&self, part: Part) -> &Loaded {
        match part {
            Part::Train => &self.train,
            Part::Test => &self.test,
        }
    }

    pub(crate) fn count(&self, part: Part) -> usize {
        self.part(part).labels.len()
    }

    pub(crate) fn batch(&self, part: Part, numbers: &[u32], is_wide: bool) -> Batch {
        let Loaded { inputs, labels } = self.part(part);
        let values: usize = self.shape.iter().product();
        let bytes = numbers.iter().flat_map(|it| &inputs[*it as usize * values..][..values]);
        let labels: Vec<usize> = numbers.iter().map(|it| labels[*it as usize]).collect();
        let mut wanted = vec![0.0; labels.len() * self.classes];
        for (row, label) in wanted.chunks_exact_mut(self.classes).zip(&labels) {
            row[*label] = 1.0;
        }
        let (inputs, wanted) = match is_wide {
            true => {
                let inputs = bytes.map(|it| self.scaled[usize::from(*it)]).collect();
                (Values::F64(inputs), Values::F64(wanted))
            }
            false => {
                let scaled = self.scaled.map(|it| it as f32);
                let inputs = bytes.map(|it| scaled[usize::from(*it)]).collect();
                let wanted = wanted.iter().map(|it| *it as f32).collect();
                (Values::F32(inputs), Values::F32(wanted))
            }
        };
        Batch {
            rows: labels.len(),
            classes: self.classes,
            shape: self.shape.clone(),
            inputs,
            wanted,
            labels,
        }
    }
}

/// The samples of a file, and the shape of one: images with their channels first where the net reads images.
fn loaded(path: &Path, model: &Model) -> Result<(Loaded, Vec<usize>), Problem> {
    let bytes = fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let named = |key: &str| {
        let name = header.metadata().as_ref().and_then(|it| it.get(key));
        name.ok_or_else(|| Problem::unsupported(format!("this engine needs {key} among the samples")))
    };
    let inputs = tensors.tensor(named("input")?)?;
    let labels = tensors.tensor(named("labels")?)?;
    if inputs.dtype() != Dtype::U8 {
        return Err(Problem::unsupported("this engine reads bytes alone"));
    }
    let labels = match labels.dtype() {
        Dtype::U8 => labels.data().iter().map(|it| usize::from(*it)).collect(),
        Dtype::U16 => {
            let pairs = labels.data().as_chunks().0.iter();
            pairs.map(|it| usize::from(u16::from_le_bytes(*it))).collect()
        }
        other => return Err(io::Error::other(format!("labels are {other:?}")).into()),
    };
    let shape = inputs.shape()[1..].to_vec();
    let mut inputs = inputs.data().to_vec();
    let [height, width, channels] = shape[..] else {
        return Ok((Loaded { inputs, labels }, shape));
    };
    if !model.reads_images() {
        return Ok((Loaded { inputs, labels }, shape));
    }
    for image in inputs.chunks_exact_mut(height * width * channels) {
        let before = image.to_vec();
        for (place, value) in before.iter().enumerate() {
            image[place % channels * height * width + place / channels] = *value;
        }
    }
    Ok((Loaded { inputs, labels }, vec![channels, height, width]))
}
