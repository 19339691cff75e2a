use super::{
    Definition, Form, Forward, Gradient, Saved,
    iteration::{
        Index::{self, At, Flat},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::axis::Axis;

/// (x) → (y): the same values in row-major order, in another shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reshape;

impl Definition for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    /// Of two shapes, the loops are those of the images; in a vector they lie one after the other.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        const SAMPLE: [Index; 2] = [
            At(Axis::Batch),
            Flat(&[Axis::Height, Axis::Width, Axis::Channel]),
        ];
        let (x, y) = (axes.inputs[0], axes.outputs[0]);
        let place = |own: &[Axis], other: &[Axis]| {
            if own.len() < other.len() {
                SAMPLE.to_vec()
            } else {
                at(own)
            }
        };
        Space::copy(&[&Input(0).at(place(x, y))], &[&Output(0).at(place(y, x))]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        Some(vec![Gradient::made(
            Self,
            [Saved::Flowing(Form::Same)],
            [0],
        )])
    }
}
