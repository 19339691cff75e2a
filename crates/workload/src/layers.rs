//! The kinds of layers a spec may name: how each is read, and the shape of what it gives. A new
//! kind is a variant, an entry in [`LAYERS`], its name and an arm in [`output_shape`]; activations are in a
//! file of their own.

use serde::{Deserialize, Serialize};

use crate::{
    activations::{ACTIVATIONS, Activation},
    embedding::{self, Embedding},
    entry::{self, Choice, Entry},
    fields::{DECAY, FRACTION, Fields, POSITIVE},
    key::{BOTH, Key},
    misfits::{channels_seen, concat_shape, dense_on_image, image, product_shape, sum_shape},
    spec_error::Problem,
    transposed,
    windows::{self, Misfit, Window},
};

/// The vocabulary of layers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LayerKind {
    /// Reads a sample's values as one row; moves nothing.
    Flatten,
    /// `y = x·Wᵀ + b`, W of shape (units, inputs); W Glorot uniform, b zero.
    Dense {
        /// Outputs a sample.
        units: usize,
        /// Whether there is a b.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        bias: bool,
    },
    /// A convolution, channels last; W of shape (filters, channels, kernel height, kernel width),
    /// Glorot uniform with fans kernel area × channels and kernel area × filters; b zero.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Where the kernel meets the input.
        #[serde(flatten)]
        window: Window,
        /// Whether each filter has a bias.
        bias: bool,
        /// In how many groups channels and filters lie, those of each one behind the other. A filter sees the
        /// channels of its group alone: W has the shape (filters, channels/groups, kernel height, kernel width),
        /// and the fans are those within a group.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        groups: usize,
    },
    /// A transposed convolution, channels last: what the gradient of a convolution's input does (Dumoulin & Visin
    /// 2016). W has the shape (channels, filters, kernel height, kernel width), Glorot uniform with fans kernel area ×
    /// filters and kernel area × channels; b zero.
    Conv2dTranspose {
        /// Output channels.
        filters: usize,
        /// The window of that convolution, which goes over the output.
        #[serde(flatten)]
        window: Window,
        /// Rows and columns of the output, below and to the right, beyond those that windows need.
        output_padding: [usize; 2],
        /// Whether each filter has a bias.
        bias: bool,
    },
    /// Batch normalisation over all but the channels of an image, or the values of a row (Ioffe &
    /// Szegedy 2015); γ one, β zero. In training with the batch's mean and uncorrected variance, in
    /// evaluation with the moving ones: `moving ← momentum·moving + (1−momentum)·batch`, from mean 0
    /// and variance 1.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
        /// How much of a moving statistic is kept a step.
        momentum: f64,
    },
    /// Layer normalisation over the channels of each position of an image, or the values of a row (Ba et al.
    /// 2016), in training as in evaluation; γ one, β zero.
    LayerNorm {
        /// Added to the uncorrected variance.
        epsilon: f64,
    },
    /// The largest value of each window; padding never wins.
    MaxPool {
        /// Where the window meets the input.
        #[serde(flatten)]
        window: Window,
    },
    /// The mean of each window, padding left out.
    AvgPool {
        /// Where the window meets the input.
        #[serde(flatten)]
        window: Window,
    },
    /// The mean of each channel over all positions.
    GlobalAvgPool,
    /// Every value in as many positions, down and to the right: the nearest one.
    Upsample {
        /// How many.
        factor: [usize; 2],
    },
    /// In training drops a value with probability `rate` and scales the others by 1/(1−rate); in
    /// evaluation the identity.
    Dropout {
        /// The probability, 0 ≤ rate < 1.
        rate: f64,
    },
    /// The sum of two layers' outputs of one shape.
    Add,
    /// The product of two layers' outputs of one shape, value by value, or of images and a row with a factor for
    /// each channel.
    Multiply,
    /// The channels of two or more layers' outputs, or the values of rows, one layer's behind the other's.
    Concat,
    /// A vector for each symbol of a text, in a sequence (1, symbols of a sample, dimension).
    Embedding(Embedding),
    /// A function of each value.
    #[serde(untagged)]
    Activation(Activation),
}

