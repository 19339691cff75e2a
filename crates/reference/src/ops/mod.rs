//! What each operation of [`laptime_graph::Op`] means, under the same name.
//!
//! Every function states the shapes of what it reads and writes; all tensors are row-major.
//! B is the batch, I and O the inputs and outputs of a layer, H×W an image's height and width,
//! C the channels (last).

mod adam;
mod add;
mod avg_pool;
mod batch_norm;
mod bias;
mod conv2d;
mod dense;
mod dropout;
mod image;
mod joins;
mod max_pool;
mod pixels;
mod products;
mod relu;
mod round;
mod sgd;
mod softmax_cross_entropy;

pub use adam::{Adam, adam};
pub use add::add;
pub use avg_pool::{avg_pool, avg_pool_grad, global_avg_pool, global_avg_pool_grad};
pub use batch_norm::{Normed, NormedGrad, batch_norm, batch_norm_evaluation, batch_norm_grad};
pub use bias::{bias, bias_grad};
pub use conv2d::{conv2d, conv2d_grad_input, conv2d_grad_weight};
pub use dense::{dense, dense_grad_input, dense_grad_weight};
pub use dropout::{dropout, dropout_grad};
pub use image::ImageShape;
pub use max_pool::{max_pool, max_pool_grad};
pub use pixels::scale_pixels;
pub use relu::{relu, relu_grad};
pub use round::round;
pub use sgd::sgd;
pub use softmax_cross_entropy::{Score, softmax_cross_entropy, softmax_cross_entropy_grad};

use laptime_graph::{Op, Operation, Program, TensorId};

/// The outputs of `operation` for its inputs, both in the order that the operation lists them.
/// `step` counts from 1 and matters to dropout alone. Updates are done by [`update`].
pub(crate) fn execute(
    program: &Program,
    operation: &Operation,
    inputs: &[&[f64]],
    step: u64,
) -> Vec<Vec<f64>> {
    let output = program.tensor(operation.outputs[0]);
    let image = |id: TensorId| -> ImageShape {
        let shape = program.tensor(id).shape.as_slice();
        shape.try_into().expect("a batch of images")
    };
    // The shape of an image operation's x, where it is the first input or the gradient's output.
    let x_shape = || image(operation.inputs[0]);
    let dx_shape = || image(operation.outputs[0]);
    match &operation.op {
        Op::ScalePixels { divisor } => vec![scale_pixels(inputs[0], f64::from(*divisor))],
        Op::Reshape => vec![inputs[0].to_vec()],
        Op::Round => vec![round(inputs[0])],
        Op::Dense => vec![dense(inputs[0], inputs[1], output.shape[0])],
        Op::DenseGradInput => vec![dense_grad_input(inputs[0], inputs[1], output.shape[0])],
        Op::DenseGradWeight => vec![dense_grad_weight(inputs[0], inputs[1], output.shape[0])],
        Op::Conv2d(window) => vec![conv2d(inputs[0], x_shape(), inputs[1], window)],
        Op::Conv2dGradInput(window) => {
            vec![conv2d_grad_input(inputs[0], inputs[1], dx_shape(), window)]
        }
        Op::Conv2dGradWeight(window) => {
            vec![conv2d_grad_weight(inputs[0], x_shape(), inputs[1], window)]
        }
        Op::Bias => vec![bias(inputs[0], inputs[1])],
        Op::BiasGrad => vec![bias_grad(inputs[0], output.elements())],
        Op::Zeros => vec![vec![0.0; output.elements()]],
        Op::BatchNorm { epsilon, momentum } => {
            let (mut mean, mut variance) = (inputs[3].to_vec(), inputs[4].to_vec());
            let affine = [inputs[1], inputs[2]];
            let moving = [mean.as_mut_slice(), variance.as_mut_slice()];
            let made = batch_norm(inputs[0], affine, moving, *epsilon, *momentum);
            vec![made.y, made.mean, made.inverse_deviation, mean, variance]
        }
        Op::BatchNormGrad => {
            let made = batch_norm_grad(inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
            vec![made.dx, made.dgamma, made.dbeta]
        }
        Op::BatchNormEvaluation { epsilon } => {
            let (affine, moving) = ([inputs[1], inputs[2]], [inputs[3], inputs[4]]);
            vec![batch_norm_evaluation(inputs[0], affine, moving, *epsilon)]
        }
        Op::Add => vec![add(inputs[0], inputs[1])],
        Op::MaxPool(window) => vec![max_pool(inputs[0], x_shape(), window)],
        Op::MaxPoolGrad(window) => {
            let [x, y, dy] = [inputs[0], inputs[1], inputs[2]];
            vec![max_pool_grad(x, x_shape(), y, dy, window)]
        }
        Op::AvgPool(window) => vec![avg_pool(inputs[0], x_shape(), window)],
        Op::AvgPoolGrad(window) => vec![avg_pool_grad(inputs[0], dx_shape(), window)],
        Op::GlobalAvgPool => vec![global_avg_pool(inputs[0], x_shape())],
        Op::GlobalAvgPoolGrad => vec![global_avg_pool_grad(inputs[0], dx_shape())],
        Op::Dropout(constants) => vec![dropout(inputs[0], constants, step)],
        Op::DropoutGrad(constants) => vec![dropout_grad(inputs[0], constants, step)],
        Op::Relu => vec![relu(inputs[0])],
        Op::ReluGrad => vec![relu_grad(inputs[0], inputs[1])],
        Op::SoftmaxCrossEntropy => {
            let score = softmax_cross_entropy(inputs[0], inputs[1]);
            vec![vec![score.loss_sum], vec![score.correct as f64]]
        }
        Op::SoftmaxCrossEntropyGrad => vec![softmax_cross_entropy_grad(inputs[0], inputs[1])],
        Op::Adam { .. } | Op::Sgd { .. } => unreachable!("updates are done in place"),
    }
}

/// Does an update in place: `updated` are the operation's outputs, with the values before the step.
/// `step` counts from 1.
pub(crate) fn update(op: &Op, gradient: &[f64], updated: &mut [Vec<f64>], step: u64) {
    match (op, updated) {
        (
            Op::Adam {
                learning_rate,
                beta1,
                beta2,
                epsilon,
            },
            [w, m, v],
        ) => {
            let constants = Adam {
                learning_rate: *learning_rate,
                beta1: *beta1,
                beta2: *beta2,
                epsilon: *epsilon,
            };
            adam(constants, step, gradient, w, m, v);
        }
        (
            Op::Sgd {
                learning_rate,
                momentum,
            },
            [w, u],
        ) => sgd(*learning_rate, *momentum, gradient, w, u),
        (op, updated) => unreachable!("{op} updates {} tensors", updated.len()),
    }
}
