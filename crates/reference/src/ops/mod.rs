//! What each operation of [`laptime_graph::Op`] means, under the same name.
//!
//! Every function states the shapes of what it reads and writes; all tensors are row-major.
//! B is the batch, I and O the inputs and outputs of a layer, H×W an image's height and width,
//! C the channels (last).
//!
//! # NaN and ∞
//!
//! An engine holds to what the functions here make of values that are not finite: **NaN never
//! disappears**. Products, sums, means, batch norms and updates are the formulas that they state, in IEEE
//! 754 arithmetic, so 0·∞, ∞ − ∞ and whatever is made of NaN are NaN; a sum over a batch with one of
//! them has it too. What compares says what becomes of NaN:
//!
//! | operation | where a value is NaN |
//! |---|---|
//! | [`activate`], [`activate_grad`] | NaN, but where ReLU's y is, 0; where it is positive, dy, NaN or not; slope·dy where a leaky ReLU's x is, and 0·dy where that of a ReLU6 or a hard sigmoid is |
//! | [`max_pool`] | NaN, wherever in the window it stands |
//! | [`max_pool_grad`] | dy goes to the first NaN or ∞ of that window |
//! | [`dropout`] | NaN; a dropped ∞ is NaN too |
//! | [`batch_norm`] | NaN in all of that channel, and in its moving statistics; no variance is clamped |
//! | [`layer_norm`] | NaN in all of that row; no variance is clamped |
//! | [`softmax_cross_entropy`] | NaN, and the sample's answer is wrong |
//! | [`softmax_cross_entropy_grad`] | NaN in all of that sample |
//! | [`mean_squared_error`], [`mean_squared_error_grad`] | NaN |
//! | [`round`] | NaN; beyond bfloat16's range, ∞ |
//! | [`accumulate`] | NaN; what the sum was before a step's first micro-batch does not matter |
//! | [`square_sum`], [`clip_factor`], [`clip`] | NaN, and so in all gradients; of an ∞ alone, 0 in all others |
//! | [`adam`], [`adamw`], [`sgd`], [`rms_prop`] | NaN in moments and parameter |
//!
//! Where these functions give NaN or ∞, so does an engine: NaN or ∞, because the range of its own
//! precision is smaller, and what is ∞ in it may be NaN one operation later. For the same reason it may have
//! them where double precision has a finite value, but never a finite value in their place.

mod accumulate;
mod activations;
mod adam;
mod add;
mod ams_grad;
mod avg_pool;
mod batch_norm;
mod bias;
mod clip;
mod concat;
mod conv2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod embedding;
mod grouped_conv2d;
mod image;
mod joins;
mod layer_norm;
mod max_pool;
mod mean_squared_error;
mod multiply;
mod pixels;
mod products;
mod rate_share;
mod rms_prop;
mod round;
mod sgd;
mod softmax_cross_entropy;
mod upsample;

pub use accumulate::accumulate;
pub use activations::{activate, activate_grad};
pub use adam::{adam, adamw};
pub use add::add;
pub use ams_grad::ams_grad;
pub use avg_pool::{avg_pool, avg_pool_grad, global_avg_pool, global_avg_pool_grad};
pub use batch_norm::{Normed, NormedGrad, batch_norm, batch_norm_evaluation, batch_norm_grad};
pub use bias::{bias, bias_grad};
pub use clip::{clip, clip_factor, square_sum};
pub use concat::{concat, split};
pub use conv2d::{conv2d, conv2d_grad_input, conv2d_grad_weight};
pub use dense::{dense, dense_grad_input, dense_grad_weight};
pub use depthwise_conv2d::{
    depthwise_conv2d, depthwise_conv2d_grad_input, depthwise_conv2d_grad_weight,
};
pub use dropout::{dropout, dropout_grad};
pub use embedding::{embedding, embedding_grad};
pub use grouped_conv2d::{grouped_conv2d, grouped_conv2d_grad_input, grouped_conv2d_grad_weight};
pub use image::ImageShape;
pub use layer_norm::{LayerNormed, layer_norm, layer_norm_grad, layer_norm_grad_scale};
pub use max_pool::{max_pool, max_pool_grad};
pub use mean_squared_error::{mean_squared_error, mean_squared_error_grad};
pub use multiply::{multiply, multiply_channels, multiply_channels_grad};
pub use pixels::scale_pixels;
pub use rate_share::rate_share;
pub use rms_prop::rms_prop;
pub use round::round;
pub use sgd::sgd;
pub use softmax_cross_entropy::{Score, softmax_cross_entropy, softmax_cross_entropy_grad};
pub use upsample::{upsample, upsample_grad};