/// The most values that one tensor may have: 16 GiB in single precision. Sizes below it cannot
/// overflow anywhere.
pub(crate) const MAX_VALUES: u64 = 1 << 32;

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// What earlier builds never wrote: digests are taken of the text.
fn is_one(groups: &usize) -> bool {
    *groups == 1
}

/// All kinds of layers, in the order that lists show them.
pub fn layers() -> impl Iterator<Item = Choice> {
    let activations = ACTIVATIONS.iter().map(Entry::choice);
    LAYERS.iter().map(Entry::choice).chain(activations)
}

/// Reads a layer of this kind, which is one of [`layers`].
pub(crate) fn read_kind(kind: &str, fields: &Fields) -> LayerKind {
    let activation = || entry::read(ACTIVATIONS, kind, fields).map(LayerKind::Activation);
    let layer = entry::read(LAYERS, kind, fields).or_else(activation);
    layer.expect("a kind that has an entry")
}

const LAYERS: &[Entry<LayerKind>] = &[
    Entry {
        kind: "flatten",
        summary: "reads a sample's values as one row",
        keys: &[],
        optional: &[],
        read: |_| LayerKind::Flatten,
    },
    Entry {
        kind: "dense",
        summary: "y = x·Wᵀ + b, with `units` outputs; W Glorot uniform, b (unless bias = false) zero",
        keys: &[Key::new("units", "128")],
        optional: &[Key::new("bias", "true").why(BOTH)],
        read: |fields| LayerKind::Dense {
            units: fields.size("units", MAX_VALUES),
            bias: fields.optional_boolean("bias", true),
        },
    },
    Entry {
        kind: "conv2d",
        summary: "a convolution with `filters` outputs; W Glorot uniform, b (where bias) zero",
        keys: &[
            Key::new("filters", "64"),
            Key::new("kernel", "3"),
            Key::new("stride", "1").why(BOTH),
            Key::new("padding", "\"valid\"").why(NO_PADDING),
            Key::new("bias", "true").why(BOTH),
        ],
        optional: &[Key::new("groups", "1"), Key::new("dilation", "1")],
        read: |fields| LayerKind::Conv2d {
            filters: fields.size("filters", MAX_VALUES),
            window: windows::read(fields, "kernel"),
            bias: fields.boolean("bias"),
            groups: fields.optional_size("groups", MAX_VALUES, 1),
        },
    },
    Entry {
        kind: "conv2d_transpose",
        summary: "a transposed convolution with `filters` outputs; W Glorot uniform, b (where bias) zero",
        keys: &[
            Key::new("filters", "64"),
            Key::new("kernel", "3"),
            Key::new("stride", "2"),
            Key::new("padding", "\"valid\"").why(NO_PADDING),
            Key::new("bias", "true").why(BOTH),
        ],
        optional: &[Key::new("output_padding", "1"), Key::new("dilation", "1")],
        read: |fields| LayerKind::Conv2dTranspose {
            filters: fields.size("filters", MAX_VALUES),
            // For padding = "same" the amounts are 0 until `transposed::pad_same` is called.
            window: windows::read(fields, "kernel"),
            output_padding: transposed::read_output_padding(fields),
            bias: fields.boolean("bias"),
        },
    },
    Entry {
        kind: "batch_norm",
        summary: "γ·(x − mean)/√(variance + epsilon) + β for each channel or column of rows; γ one, β zero",
        keys: &[
            Key::new("epsilon", "1e-3").why("the default in Keras; PyTorch's is 1e-5"),
            Key::new("momentum", "0.99")
                .why("the default in Keras; PyTorch's 0.1 is written 0.9 here"),
        ],
        optional: &[],
        read: |fields| {
            LayerKind::BatchNorm {
                // Not 0: the variance of a channel may be.
                epsilon: fields.number("epsilon", &POSITIVE),
                momentum: fields.number("momentum", &FRACTION),
            }
        },
    },
    Entry {
        kind: "layer_norm",
        summary: "γ·(x − mean)/√(variance + epsilon) + β over the values of each row, or the channels of each \
                  position; γ one, β zero",
        keys: &[Key::new("epsilon", "1e-5").why("the default in PyTorch; Keras's is 1e-3")],
        optional: &[],
        read: |fields| {
            // Not 0: the variance of a row may be.
            let epsilon = fields.number("epsilon", &POSITIVE);
            LayerKind::LayerNorm { epsilon }
        },
    },
    Entry {
        kind: "max_pool",
        summary: "the largest value of each window; padding never wins",
        keys: POOL_KEYS,
        optional: CEIL_MODE,
        read: |fields| {
            let window = windows::read(fields, "size");
            LayerKind::MaxPool { window }
        },
    },
    Entry {
        kind: "avg_pool",
        summary: "the mean of each window, padding left out",
        keys: POOL_KEYS,
        optional: CEIL_MODE,
        read: |fields| {
            let window = windows::read(fields, "size");
            LayerKind::AvgPool { window }
        },
    },
    Entry {
        kind: "global_avg_pool",
        summary: "the mean of each channel over all positions",
        keys: &[],
        optional: &[],
        read: |_| LayerKind::GlobalAvgPool,
    },
    Entry {
        kind: "upsample",
        summary: "every value in `factor` positions, down and to the right: the nearest one",
        keys: &[Key::new("factor", "2").why("the default in Keras")],
        optional: &[],
        read: |fields| {
            let factor = windows::read_size(fields, "factor");
            LayerKind::Upsample { factor }
        },
    },
    Entry {
        kind: "dropout",
        summary: "in training drops a value with probability `rate`, and scales the others up",
        keys: &[Key::new("rate", "0.5").why("the default in PyTorch")],
        optional: &[],
        read: |fields| {
            let rate = fields.number("rate", &DECAY);
            LayerKind::Dropout { rate }
        },
    },
    Entry {
        kind: "add",
        summary: "the sum of the two layers that `inputs` names",
        keys: &[],
        optional: &[],
        read: |_| LayerKind::Add,
    },
    Entry {
        kind: "multiply",
        summary: "the product of the two layers that `inputs` names, of one shape, or of images and a row with a \
                  factor for each channel",
        keys: &[],
        optional: &[],
        read: |_| LayerKind::Multiply,
    },
    Entry {
        kind: "concat",
        summary: "the channels of the layers that `inputs` names, or the values of rows, one layer's behind the \
                  other's",
        keys: &[],
        optional: &[],
        read: |_| LayerKind::Concat,
    },
    Entry {
        kind: "embedding",
        summary: embedding::SUMMARY,
        keys: embedding::KEYS,
        optional: &[],
        read: |fields| LayerKind::Embedding(embedding::read(fields, MAX_VALUES)),
    },
];

