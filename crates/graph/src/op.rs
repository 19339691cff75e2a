//! The vocabulary of operations: what each computes, on what shapes, and what it costs.
//!
//! Here B is the batch, I and O the inputs and outputs of a dense layer, H×W an image's height and
//! width, C its channels (last). Each operation's gradient is in [`crate::autodiff`], its meaning in
//! the `reference` crate, under the same name.

use std::fmt;

use laptime_workload::Window;

/// One operation. Inputs and outputs are listed as `(inputs) → (outputs)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// (bytes (B, …)) → ((B, …)): `bytes / divisor`.
    ScalePixels {
        /// What pixels are divided by.
        divisor: f32,
    },
    /// (x) → (y): the same values in row-major order, in another shape.
    Reshape,
    /// (x) → (y): every value rounded to bfloat16's 8 significant bits, to the nearest, of two as
    /// near to the even one. What lies too close to 0 for a normal number means 0. The gradient
    /// passes through as it is (the true one is 0 nearly everywhere).
    Round,
    /// (x (B, I), w (O, I)) → (y (B, O)): `y = x·wᵀ`.
    Dense,
    /// (dy (B, O), w (O, I)) → (dx (B, I)): `dx = dy·w`.
    DenseGradInput,
    /// (x (B, I), dy (B, O)) → (dw (O, I)): `dw = dyᵀ·x`.
    DenseGradWeight,
    /// (x (B, H, W, C), w (O, C, kernel height, kernel width)) → (y (B, H', W', O)): the
    /// cross-correlation that the field calls a convolution; what lies outside of x is 0.
    Conv2d(Window),
    /// (dy (B, H', W', O), w (O, C, …)) → (dx (B, H, W, C)).
    Conv2dGradInput(Window),
    /// (x (B, H, W, C), dy (B, H', W', O)) → (dw (O, C, …)).
    Conv2dGradWeight(Window),
    /// (x (…, C), b (C)) → (y (…, C)): `y = x + b`.
    Bias,
    /// (dy (…, C)) → (db (C)): the sum over all but the channels.
    BiasGrad,
    /// () → (z): zeros; the gradient of a bias in front of a batch norm, which takes away the mean
    /// and so whatever was added to it.
    Zeros,
    /// (x (…, C), γ, β, moving_mean, moving_variance) → (y (…, C), mean, inverse_deviation,
    /// moving_mean, moving_variance), all vectors (C), the moving ones in place:
    /// `y = γ·(x − mean)·inverse_deviation + β` with the mean and the *uncorrected* variance over
    /// all but the channels and `inverse_deviation = 1/√(variance + ε)`;
    /// `moving ← momentum·moving + (1 − momentum)·batch`.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
        /// How much of a moving statistic is kept.
        momentum: f64,
    },
    /// (dy, x (…, C), γ, mean, inverse_deviation) → (dx, dγ, dβ): with `x̂ = (x − mean)·inverse_deviation`,
    /// `dβ = Σ dy`, `dγ = Σ dy·x̂`, `dx = γ·inverse_deviation·(dy − dβ/n − x̂·dγ/n)`, n = values a channel.
    BatchNormGrad,
    /// (x (…, C), γ, β, moving_mean, moving_variance) → (y): as [`Op::BatchNorm`] with the moving
    /// statistics, which stay.
    BatchNormEvaluation {
        /// Added to the variance.
        epsilon: f64,
    },
    /// (a, b) → (y): `y = a + b`.
    Add,
    /// (x (B, H, W, C)) → (y (B, H', W', C)): the largest value in each window; what lies outside
    /// of x never wins.
    MaxPool(Window),
    /// (x, y, dy) → (dx): each dy goes to the first (row by row) largest value of its window.
    MaxPoolGrad(Window),
    /// (x (B, H, W, C)) → (y (B, H', W', C)): the mean of the values of x in each window.
    AvgPool(Window),
    /// (dy) → (dx): each dy is shared out evenly among the values of its window.
    AvgPoolGrad(Window),
    /// (x (B, H, W, C)) → (y (B, C)): the mean over all positions.
    GlobalAvgPool,
    /// (dy (B, C)) → (dx (B, H, W, C)): each dy is shared out evenly among all positions.
    GlobalAvgPoolGrad,
    /// (x) → (y): every value times its [`Dropout::factor`] in this step: 0, or 1/(1−rate).
    Dropout(Dropout),
    /// (dy) → (dx): the same values are dropped and scaled as in [`Op::Dropout`].
    DropoutGrad(Dropout),
    /// (x) → (y): `max(x, 0)`.
    Relu,
    /// (y, dy) → (dx): dy where y > 0, else 0. ReLU's output says as much as its input.
    ReluGrad,
    /// (logits (B, C), labels (B)) → (loss_sum (1), correct (1)): the sum over the batch of
    /// −log softmax(logits)\[label\], and how often the label's logit is the largest (the first
    /// of equals).
    SoftmaxCrossEntropy,
    /// (logits (B, C), labels (B)) → (dlogits (B, C)): `(softmax(logits) − onehot(label)) / B`,
    /// the gradient of the *mean* loss.
    SoftmaxCrossEntropyGrad,
    /// (g, w, m, v) → (w, m, v), in place: Adam in Keras's form. With t counting steps from 1:
    /// `m ← m + (1−β₁)(g − m)`, `v ← v + (1−β₂)(g² − v)`,
    /// `w ← w − learning_rate·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε)`.
    Adam {
        /// Step size.
        learning_rate: f64,
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the uncorrected second moment.
        epsilon: f64,
    },
    /// (g, w, u) → (w, u), in place: `u ← momentum·u + g`, `w ← w − learning_rate·u`.
    Sgd {
        /// Step size.
        learning_rate: f64,
        /// How much of the velocity u is kept.
        momentum: f64,
    },
}