use accumulate::as_share;
use laptime_graph::{Adam, AdamW, AmsGrad, Axis, Op, Operation, Program, RmsProp, Sgd, TensorId};

/// The outputs of `operation` for its inputs, both in the order that the operation lists them.
/// `step` counts from 1, `first` is the place in the step's batch of the Program's first sample; both matter to
/// dropout, and to sums over micro-batches the latter. Updates are done by [`update`].
pub fn execute(
    program: &Program,
    operation: &Operation,
    inputs: &[&[f64]],
    (step, first): (u64, usize),
) -> Vec<Vec<f64>> {
    let output = program.tensor(operation.outputs[0]);
    let image = |id: TensorId| -> ImageShape {
        let shape = program.tensor(id).shape.as_slice();
        shape.try_into().expect("a batch of images")
    };
    // The shape of an image operation's x, where it is the first input or the gradient's output.
    let x_shape = || image(operation.inputs[0]);
    let dx_shape = || image(operation.outputs[0]);
    // The place of a tensor's first value in that of the step's whole batch.
    let first_value = |x: &[f64]| (x.len() / program.batch_size * first) as u64;
    match &operation.op {
        Op::ScalePixels(op) => vec![scale_pixels(inputs[0], f64::from(op.divisor))],
        Op::Reshape(_) => vec![inputs[0].to_vec()],
        Op::Round(_) => vec![round(inputs[0])],
        Op::Dense(_) => vec![dense(inputs[0], inputs[1], output.shape[0])],
        Op::DenseGradInput(_) => vec![dense_grad_input(inputs[0], inputs[1], output.shape[0])],
        Op::DenseGradWeight(_) => vec![dense_grad_weight(inputs[0], inputs[1], output.shape[0])],
        Op::Conv2d(op) => vec![conv2d(inputs[0], x_shape(), inputs[1], &op.window)],
        Op::Conv2dGradInput(op) => {
            vec![conv2d_grad_input(
                inputs[0],
                inputs[1],
                dx_shape(),
                &op.window,
            )]
        }
        Op::Conv2dGradWeight(op) => {
            vec![conv2d_grad_weight(
                inputs[0],
                x_shape(),
                inputs[1],
                &op.window,
            )]
        }
        // A transposed convolution is the gradient of a convolution's input, and its gradient the convolution.
        Op::Conv2dTranspose(op) => {
            let [x, w] = [inputs[0], inputs[1]];
            vec![conv2d_grad_input(x, w, dx_shape(), &op.window)]
        }
        Op::Conv2dTransposeGradInput(op) => {
            vec![conv2d(inputs[0], x_shape(), inputs[1], &op.window)]
        }
        Op::DepthwiseConv2d(op) => {
            vec![depthwise_conv2d(
                inputs[0],
                x_shape(),
                inputs[1],
                &op.window,
            )]
        }
        Op::DepthwiseConv2dGradInput(op) => {
            let [dy, w] = [inputs[0], inputs[1]];
            vec![depthwise_conv2d_grad_input(dy, w, dx_shape(), &op.window)]
        }
        Op::DepthwiseConv2dGradWeight(op) => {
            let [x, dy] = [inputs[0], inputs[1]];
            vec![depthwise_conv2d_grad_weight(x, x_shape(), dy, &op.window)]
        }
        Op::GroupedConv2d(op) => {
            let [x, w] = [inputs[0], inputs[1]];
            vec![grouped_conv2d(x, x_shape(), w, &op.window, op.groups)]
        }
        Op::GroupedConv2dGradInput(op) => {
            let [dy, w] = [inputs[0], inputs[1]];
            let dx = grouped_conv2d_grad_input(dy, w, dx_shape(), &op.window, op.groups);
            vec![dx]
        }
        Op::GroupedConv2dGradWeight(op) => {
            let [x, dy] = [inputs[0], inputs[1]];
            let dw = grouped_conv2d_grad_weight(x, x_shape(), dy, &op.window, op.groups);
            vec![dw]
        }
        Op::Bias(_) => vec![bias(inputs[0], inputs[1])],
        Op::BiasGrad(_) => vec![bias_grad(inputs[0], output.elements())],
        Op::Zeros(_) => vec![vec![0.0; output.elements()]],
        Op::BatchNorm(op) => {
            let (mut mean, mut variance) = (inputs[3].to_vec(), inputs[4].to_vec());
            let affine = [inputs[1], inputs[2]];
            let moving = [mean.as_mut_slice(), variance.as_mut_slice()];
            let made = batch_norm(inputs[0], affine, moving, op.epsilon, op.momentum);
            vec![made.y, made.mean, made.inverse_deviation, mean, variance]
        }
        Op::BatchNormGrad(_) => {
            let made = batch_norm_grad(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
            vec![made.dx, made.dgamma, made.dbeta]
        }
        Op::BatchNormEvaluation(op) => {
            let (affine, moving) = ([inputs[1], inputs[2]], [inputs[3], inputs[4]]);
            vec![batch_norm_evaluation(inputs[0], affine, moving, op.epsilon)]
        }
        Op::LayerNorm(op) => {
            let made = layer_norm(inputs[0], [inputs[1], inputs[2]], op.epsilon);
            vec![made.y, made.mean, made.inverse_deviation]
        }
        Op::LayerNormGrad(_) => {
            let [dy, x, gamma, mean, inverse_deviation] = inputs[..] else {
                unreachable!("a layer norm's gradient reads five tensors")
            };
            vec![layer_norm_grad(dy, x, gamma, mean, inverse_deviation)]
        }
        Op::LayerNormGradScale(_) => {
            let [dy, x, mean, inverse_deviation] = inputs[..] else {
                unreachable!("the gradient of a layer norm's scale reads four tensors")
            };
            vec![layer_norm_grad_scale(dy, x, mean, inverse_deviation)]
        }
        Op::Add(_) => vec![add(inputs[0], inputs[1])],
        Op::Concat(op) => {
            let parts = inputs.iter().copied().zip(op.channels);
            vec![concat(&parts.collect::<Vec<_>>())]
        }
        Op::Split(op) => {
            let channels = |id| program.tensor(id).extent(&[Axis::Channel]);
            let (all, wanted) = (
                channels(operation.inputs[0]),
                channels(operation.outputs[0]),
            );
            vec![split(inputs[0], all, op.from, wanted)]
        }
        Op::Multiply(_) => vec![multiply(inputs[0], inputs[1])],
        Op::MultiplyChannels(_) => vec![multiply_channels(inputs[0], x_shape(), inputs[1])],
        Op::MultiplyChannelsGrad(_) => {
            vec![multiply_channels_grad(inputs[0], inputs[1], x_shape())]
        }
        Op::MaxPool(op) => vec![max_pool(inputs[0], x_shape(), &op.window)],
        Op::MaxPoolGrad(op) => {
            let [x, y, dy] = [inputs[0], inputs[1], inputs[2]];
            vec![max_pool_grad(x, x_shape(), y, dy, &op.window)]
        }
        Op::AvgPool(op) => vec![avg_pool(inputs[0], x_shape(), &op.window)],
        Op::AvgPoolGrad(op) => vec![avg_pool_grad(inputs[0], dx_shape(), &op.window)],
        Op::GlobalAvgPool(_) => vec![global_avg_pool(inputs[0], x_shape())],
        Op::GlobalAvgPoolGrad(_) => vec![global_avg_pool_grad(inputs[0], dx_shape())],
        Op::Upsample(op) => vec![upsample(inputs[0], x_shape(), op.factor)],
        Op::UpsampleGrad(op) => vec![upsample_grad(inputs[0], dx_shape(), op.factor)],
        Op::Embedding(_) => {
            let channels = output.extent(&[Axis::Channel]);
            vec![embedding(inputs[0], inputs[1], channels)]
        }
        Op::EmbeddingGrad(_) => vec![embedding_grad(inputs[0], inputs[1], output.shape[0])],
        Op::Dropout(op) => vec![dropout(inputs[0], op, (step, first_value(inputs[0])))],
        Op::DropoutGrad(op) => {
            vec![dropout_grad(
                inputs[0],
                &op.0,
                (step, first_value(inputs[0])),
            )]
        }
        Op::Activate(op) => vec![activate(op.0, inputs[0])],
        Op::ActivateGrad(op) => vec![activate_grad(op.0, inputs[0], inputs[1])],
        Op::SoftmaxCrossEntropy(op) => {
            let score = softmax_cross_entropy(inputs[0], inputs[1], op.label_smoothing);
            vec![vec![score.loss_sum], vec![score.correct as f64]]
        }
        Op::SoftmaxCrossEntropyGrad(op) => {
            let gradient = softmax_cross_entropy_grad(inputs[0], inputs[1], op.label_smoothing);
            vec![as_share(gradient, program.batch_size, op.mean_of)]
        }
        Op::MeanSquaredError(op) => {
            let divisor = f64::from(op.divisor);
            let loss_sum = mean_squared_error(inputs[0], inputs[1], divisor, program.batch_size);
            vec![vec![loss_sum]]
        }
        Op::MeanSquaredErrorGrad(op) => {
            let divisor = f64::from(op.divisor);
            let gradient = mean_squared_error_grad(inputs[0], inputs[1], divisor);
            vec![as_share(gradient, program.batch_size, op.mean_of)]
        }
        Op::Accumulate(_) => vec![accumulate(inputs[0], (first > 0).then_some(inputs[1]))],
        Op::SquareSum(_) => vec![vec![square_sum(inputs[0])]],
        Op::ClipFactor(op) => vec![vec![clip_factor(&inputs.concat(), op.max_norm)]],
        Op::Clip(_) => vec![clip(inputs[0], inputs[1][0])],
        Op::Adam(_) | Op::AmsGrad(_) | Op::AdamW(_) | Op::Sgd(_) | Op::RmsProp(_) => {
            unreachable!("updates are done in place")
        }
    }
}

/// Gives each sum over a whole batch in an operation the error that adding rounded values may leave; others
/// have none.
///
/// Rounding values one by one does not tell of it: over the fifty thousand values of a channel of
/// images such errors cancel, but an engine's sum is rounded as it grows, and its mean before it is
/// taken from all of them alike. Behind another batch norm, say, the true mean is 0, and so is the
/// gradient of that norm's bias.
pub(crate) fn disturb_sums(op: &Op, inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    match op {
        Op::BatchNorm(op) => batch_norm::disturb(op.momentum, inputs, outputs, draw),
        Op::BatchNormGrad(_) => batch_norm::disturb_gradient(inputs, outputs, draw),
        Op::BiasGrad(_) => bias::disturb_gradient(inputs, outputs, draw),
        Op::EmbeddingGrad(_) => embedding::disturb_gradient(inputs, outputs, draw),
        Op::LayerNormGradScale(_) => layer_norm::disturb_gradient(inputs, outputs, draw),
        _ => {}
    }
}

/// Does an update in place: `updated` are the operation's outputs, with the values before the step.
/// `step` counts from 1; the learning rate is multiplied by `rate_share`.
pub fn update(op: &Op, gradient: &[f64], updated: &mut [Vec<f64>], step: u64, rate_share: f64) {
    let scheduled = |adam: Adam| Adam {
        learning_rate: adam.learning_rate * rate_share,
        ..adam
    };
    match (op, updated) {
        (Op::Adam(op), [w, m, v]) => adam(scheduled(*op), step, gradient, w, m, v),
        (Op::AmsGrad(op), [w, m, v, x]) => {
            let op = AmsGrad {
                adam: scheduled(op.adam),
                ..*op
            };
            ams_grad(op, step, gradient, [w, m, v, x]);
        }
        (Op::AdamW(op), [w, m, v]) => {
            let op = AdamW {
                adam: scheduled(op.adam),
                ..*op
            };
            adamw(op, step, gradient, w, m, v);
        }
        (Op::Sgd(op), [w, u]) => {
            let op = Sgd {
                learning_rate: op.learning_rate * rate_share,
                ..*op
            };
            sgd(op, gradient, w, u);
        }
        (Op::RmsProp(op), [w, v]) => {
            let op = RmsProp {
                learning_rate: op.learning_rate * rate_share,
                ..*op
            };
            rms_prop(op, gradient, w, v);
        }
        (op, updated) => unreachable!("{op} updates {} tensors", updated.len()),
    }
}
