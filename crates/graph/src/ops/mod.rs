//! The vocabulary of operations, one file for each with its gradients: what it computes, on what shapes,
//! how its gradient is made, what it costs, and what a layer makes of it.
//!
//! Inputs and outputs are listed as `(inputs) → (outputs)`. Here B is the batch, I and O the inputs and
//! outputs of a dense layer, H×W an image's height and width, C its channels (last). What an operation
//! means is in the `reference` crate, under the same name, written a second time and by hand.
//!
//! Nothing here knows of Programs: they are made of operations.

mod accumulate;
mod activate;
mod adam;
mod add;
mod ams_grad;
mod avg_pool;
mod batch_norm;
mod bias;
mod clip;
mod concat;
mod conv2d;
mod conv2d_transpose;
mod definition;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod embedding;
pub mod formulas;
mod global_avg_pool;
mod grouped_conv2d;
mod iteration;
mod joins;
mod layer_norm;
mod max_pool;
mod mean_squared_error;
mod multiply;
mod net;
mod reshape;
mod rms_prop;
mod round;
mod scale_pixels;
mod sgd;
mod softmax_cross_entropy;
mod upsample;
mod zeros;

use std::fmt;

use laptime_workload::{LayerKind, Optimizer};

use crate::{
    axis::Axis,
    tensor::{MomentRole, TensorId},
};
pub use definition::{Definition, Form, Forward, Gradient, Saved};
pub use iteration::{Body, Index, Iteration, Map, Operand, OperandAxes, Slide, Space};
pub(crate) use net::{Layer, Net};

/// One operation; what stands behind each name says all about it.
macro_rules! ops {
    ($($file:ident: $($op:ident),+;)+) => {
        $(pub use $file::{$($op),+};)+

        /// One operation, with its constants.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub enum Op {
            $($(
                #[doc = concat!("See [`", stringify!($op), "`].")]
                $op($op),
            )+)+
        }

        impl Op {
            /// The names of all types, for tests that must leave none out.
            pub const KINDS: &[&str] = &[$($(stringify!($op),)+)+];

            /// All about it.
            pub fn definition(&self) -> &dyn Definition {
                match self {
                    $($(Self::$op(op) => op,)+)+
                }
            }
        }

        $($(
            impl From<$op> for Op {
                fn from(op: $op) -> Self {
                    Self::$op(op)
                }
            }
        )+)+
    };
}

ops! {
    scale_pixels: ScalePixels;
    reshape: Reshape;
    round: Round;
    dense: Dense, DenseGradInput, DenseGradWeight;
    conv2d: Conv2d, Conv2dGradInput, Conv2dGradWeight;
    conv2d_transpose: Conv2dTranspose, Conv2dTransposeGradInput;
    depthwise_conv2d: DepthwiseConv2d, DepthwiseConv2dGradInput, DepthwiseConv2dGradWeight;
    grouped_conv2d: GroupedConv2d, GroupedConv2dGradInput, GroupedConv2dGradWeight;
    bias: Bias, BiasGrad;
    zeros: Zeros;
    batch_norm: BatchNorm, BatchNormGrad, BatchNormEvaluation;
    layer_norm: LayerNorm, LayerNormGrad, LayerNormGradScale;
    add: Add;
    concat: Concat, Split;
    multiply: Multiply, MultiplyChannels, MultiplyChannelsGrad;
    max_pool: MaxPool, MaxPoolGrad;
    avg_pool: AvgPool, AvgPoolGrad;
    global_avg_pool: GlobalAvgPool, GlobalAvgPoolGrad;
    upsample: Upsample, UpsampleGrad;
    embedding: Embedding, EmbeddingGrad;
    dropout: Dropout, DropoutGrad;
    activate: Activate, ActivateGrad;
    softmax_cross_entropy: SoftmaxCrossEntropy, SoftmaxCrossEntropyGrad;
    mean_squared_error: MeanSquaredError, MeanSquaredErrorGrad;
    accumulate: Accumulate;
    clip: SquareSum, ClipFactor, Clip;
    adam: Adam, AdamW;
    ams_grad: AmsGrad;
    sgd: Sgd;
    rms_prop: RmsProp;
}

