use laptime_workload::Activation;

use super::{
    Definition, Form, Forward, Gradient, Iteration, OperandAxes, Saved,
    formulas::{Formula, Keeps},
};
use crate::with_formula;

/// (x) → (y): a function of each value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activate(pub Activation);

/// (x or y, dy) → (dx): dy times the function's derivative. Which of the two it reads is its formula's
/// [`Formula::KEEPS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivateGrad(pub Activation);

fn keeps<F: Formula>(_: F) -> Keeps {
    F::KEEPS
}

fn flops<F: Formula>(_: F) -> [u64; 2] {
    F::FLOPS
}

fn gradient_name<F: Formula>(_: F) -> &'static str {
    F::GRADIENT
}

impl Definition for Activate {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        with_formula!(self.0, |formula| formula.constants())
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(with_formula!(self.0, |formula| flops(formula))[0], axes)
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        // It depends on nothing but what flows in.
        if let Activation::Scale { factor, .. } = self.0 {
            let offset = 0.0;
            let scale = Activate(Activation::Scale { factor, offset });
            let reads = [Saved::Flowing(Form::Same)];
            return Some(vec![Gradient::made(scale, reads, [0])]);
        }
        let kept = match with_formula!(self.0, |formula| keeps(formula)) {
            Keeps::Input => Saved::Input(0, Form::Same),
            Keeps::Output => Saved::Output(0, Form::Same),
            // The rounded values are kept anyway.
            Keeps::Sign => Saved::Output(0, Form::Stored),
        };
        let reads = [kept, Saved::Flowing(Form::Same)];
        Some(vec![Gradient::made(ActivateGrad(self.0), reads, [0])])
    }
}

impl Definition for ActivateGrad {
    fn name(&self) -> &'static str {
        with_formula!(self.0, |formula| gradient_name(formula))
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        with_formula!(self.0, |formula| formula.constants())
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        Iteration::pointwise(with_formula!(self.0, |formula| flops(formula))[1], axes)
    }
}
