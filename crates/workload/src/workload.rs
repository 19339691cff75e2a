//! The resolved workload: every value decided, every shape known, nothing left to a default.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    augment::Augment,
    dataset::{Column, Data},
    foreign,
    initial_weights::{self, InitialWeights},
    initializers::Initializer,
    layers::LayerKind,
    loss::{Loss, Target},
    optimizers::Optimizer,
    order::epoch_order,
    rate_schedule::RateSchedule,
    suggest::UnknownName,
};

/// What is trained, on what, how, and for how long. Made by [`crate::Spec::resolve`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The name that records and published results are matched by.
    pub name: String,
    /// The dataset that the samples come from.
    pub dataset: Data,
    /// The shape of one sample; a row of n values is 1×1×n.
    pub input: SampleShape,
    /// How many classes there are; labels are `0..classes`.
    pub classes: usize,
    /// Inputs are divided by this before the first layer.
    pub pixel_divisor: f32,
    /// How images are augmented in training; `None` where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// The layers in topological order.
    pub layers: Vec<Layer>,
    /// The loss, averaged over the samples of a batch.
    pub loss: Loss,
    /// ε of the cross-entropy's targets: `(1 − ε)·onehot(label) + ε/classes`; 0 for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// The update rule.
    pub optimizer: Optimizer,
    /// The largest norm of all gradients of a step together; `None` where they are not clipped. Of a larger norm,
    /// each gradient is multiplied by `global_clip_norm / norm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_clip_norm: Option<f64>,
    /// How the learning rate goes over the training; `None` where it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_schedule: Option<RateSchedule>,
    /// How the weights of dense layers and convolutions begin.
    #[serde(default, skip_serializing_if = "Initializer::is_default")]
    pub initializer: Initializer,
    /// Samples a step; the last step of an epoch may have fewer.
    pub batch_size: usize,
    /// Whether that last step is left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drop_last: bool,
    /// Samples whose gradients are made at once, where a step adds up the gradients of several such micro-batches
    /// (the last of them with what is left); `None` where a step is one batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_batch_size: Option<usize>,
    /// Passes over the training samples.
    pub epochs: usize,
    /// Whether every epoch has a new order of samples; otherwise they come as stored.
    pub shuffle: bool,
    /// The seed of initial weights, orders and dropout.
    pub seed: u64,
    /// What training starts from where that is not drawn from the seed. Written as the digest of its file, so
    /// that it belongs to every digest of the workload; whoever reads a workload has to
    /// [read the file](InitialWeights::read) as well.
    #[serde(
        default,
        skip_deserializing,
        skip_serializing_if = "Option::is_none",
        serialize_with = "initial_weights::serialize_digest"
    )]
    pub initial_weights: Option<Arc<InitialWeights>>,
    /// The arithmetic of the products.
    pub precision: Precision,
    /// What the command line changed in the spec, as `"epochs = 2"`; empty where nothing.
    pub overrides: Vec<String>,
}

impl Workload {
    /// The most samples that go through the net at once.
    pub fn rows_at_once(&self) -> usize {
        let micro_batch = self.micro_batch_size.unwrap_or(self.batch_size);
        micro_batch.min(self.batch_size)
    }

    /// How many of so many training samples an epoch trains on.
    pub fn epoch_samples(&self, samples: usize) -> usize {
        match self.drop_last {
            true => samples - samples % self.batch_size,
            false => samples,
        }
    }

    /// The samples of epoch `epoch` (from 0), of so many training samples, in the order that they are trained on.
    pub fn epoch_order(&self, epoch: usize, samples: usize) -> Vec<u32> {
        let mut order = epoch_order(self.seed, epoch, samples, self.shuffle);
        order.truncate(self.epoch_samples(samples));
        order
    }

    /// The columns of its samples: the dataset's, the input in the shape that the first layer reads.
    pub fn columns(&self) -> Vec<Column> {
        let SampleShape {
            height,
            width,
            channels,
        } = self.input;
        let mut columns = self.dataset.description().columns.clone();
        let shape = &mut columns[self.input_column()].shape;
        *shape = match shape[..] {
            [_] => vec![channels],
            _ => vec![height, width, channels],
        };
        columns
    }

    /// The place among [`Self::columns`] of what the first layer reads.
    pub fn input_column(&self) -> usize {
        0
    }

    /// The place among [`Self::columns`] of what the loss compares with.
    pub fn target_column(&self) -> usize {
        let description = self.dataset.description();
        match self.target() {
            Target::Class => {
                let labels = description.label_column();
                labels.expect("who has classes has labels")
            }
            Target::Values => description.value_column().expect("it was looked for"),
            Target::Input => self.input_column(),
        }
    }

    /// What the loss compares the last layer's values with.
    pub fn target(&self) -> Target {
        match self.loss {
            Loss::SoftmaxCrossEntropy => Target::Class,
            Loss::MeanSquaredError => match self.dataset.description().value_column() {
                Some(_) => Target::Values,
                None => Target::Input,
            },
        }
    }
}

/// As [`is_zero`].
fn is_false(value: &bool) -> bool {
    !value
}

/// What earlier builds never wrote: digests are taken of the text.
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// The shape of one sample: rows of pixels, each pixel with its channels together (NHWC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleShape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels a pixel.
    pub channels: usize,
}

impl SampleShape {
    /// The shape of a column, which has these three axes, or channels alone.
    ///
    /// # Panics
    /// If it has not.
    pub(crate) fn of(column: &Column) -> Self {
        let [height, width, channels] = match column.shape[..] {
            [channels] => [1, 1, channels],
            [height, width, channels] => [height, width, channels],
            _ => panic!("`{}` is neither of images nor of rows", column.name),
        };
        Self {
            height,
            width,
            channels,
        }
    }

    /// How many values a sample has: one for each channel of each pixel.
    pub fn values(self) -> usize {
        self.height * self.width * self.channels
    }
}

impl fmt::Display for SampleShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// One layer with its place in the net.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Unique in the workload; parameters are named after it (`fc1.weight`).
    pub name: String,
    /// What it computes.
    #[serde(flatten)]
    pub kind: LayerKind,
    /// The layers whose outputs it reads; [`Source::Input`] is the scaled input.
    pub inputs: Vec<Source>,
    /// The shape of its output for one sample, channels last.
    pub output: Vec<usize>,
}

/// Where a layer's input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the dataset has of the sample, scaled.
    Input,
    /// The output of the layer with this index in [`Workload::layers`].
    Layer(usize),
}

/// The arithmetic of the products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single precision in every product.
    Fp32,
    /// What products read is rounded to bfloat16 (8 significant bits, the exponents of single
    /// precision); sums, weights, moments and all else stay in single precision.
    Bf16,
}

impl Precision {
    /// All of them, in the order that lists show them.
    pub const ALL: [Self; 2] = [Self::Fp32, Self::Bf16];

    /// The name in specs, records and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Bf16 => "bf16",
        }
    }

    /// What it is, in a line.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Fp32 => "IEEE single precision in every product",
            Self::Bf16 => "products of bfloat16; sums, weights and all else in single precision",
        }
    }
}

impl FromStr for Precision {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|known| known.as_str() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            UnknownName::new("precision", name, &names, &foreign::PRECISIONS)
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