const NO_PADDING: &str = "none, the default in PyTorch and Keras";

/// It becomes padding where the input's shape is known.
const CEIL_MODE: &[Key] = &[Key::new("ceil_mode", "true")];

const POOL_KEYS: &[Key] = &[
    Key::new("size", "2"),
    // A stride of 1 would make the net many times as expensive without a word.
    Key::new("stride", "2")
        .same_as("size")
        .why("the window's size, the default in PyTorch and Keras"),
    Key::new("padding", "\"valid\"").why(NO_PADDING),
];

/// The entry of the kind that a resolved layer has.
pub(crate) fn kind_name(kind: &LayerKind) -> &'static str {
    match kind {
        LayerKind::Flatten => "flatten",
        LayerKind::Dense { .. } => "dense",
        LayerKind::Conv2d { .. } => "conv2d",
        LayerKind::Conv2dTranspose { .. } => "conv2d_transpose",
        LayerKind::BatchNorm { .. } => "batch_norm",
        LayerKind::LayerNorm { .. } => "layer_norm",
        LayerKind::MaxPool { .. } => "max_pool",
        LayerKind::AvgPool { .. } => "avg_pool",
        LayerKind::GlobalAvgPool => "global_avg_pool",
        LayerKind::Upsample { .. } => "upsample",
        LayerKind::Dropout { .. } => "dropout",
        LayerKind::Add => "add",
        LayerKind::Multiply => "multiply",
        LayerKind::Concat => "concat",
        LayerKind::Embedding(_) => "embedding",
        LayerKind::Activation(activation) => activation.name(),
    }
}