/// Adds the operations of a layer, and gives its output.
pub(crate) fn build(
    net: &mut dyn Net,
    kind: &LayerKind,
    layer: &Layer,
    inputs: &[TensorId],
) -> TensorId {
    match *kind {
        LayerKind::Flatten => net.simple(layer, Reshape.into(), inputs),
        LayerKind::Dense { units, bias } => dense::build(net, layer, inputs[0], units, bias),
        LayerKind::Conv2d {
            window,
            bias,
            groups,
            ..
        } => match groups {
            1 => conv2d::build(net, layer, inputs[0], window, bias),
            // Each filter sees its own channel alone.
            _ if groups == net.extent(inputs[0], Axis::Channel) && groups == layer.channels() => {
                depthwise_conv2d::build(net, layer, inputs[0], window, bias)
            }
            _ => grouped_conv2d::build(net, layer, inputs[0], (window, groups), bias),
        },
        LayerKind::Conv2dTranspose { window, bias, .. } => {
            conv2d_transpose::build(net, layer, inputs[0], window, bias)
        }
        LayerKind::BatchNorm { epsilon, momentum } => {
            batch_norm::build(net, layer, inputs[0], epsilon, momentum)
        }
        LayerKind::LayerNorm { epsilon } => layer_norm::build(net, layer, inputs[0], epsilon),
        LayerKind::MaxPool { window } => net.simple(layer, MaxPool { window }.into(), inputs),
        LayerKind::AvgPool { window } => net.simple(layer, AvgPool { window }.into(), inputs),
        LayerKind::GlobalAvgPool => net.simple(layer, GlobalAvgPool.into(), inputs),
        LayerKind::Upsample { factor } => net.simple(layer, Upsample { factor }.into(), inputs),
        LayerKind::Dropout { rate } => dropout::build(net, layer, inputs[0], rate),
        LayerKind::Embedding(op) => embedding::build(net, layer, inputs[0], op),
        LayerKind::Add => net.simple(layer, Add.into(), inputs),
        LayerKind::Concat => concat::build(net, layer, inputs),
        LayerKind::Multiply => multiply::build(net, layer, [inputs[0], inputs[1]]),
        LayerKind::Activation(activation) => net.simple(layer, Activate(activation).into(), inputs),
    }
}

/// Whether a layer begins with a product, which in reduced precision reads its input rounded.
pub(crate) fn begins_with_product(kind: &LayerKind) -> bool {
    matches!(
        kind,
        LayerKind::Dense { .. } | LayerKind::Conv2d { .. } | LayerKind::Conv2dTranspose { .. }
    )
}

/// What updates a parameter, a weight or another, (g, w, moments…) → (w, moments…) in place, with its moments.
pub(crate) fn update(optimizer: &Optimizer, is_weight: bool) -> (Op, &'static [MomentRole]) {
    use MomentRole::{First, Largest, Second, Velocity};
    match *optimizer {
        Optimizer::Adam(op) => (op.into(), &[First, Second]),
        Optimizer::AmsGrad(op) => {
            let decays = is_weight || !op.weights_only;
            let weight_decay = op.weight_decay.filter(|_| decays);
            (
                AmsGrad { weight_decay, ..op }.into(),
                &[First, Second, Largest],
            )
        }
        Optimizer::AdamW(op) if op.weights_only && !is_weight => (op.adam.into(), &[First, Second]),
        Optimizer::AdamW(op) => (op.into(), &[First, Second]),
        Optimizer::Sgd(op) => {
            let decays = is_weight || !op.weights_only;
            let weight_decay = op.weight_decay.filter(|_| decays);
            (Sgd { weight_decay, ..op }.into(), &[Velocity])
        }
        Optimizer::RmsProp(op) => (op.into(), &[Second]),
    }
}

impl Op {
    /// The name in listings.
    pub fn name(&self) -> &'static str {
        self.definition().name()
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())?;
        let constants = self.definition().constants();
        if constants.is_empty() {
            return Ok(());
        }
        let all: Vec<String> = constants
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        write!(f, "({})", all.join(", "))
    }
}
