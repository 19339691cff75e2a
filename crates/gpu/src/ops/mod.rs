//! What this backend says of each operation, one file for each with its gradients: the form of its kernel,
//! and what it writes into that. `each`, `product`, `sums` and `update` are the forms that several have;
//! `chain` is what follows them in a kernel.

mod activate;
mod adam;
mod add;
mod avg_pool;
pub(crate) mod batch_norm;
mod bias;
mod chain;
pub(crate) mod clip;
mod conv2d;
mod dense;
mod dropout;
pub(crate) mod each;
mod global_avg_pool;
mod max_pool;
pub(crate) mod mean_squared_error;
pub(crate) mod product;
mod relu;
mod reshape;
mod rms_prop;
mod round;
mod scale_pixels;
mod sgd;
pub(crate) mod softmax_cross_entropy;
pub(crate) mod sums;
mod tiled;
pub(crate) mod update;
mod windows;
mod zeros;

use laptime_graph::{
    BatchNorm, ClipFactor, MeanSquaredError, MeanSquaredErrorGrad, Op, Operation, Program,
};

use each::Each;
use product::{LiveTaps, MatrixProduct};
use update::Update;

/// The form of the kernel that an operation has.
pub(crate) enum Form<'a> {
    /// Every value of the result is made by itself, one a thread.
    Each(&'a dyn Each),
    /// A tiled matrix product.
    Product(&'a dyn MatrixProduct),
    /// Statistics of each channel, and what follows from them.
    Norm(&'a BatchNorm),
    /// The gradient of that.
    NormGrad,
    /// Sums over all but the channels.
    ColumnSums,
    /// The loss of each sample, and their sum.
    Loss,
    /// The same of values that stand for pixels.
    SquaredError {
        /// What pixels are divided by.
        divisor: f32,
    },
    /// The sum of a gradient's squares, in parts.
    SquareSum,
    /// What all gradients are multiplied by.
    ClipFactor(&'a ClipFactor),
    /// Parameters and moments, many in one kernel.
    Update(&'a dyn Update),
}

/// The form of each operation's kernel, with what it writes into that.
pub(crate) fn form(op: &Op) -> Form<'_> {
    match op {
        Op::ScalePixels(op) => Form::Each(op),
        Op::Reshape(op) => Form::Each(op),
        Op::Round(op) => Form::Each(op),
        Op::Dense(op) => Form::Product(op),
        Op::DenseGradInput(op) => Form::Product(op),
        Op::DenseGradWeight(op) => Form::Product(op),
        Op::Conv2d(op) => Form::Product(op),
        Op::Conv2dGradInput(op) => Form::Product(op),
        Op::Conv2dGradWeight(op) => Form::Product(op),
        Op::Bias(op) => Form::Each(op),
        Op::BiasGrad(_) => Form::ColumnSums,
        Op::Zeros(op) => Form::Each(op),
        Op::BatchNorm(op) => Form::Norm(op),
        Op::BatchNormGrad(_) => Form::NormGrad,
        Op::BatchNormEvaluation(op) => Form::Each(op),
        Op::Add(op) => Form::Each(op),
        Op::MaxPool(op) => Form::Each(op),
        Op::MaxPoolGrad(op) => Form::Each(op),
        Op::AvgPool(op) => Form::Each(op),
        Op::AvgPoolGrad(op) => Form::Each(op),
        Op::GlobalAvgPool(op) => Form::Each(op),
        Op::GlobalAvgPoolGrad(op) => Form::Each(op),
        Op::Dropout(op) => Form::Each(op),
        Op::DropoutGrad(op) => Form::Each(op),
        Op::Relu(op) => Form::Each(op),
        Op::ReluGrad(op) => Form::Each(op),
        Op::Activate(op) => Form::Each(op),
        Op::ActivateGrad(op) => Form::Each(op),
        Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => Form::Loss,
        Op::MeanSquaredError(MeanSquaredError { divisor })
        | Op::MeanSquaredErrorGrad(MeanSquaredErrorGrad { divisor }) => {
            Form::SquaredError { divisor: *divisor }
        }
        Op::SquareSum(_) => Form::SquareSum,
        Op::ClipFactor(op) => Form::ClipFactor(op),
        Op::Clip(op) => Form::Each(op),
        Op::Adam(op) => Form::Update(op),
        Op::AdamW(op) => Form::Update(op),
        Op::Sgd(op) => Form::Update(op),
        Op::RmsProp(op) => Form::Update(op),
    }
}

/// What an operation divides the bytes of pixels by where its kernel reads them.
pub(crate) fn pixel_divisor(op: &Op) -> Option<f32> {
    match form(op) {
        Form::Each(op) => op.pixel_divisor(),
        Form::SquaredError { divisor } => Some(divisor),
        _ => None,
    }
}

/// Whether updates do this operation for themselves where it is fused to one: many are one kernel then too.
pub(crate) fn joins_updates(op: &Op) -> bool {
    matches!(op, Op::Zeros(_) | Op::Clip(_))
}

/// Whether every kernel that reads pixels may do this operation for itself.
pub(crate) fn is_of_pixels(op: &Op) -> bool {
    matches!(form(op), Form::Each(op) if op.is_of_pixels())
}

/// The taps that live of the window that an operation slides over images to multiply them.
pub(crate) fn live_taps(own: &Operation, program: &Program) -> Option<LiveTaps> {
    match form(&own.op) {
        Form::Product(op) => op.live_taps(own, program),
        _ => None,
    }
}