/// The shape of the layer's output for one sample, and how many parameters it has, moving
/// statistics among them.
pub(crate) fn output_shape(
    kind: &LayerKind,
    inputs: &[&[usize]],
) -> Result<(Vec<usize>, u64), Misfit> {
    match kind {
        LayerKind::Add => return Ok((sum_shape(inputs)?, 0)),
        LayerKind::Multiply => return Ok((product_shape(inputs)?, 0)),
        LayerKind::Concat => return Ok((concat_shape(inputs)?, 0)),
        _ => {}
    }
    let [input] = *inputs else {
        let what = format!("it reads one layer, but is given {}", inputs.len());
        let advice = "name one layer in inputs, or leave inputs out to read the layer before";
        return Err(("kind", Problem::new(what, advice)));
    };
    let (name, channels) = (kind_name(kind), input.last().copied().unwrap_or(0));
    match kind {
        LayerKind::Flatten => Ok((vec![input.iter().product()], 0)),
        LayerKind::Embedding(embedding) => Ok(embedding.output_shape(input)),
        LayerKind::Activation(_)
        | LayerKind::Dropout { .. }
        | LayerKind::Add
        | LayerKind::Multiply
        | LayerKind::Concat => Ok((input.to_vec(), 0)),
        LayerKind::BatchNorm { .. } => Ok((input.to_vec(), 4 * channels as u64)),
        LayerKind::LayerNorm { .. } => Ok((input.to_vec(), 2 * channels as u64)),
        LayerKind::Dense { units, bias } => match input {
            [values] => {
                let weights = product(&[*values + usize::from(*bias), *units]);
                Ok((vec![*units], weights))
            }
            _ => Err(dense_on_image(input)),
        },
        LayerKind::Conv2d {
            filters,
            window,
            bias,
            groups,
        } => {
            let seen = channels_seen(*groups, channels, *filters)?;
            let [height, width] = windows::conv_output(window, image(name, input)?)?;
            let [kernel_height, kernel_width] = window.kernel;
            let weights = product(&[*filters, kernel_height, kernel_width, seen]);
            let biases = if *bias { *filters as u64 } else { 0 };
            let output = vec![height, width, *filters];
            Ok((output, weights.saturating_add(biases)))
        }
        LayerKind::Conv2dTranspose {
            filters,
            window,
            output_padding,
            bias,
        } => {
            let [height, width] = transposed::output(window, *output_padding, image(name, input)?)?;
            let [kernel_height, kernel_width] = window.kernel;
            let weights = product(&[channels, kernel_height, kernel_width, *filters]);
            let biases = if *bias { *filters as u64 } else { 0 };
            Ok((
                vec![height, width, *filters],
                weights.saturating_add(biases),
            ))
        }
        LayerKind::MaxPool { window } | LayerKind::AvgPool { window } => {
            let [height, width] = windows::pool_output(window, image(name, input)?)?;
            Ok((vec![height, width, channels], 0))
        }
        LayerKind::Upsample { factor } => {
            let [height, width] = image(name, input)?;
            let [down, right] = *factor;
            let sizes = [height.saturating_mul(down), width.saturating_mul(right)];
            Ok((vec![sizes[0], sizes[1], channels], 0))
        }
        LayerKind::GlobalAvgPool => {
            image(name, input)?;
            Ok((vec![channels], 0))
        }
    }
}

/// Saturates: what does not fit in 64 bits is refused as too many anyway.
fn product(sizes: &[usize]) -> u64 {
    sizes
        .iter()
        .fold(1, |product: u64, &size| product.saturating_mul(size as u64))
}
