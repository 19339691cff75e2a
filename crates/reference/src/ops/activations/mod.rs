//! The activations and their derivatives, each written out from its definition: engines have
//! other formulas, and the gate compares.

mod elu;
mod gelu;
mod gelu_tanh;
mod hard_sigmoid;
mod hard_swish;
mod leaky_relu;
mod mish;
mod relu;
mod relu6;
mod scale;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

use laptime_graph::Activation;

use crate::shares::{map, map_two};

/// `y = f(x)`; any shape.
pub fn activate(activation: Activation, x: &[f64]) -> Vec<f64> {
    map(x, |x| match activation {
        Activation::Relu => relu::value(x),
        Activation::LeakyRelu { slope } => leaky_relu::value(x, slope),
        Activation::Gelu => gelu::value(x),
        Activation::GeluTanh => gelu_tanh::value(x),
        Activation::Silu => silu::value(x),
        Activation::Sigmoid => sigmoid::value(x),
        Activation::Tanh => tanh::value(x),
        Activation::Softplus => softplus::value(x),
        Activation::HardSwish => hard_swish::value(x),
        Activation::Relu6 => relu6::value(x),
        Activation::HardSigmoid => hard_sigmoid::value(x),
        Activation::Elu { alpha } => elu::value(x, alpha),
        Activation::Mish => mish::value(x),
        Activation::Scale { factor, offset } => scale::value(x, factor, offset),
    })
}

/// `dx = f'(x)·dy`, where `kept` is x, but y of ReLU, sigmoid and tanh; any shape.
pub fn activate_grad(activation: Activation, kept: &[f64], dy: &[f64]) -> Vec<f64> {
    map_two(kept, dy, |kept, dy| match activation {
        Activation::Relu => relu::gradient(kept, dy),
        Activation::LeakyRelu { slope } => leaky_relu::slope(kept, slope) * dy,
        Activation::Gelu => gelu::slope(kept) * dy,
        Activation::GeluTanh => gelu_tanh::slope(kept) * dy,
        Activation::Silu => silu::slope(kept) * dy,
        Activation::Sigmoid => sigmoid::slope(kept) * dy,
        Activation::Tanh => tanh::slope(kept) * dy,
        Activation::Softplus => softplus::slope(kept) * dy,
        Activation::HardSwish => hard_swish::slope(kept) * dy,
        Activation::Relu6 => relu6::slope(kept) * dy,
        Activation::HardSigmoid => hard_sigmoid::slope(kept) * dy,
        Activation::Elu { alpha } => elu::slope(kept, alpha) * dy,
        Activation::Mish => mish::slope(kept) * dy,
        Activation::Scale { factor, .. } => factor * dy,
    })
}
