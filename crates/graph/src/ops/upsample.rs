use laptime_workload::Window;

use super::{
    Definition, Form, Forward, Gradient, Saved,
    iteration::{
        Index::{Met, MetBy},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at, through,
    },
};
use crate::axis::Axis;

/// (x (B, H, W, C)) → (y (B, H·down, W·right, C)): every value of x that often, the nearest one at each position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Upsample {
    /// How often, down and to the right.
    pub factor: [usize; 2],
}

/// (dy) → (dx): the sum of dy over all positions that have the value of x.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpsampleGrad {
    /// How often each value stands in y.
    pub factor: [usize; 2],
}

/// What a value of x becomes, as a window over y.
fn window(factor: [usize; 2]) -> Window {
    Window {
        kernel: factor,
        stride: factor,
        padding: [0; 4],
        dilation: [1; 2],
    }
}

impl Definition for Upsample {
    fn name(&self) -> &'static str {
        "upsample"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("factor", format!("{:?}", self.factor))]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let x = Input(0).at(through(&window(self.factor), MetBy, Axis::Channel));
        Space::copy(&[&x], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let factor = self.factor;
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(UpsampleGrad { factor }, [dy], [0])])
    }
}

impl Definition for UpsampleGrad {
    fn name(&self) -> &'static str {
        "upsample_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("factor", format!("{:?}", self.factor))]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let dy = Input(0).at(through(&window(self.factor), Met, Axis::Channel));
        Space::sum(1, &[&dy], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }
}
