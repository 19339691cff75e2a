//! What this backend says of each operation, one file for each with its gradients: the form of its kernel,
//! and what it writes into that. `each`, `product`, `sums` and `update` are the forms that several have;
//! `chain` is what follows them in a kernel.

mod accumulate;
mod activate;
mod adam;
mod add;
mod ams_grad;
mod avg_pool;
mod batch_norm;
mod bias;
mod chain;
pub(crate) mod clip;
mod concat;
mod conv2d;
mod conv2d_transpose;
mod cooperative;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod each;
mod embedding;
mod global_avg_pool;
mod grouped_conv2d;
mod layer_norm;
mod max_pool;
mod mean_squared_error;
mod multiply;
pub(crate) mod product;
mod reshape;
mod rms_prop;
mod round;
mod scale_pixels;
mod sgd;
mod softmax_cross_entropy;
mod sums;
mod tiled;
mod update;
mod upsample;
mod windows;
mod zeros;

use laptime_graph::{
    BatchNorm, ClipFactor, MeanSquaredError, MeanSquaredErrorGrad, Op, OpId, Operation, Program,
    TensorId, Uses,
};

use crate::{
    shader::{Shader, THREADS},
    work::Work,
};
use each::Each;
use product::{LiveTaps, MatrixProduct};
use sums::ColumnSums;
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
    ColumnSums(&'a dyn ColumnSums),
    /// All values of a row, which the operation sums, in a workgroup.
    Rows(&'a dyn ByRows),
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

/// What an operation writes that has a row in each workgroup, or a position of an image.
pub(crate) trait ByRows {
    /// The text of its kernel, in which it stands at this place.
    fn text(&self, shader: &mut Shader, place: usize) -> String;
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
        Op::Conv2dTranspose(op) => Form::Product(op),
        Op::Conv2dTransposeGradInput(op) => Form::Product(op),
        Op::DepthwiseConv2d(op) => Form::Each(op),
        Op::DepthwiseConv2dGradInput(op) => Form::Each(op),
        Op::DepthwiseConv2dGradWeight(op) => Form::ColumnSums(op),
        Op::GroupedConv2d(op) => Form::Each(op),
        Op::GroupedConv2dGradInput(op) => Form::Each(op),
        Op::GroupedConv2dGradWeight(op) => Form::ColumnSums(op),
        Op::Bias(op) => Form::Each(op),
        Op::BiasGrad(op) => Form::ColumnSums(op),
        Op::Zeros(op) => Form::Each(op),
        Op::BatchNorm(op) => Form::Norm(op),
        Op::BatchNormGrad(_) => Form::NormGrad,
        Op::BatchNormEvaluation(op) => Form::Each(op),
        Op::LayerNorm(op) => Form::Rows(op),
        Op::LayerNormGrad(op) => Form::Rows(op),
        Op::LayerNormGradScale(op) => Form::ColumnSums(op),
        Op::Add(op) => Form::Each(op),
        Op::Concat(op) => Form::Each(op),
        Op::Split(op) => Form::Each(op),
        Op::Multiply(op) => Form::Each(op),
        Op::MultiplyChannels(op) => Form::Each(op),
        Op::MultiplyChannelsGrad(op) => Form::Each(op),
        Op::MaxPool(op) => Form::Each(op),
        Op::MaxPoolGrad(op) => Form::Each(op),
        Op::AvgPool(op) => Form::Each(op),
        Op::AvgPoolGrad(op) => Form::Each(op),
        Op::GlobalAvgPool(op) => Form::Each(op),
        Op::GlobalAvgPoolGrad(op) => Form::Each(op),
        Op::Upsample(op) => Form::Each(op),
        Op::UpsampleGrad(op) => Form::Each(op),
        Op::Embedding(op) => Form::Each(op),
        Op::EmbeddingGrad(op) => Form::Rows(op),
        Op::Dropout(op) => Form::Each(op),
        Op::DropoutGrad(op) => Form::Each(op),
        Op::Activate(op) => Form::Each(op),
        Op::ActivateGrad(op) => Form::Each(op),
        Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => Form::Loss,
        Op::MeanSquaredError(MeanSquaredError { divisor })
        | Op::MeanSquaredErrorGrad(MeanSquaredErrorGrad { divisor, .. }) => {
            Form::SquaredError { divisor: *divisor }
        }
        Op::Accumulate(op) => Form::Each(op),
        Op::SquareSum(_) => Form::SquareSum,
        Op::ClipFactor(op) => Form::ClipFactor(op),
        Op::Clip(op) => Form::Each(op),
        Op::Adam(op) => Form::Update(op),
        Op::AdamW(op) => Form::Update(op),
        Op::Sgd(op) => Form::Update(op),
        Op::RmsProp(op) => Form::Update(op),
        Op::AmsGrad(op) => Form::Update(op),
    }
}

impl Form<'_> {
    /// The text of the kernel, of the operation at this place.
    pub(crate) fn text(&self, shader: &mut Shader, place: usize) -> String {
        match self {
            Self::Each(op) => each::text(shader, place, *op),
            Self::Product(op) => product::text(shader, place, *op),
            Self::Norm(op) => batch_norm::text(shader, place, op),
            Self::NormGrad => batch_norm::gradient_text(shader, place),
            Self::ColumnSums(op) => sums::text(shader, place, *op),
            Self::Rows(op) => op.text(shader, place),
            Self::Loss => softmax_cross_entropy::text(shader),
            Self::SquaredError { .. } => mean_squared_error::text(shader, place),
            Self::SquareSum => clip::square_sum_text(shader, place),
            Self::ClipFactor(op) => clip::factor_text(shader, place, op),
            Self::Update(op) => update::text(shader, place, *op),
        }
    }

    /// How many workgroups do these operations, of which `own` gives the kernel, and how many times as many
    /// where partial sums are made.
    pub(crate) fn workgroups(
        &self,
        program: &Program,
        uses: &Uses,
        operations: &[OpId],
        own: &Operation,
    ) -> [usize; 2] {
        let elements = |id: TensorId| program.tensor(id).elements();
        let workgroups = match self {
            Self::Each(_) => elements(own.outputs[0]).div_ceil(THREADS),
            Self::Product(op) => {
                let product = product::cut(program, uses, own, *op);
                return [product.tiles().iter().product(), product.splits];
            }
            Self::Norm(_) => batch_norm::workgroups(program, own.inputs[0]),
            Self::NormGrad => batch_norm::workgroups(program, own.inputs[1]),
            Self::ColumnSums(_) => sums::workgroups(elements(own.outputs[0])),
            Self::Rows(_) => {
                let shape = &program.tensor(own.outputs[0]).shape;
                shape[..shape.len() - 1].iter().product()
            }
            Self::Loss | Self::SquaredError { .. } | Self::ClipFactor(_) => 1,
            Self::SquareSum => clip::workgroups(elements(own.inputs[0])),
            Self::Update(_) => update::blocks(program, operations).len(),
        };
        [workgroups, 1]
    }

    /// What one of these workgroups does, for whoever predicts its time.
    pub(crate) fn work(&self, program: &Program, uses: &Uses, own: &Operation) -> Work {
        let elements = |id: TensorId| program.tensor(id).elements();
        match self {
            Self::Product(op) => product::cut(program, uses, own, *op).work(),
            Self::Norm(_) => batch_norm::work(program, own.inputs[0], 2),
            Self::NormGrad => batch_norm::work(program, own.inputs[1], 1),
            Self::ColumnSums(op) => sums::work(elements(own.outputs[0]), op.rows(own, program)),
            // A row is read in one go, and stored.
            Self::Rows(_) => Work::of_values(4, 2, 2),
            Self::Each(_) => Work::of_values(1, 2, 0),
            // The largest, the sum, the loss, and the gradient: each goes over the row.
            Self::Loss | Self::SquaredError { .. } => Work::of_values(4, 4, 2),
            Self::SquareSum => Work::of_values(16, 4, 1),
            Self::ClipFactor(_) => Work::of_values(own.inputs.len(), own.inputs.len(), 1),
            // The table, then gradient, parameter and moments, for each of a thread's values.
            Self::Update(_) => Work::of_values(4, 12, 0),
        }
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

/// Whether this operation only adds something to its first input.
pub(crate) fn adds(op: &Op) -> bool {
    matches!(form(op), Form::Each(op) if op.adds())
}

/// Whether every kernel that reads pixels may do this operation for itself, in front of its own.
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
