//! The formulas of activations, one file each: forward and gradient written once for all backends. (The
//! oracle keeps its own.)

mod algebra;
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

pub use algebra::Algebra;
pub use elu::Elu;
pub use gelu::Gelu;
pub use gelu_tanh::GeluTanh;
pub use hard_sigmoid::HardSigmoid;
pub use hard_swish::HardSwish;
pub use leaky_relu::LeakyRelu;
pub use mish::Mish;
pub use relu::Relu;
pub use relu6::Relu6;
pub use scale::Scale;
pub use sigmoid::Sigmoid;
pub use silu::Silu;
pub use softplus::Softplus;
pub use tanh::Tanh;

/// What an activation's gradient reads beside the gradient that flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// The function's x.
    Input,
    /// Its y.
    Output,
    /// Whether its y is positive, which rounding leaves alone; what flows in where it is not is cut off, whatever it is.
    Sign,
}

/// A function of one value with its derivative.
pub trait Formula: Copy {
    /// What listings call the gradient.
    const GRADIENT: &'static str;
    /// What the gradient reads.
    const KEEPS: Keeps;
    /// Floating-point operations a value, forward and backward.
    const FLOPS: [u64; 2];

    /// Its constants, as listings show them.
    fn constants(self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// y of x.
    fn forward<A: Algebra>(self, a: &mut A, x: A::Value) -> A::Value;

    /// dx of what it keeps and of dy.
    fn gradient<A: Algebra>(self, a: &mut A, kept: A::Value, dy: A::Value) -> A::Value;
}

/// Does something with the [`Formula`](crate::formulas::Formula) of an [`Activation`](crate::Activation): `with_formula!(activation, |formula| …)`.
#[macro_export]
macro_rules! with_formula {
    ($activation:expr, |$formula:ident| $body:expr) => {
        match $activation {
            $crate::Activation::Relu => {
                let $formula = $crate::formulas::Relu;
                $body
            }
            $crate::Activation::LeakyRelu { slope } => {
                let $formula = $crate::formulas::LeakyRelu { slope };
                $body
            }
            $crate::Activation::Gelu => {
                let $formula = $crate::formulas::Gelu;
                $body
            }
            $crate::Activation::GeluTanh => {
                let $formula = $crate::formulas::GeluTanh;
                $body
            }
            $crate::Activation::Silu => {
                let $formula = $crate::formulas::Silu;
                $body
            }
            $crate::Activation::Sigmoid => {
                let $formula = $crate::formulas::Sigmoid;
                $body
            }
            $crate::Activation::Tanh => {
                let $formula = $crate::formulas::Tanh;
                $body
            }
            $crate::Activation::Softplus => {
                let $formula = $crate::formulas::Softplus;
                $body
            }
            $crate::Activation::HardSwish => {
                let $formula = $crate::formulas::HardSwish;
                $body
            }
            $crate::Activation::Relu6 => {
                let $formula = $crate::formulas::Relu6;
                $body
            }
            $crate::Activation::HardSigmoid => {
                let $formula = $crate::formulas::HardSigmoid;
                $body
            }
            $crate::Activation::Elu { alpha } => {
                let $formula = $crate::formulas::Elu { alpha };
                $body
            }
            $crate::Activation::Mish => {
                let $formula = $crate::formulas::Mish;
                $body
            }
            $crate::Activation::Scale { factor, offset } => {
                let $formula = $crate::formulas::Scale { factor, offset };
                $body
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use laptime_workload::Activation;

    use super::{Formula, Keeps, algebra::on_doubles::OnDoubles};

    fn slope_error<F: Formula>(formula: F, x: f64) -> f64 {
        let y = |x| formula.forward(&mut OnDoubles, x);
        let h = 1e-5;
        let difference = (y(x + h) - y(x - h)) / (2.0 * h);
        let kept = match F::KEEPS {
            Keeps::Input => x,
            Keeps::Output | Keeps::Sign => y(x),
        };
        (2.0 * difference - formula.gradient(&mut OnDoubles, kept, 2.0)).abs()
    }

    #[test]
    fn gradients_are_slopes() {
        for activation in Activation::EXAMPLES {
            for tenth in -80..80 {
                let x = f64::from(tenth) / 10.0 + 0.03;
                let error = with_formula!(activation, |formula| slope_error(formula, x));
                // Φ's fit has an error of 10⁻⁷, the differences one of 10⁻¹⁰.
                assert!(error < 2e-5, "{activation:?} at {x}: {error}");
            }
        }
    }
}
