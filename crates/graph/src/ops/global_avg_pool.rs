use super::{
    Definition, Form, Forward, Gradient, Saved,
    iteration::{
        Iteration,
        Operand::{Input, Output, Temporary},
        OperandAxes, Space, at,
    },
};

/// (x (B, H, W, C)) → (y (B, C)): the mean over all positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlobalAvgPool;

/// (dy (B, C)) → (dx (B, H, W, C)): each dy is shared out evenly among all positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlobalAvgPoolGrad;

impl Definition for GlobalAvgPool {
    fn name(&self) -> &'static str {
        "global_avg_pool"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let x = Input(0).at(at(axes.inputs[0]));
        Space::sum(1, &[&x], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(GlobalAvgPoolGrad, [dy], [0])])
    }
}

impl Definition for GlobalAvgPoolGrad {
    fn name(&self) -> &'static str {
        "global_avg_pool_grad"
    }

    /// Divided once, then copied to all positions.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let dy = Input(0).at(at(axes.inputs[0]));
        let share = Temporary(0).at(at(axes.inputs[0]));
        vec![
            Space::each(1, &[&dy], &[&share]),
            Space::copy(&[&share], &[&Output(0).at(at(axes.outputs[0]))]),
        ]
        .into()
    }
}
