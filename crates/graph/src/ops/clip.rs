//! Clipping by the norm of all gradients together (Pascanu et al. 2013): a sum of squares for each gradient, one
//! factor, and the gradients times it.

use super::{
    Definition,
    iteration::{
        Index::Only,
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};

/// (g) → (square_sum (1)): `Σ g²` over all values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SquareSum;

/// (square_sum (1), …) → (factor (1)): with `norm = √Σ square_sum` over all inputs, `max_norm / norm` where that is
/// below 1, else 1. Nothing is added to the norm: TensorFlow's `clip_by_global_norm` does not either, PyTorch's
/// `clip_grad_norm_` adds 10⁻⁶.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipFactor {
    /// The largest norm of all gradients together.
    pub max_norm: f64,
}

/// (g, factor (1)) → (y): `y = factor·g`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip;

impl Definition for SquareSum {
    fn name(&self) -> &'static str {
        "square_sum"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let g = Input(0).at(at(axes.inputs[0]));
        Space::sum(2, &[&g], &[&Output(0).at([Only])]).into()
    }
}

impl Definition for ClipFactor {
    fn name(&self) -> &'static str {
        "clip_factor"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("max_norm", self.max_norm.to_string())]
    }

    /// A root and a quotient beside the additions.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let sums: Vec<_> = (0..axes.inputs.len())
            .map(|input| Input(input).at([Only]))
            .collect();
        let flops = sums.len() as u64 + 2;
        let reads: Vec<_> = sums.iter().collect();
        Space::each(flops, &reads, &[&Output(0).at([Only])]).into()
    }
}

impl Definition for Clip {
    fn name(&self) -> &'static str {
        "clip"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [g, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.outputs[0])));
        let factor = Input(1).at([Only]);
        Space::each(1, &[&g, &factor], &[&y]).into()
    }
}