/// Which values a dropout layer drops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// The probability of being dropped.
    pub rate: f64,
    /// The workload's seed.
    pub seed: u64,
    /// The layer's place in the workload, so that layers drop independently.
    pub layer: u32,
}

impl Dropout {
    /// What a value is multiplied by in a step (counted from 1): 0, or 1/(1−rate). `index` is the
    /// value's place in the batch, row-major.
    pub fn factor(&self, step: u64, index: u64) -> f64 {
        let draw = laptime_workload::random::dropout_unit(self.seed, self.layer, step, index);
        if draw < self.rate {
            0.0
        } else {
            1.0 / (1.0 - self.rate)
        }
    }
}

impl Op {
    /// The name in listings.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ScalePixels { .. } => "scale_pixels",
            Self::Reshape => "reshape",
            Self::Round => "round_bf16",
            Self::Dense => "dense",
            Self::DenseGradInput => "dense_grad_input",
            Self::DenseGradWeight => "dense_grad_weight",
            Self::Conv2d(_) => "conv2d",
            Self::Conv2dGradInput(_) => "conv2d_grad_input",
            Self::Conv2dGradWeight(_) => "conv2d_grad_weight",
            Self::Bias => "bias",
            Self::BiasGrad => "bias_grad",
            Self::Zeros => "zeros",
            Self::BatchNorm { .. } => "batch_norm",
            Self::BatchNormGrad => "batch_norm_grad",
            Self::BatchNormEvaluation { .. } => "batch_norm_evaluation",
            Self::Add => "add",
            Self::MaxPool(_) => "max_pool",
            Self::MaxPoolGrad(_) => "max_pool_grad",
            Self::AvgPool(_) => "avg_pool",
            Self::AvgPoolGrad(_) => "avg_pool_grad",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::GlobalAvgPoolGrad => "global_avg_pool_grad",
            Self::Dropout(_) => "dropout",
            Self::DropoutGrad(_) => "dropout_grad",
            Self::Relu => "relu",
            Self::ReluGrad => "relu_grad",
            Self::SoftmaxCrossEntropy => "softmax_cross_entropy",
            Self::SoftmaxCrossEntropyGrad => "softmax_cross_entropy_grad",
            Self::Adam { .. } => "adam",
            Self::Sgd { .. } => "sgd",
        }
    }

    /// Whether this is a matrix product, which is what model FLOPs count.
    pub fn is_product(&self) -> bool {
        matches!(
            self,
            Self::Dense
                | Self::DenseGradInput
                | Self::DenseGradWeight
                | Self::Conv2d(_)
                | Self::Conv2dGradInput(_)
                | Self::Conv2dGradWeight(_)
        )
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::ScalePixels { divisor } => write!(f, "(divisor {divisor})"),
            Self::Conv2d(window)
            | Self::Conv2dGradInput(window)
            | Self::Conv2dGradWeight(window)
            | Self::MaxPool(window)
            | Self::MaxPoolGrad(window)
            | Self::AvgPool(window)
            | Self::AvgPoolGrad(window) => {
                let Window {
                    kernel,
                    stride,
                    padding,
                } = window;
                write!(
                    f,
                    "(kernel {kernel:?}, stride {stride:?}, padding {padding:?})"
                )
            }
            Self::BatchNorm { epsilon, momentum } => {
                write!(f, "(epsilon {epsilon:e}, momentum {momentum})")
            }
            Self::BatchNormEvaluation { epsilon } => write!(f, "(epsilon {epsilon:e})"),
            Self::Dropout(dropout) | Self::DropoutGrad(dropout) => {
                let Dropout { rate, seed, layer } = dropout;
                write!(f, "(rate {rate}, seed {seed}, layer {layer})")
            }
            Self::Adam {
                learning_rate,
                beta1,
                beta2,
                epsilon,
            } => write!(
                f,
                "(learning_rate {learning_rate}, beta1 {beta1}, beta2 {beta2}, epsilon {epsilon:e})"
            ),
            Self::Sgd {
                learning_rate,
                momentum,
            } => {
                write!(f, "(learning_rate {learning_rate}, momentum {momentum})")
            }
            _ => Ok(()),
        }
    }
}
