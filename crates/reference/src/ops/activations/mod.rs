//! The activations beside ReLU, and their derivatives, each written out from its definition: engines have
//! other formulas, and the gate compares.

mod elu;
mod gelu;
mod gelu_tanh;
mod hard_sigmoid;
mod hard_swish;
mod leaky_relu;
mod mish;
mod relu6;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

use laptime_graph::Activation;

use crate::shares::{map, map_two};

/// `y = f(x)`; any shape.
pub fn activate(activation: Activation, x: &[f64]) -> Vec<f64> {
    map(x, |x| match activation {
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
    })
}

/// `dx = f'(x)·dy`, where `kept` is x, but y of sigmoid and tanh; any shape.
pub fn activate_grad(activation: Activation, kept: &[f64], dy: &[f64]) -> Vec<f64> {
    let slope = |kept| match activation {
        Activation::LeakyRelu { slope } => leaky_relu::slope(kept, slope),
        Activation::Gelu => gelu::slope(kept),
        Activation::GeluTanh => gelu_tanh::slope(kept),
        Activation::Silu => silu::slope(kept),
        Activation::Sigmoid => sigmoid::slope(kept),
        Activation::Tanh => tanh::slope(kept),
        Activation::Softplus => softplus::slope(kept),
        Activation::HardSwish => hard_swish::slope(kept),
        Activation::Relu6 => relu6::slope(kept),
        Activation::HardSigmoid => hard_sigmoid::slope(kept),
        Activation::Elu { alpha } => elu::slope(kept, alpha),
        Activation::Mish => mish::slope(kept),
    };
    map_two(kept, dy, |kept, dy| slope(kept) * dy)
}
