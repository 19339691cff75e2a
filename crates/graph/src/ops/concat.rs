use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved,
    iteration::{
        Index::{self, At, Behind},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::{axis::Axis, tensor::TensorId};

/// How many tensors one operation joins at most: kernels bind few.
const MOST: usize = 4;

/// (a (…, C₁), b (…, C₂), …) → (y (…, C₁ + C₂ + …)): the channels of all, one tensor's behind the other's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concat {
    /// Of each input; 0 where there are fewer.
    pub channels: [usize; MOST],
}

/// (y (…, C)) → (b (…, C₂)): as many channels of y as b has, from this one on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// The first channel.
    pub from: usize,
}

impl Concat {
    /// The first channel of y that each input gives.
    pub fn firsts(&self) -> impl Iterator<Item = usize> {
        let inputs = self.channels.iter().filter(|channels| **channels > 0);
        inputs.scan(0, |next, channels| {
            let first = *next;
            *next += channels;
            Some(first)
        })
    }
}

/// As [`at`], so many channels further on.
fn behind(axes: &[Axis], by: usize) -> Vec<Index> {
    let place = |axis: &Axis| match axis {
        Axis::Channel => Behind {
            axis: Axis::Channel,
            by,
        },
        other => At(*other),
    };
    axes.iter().map(place).collect()
}

impl Definition for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let channels = self.channels.iter().filter(|channels| **channels > 0);
        let channels: Vec<usize> = channels.copied().collect();
        vec![("channels", format!("{channels:?}"))]
    }

    /// A space for each input.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let of_input = |(input, first)| {
            let read = Input(input).at(at(axes.outputs[0]));
            Space::copy(&[&read], &[&Output(0).at(behind(axes.outputs[0], first))])
        };
        let spaces: Vec<Space> = self.firsts().enumerate().map(of_input).collect();
        spaces.into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let dy = Saved::Flowing(Form::Same);
        let of_input = |(input, from)| Gradient::made(Split { from }, [dy], [input]);
        Some(self.firsts().enumerate().map(of_input).collect())
    }
}

impl Definition for Split {
    fn name(&self) -> &'static str {
        "split"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        vec![("from", self.from.to_string())]
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let read = Input(0).at(behind(axes.inputs[0], self.from));
        Space::copy(&[&read], &[&Output(0).at(at(axes.outputs[0]))]).into()
    }
}

/// The channels of all inputs, as a tree where there are many.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, inputs: &[TensorId]) -> TensorId {
    let mut level = inputs.to_vec();
    let mut parts = 0;
    while level.len() > MOST {
        level = level
            .chunks(MOST)
            .map(|some| match some {
                [one] => *one,
                some => {
                    parts += 1;
                    let name = format!("{}.part{parts}", layer.name);
                    concat(net, layer, name, some)
                }
            })
            .collect();
    }
    concat(net, layer, layer.name.to_owned(), &level)
}

fn concat(net: &mut dyn Net, layer: &Layer, name: String, inputs: &[TensorId]) -> TensorId {
    let mut channels = [0; MOST];
    for (own, input) in channels.iter_mut().zip(inputs) {
        *own = net.extent(*input, Axis::Channel);
    }
    let mut shape = layer.shape.clone();
    for (axis, extent) in &mut shape {
        if *axis == Axis::Channel {
            *extent = channels.iter().sum();
        }
    }
    let output = net.value(name, &shape);
    net.operation(Concat { channels }.into(), inputs, &[output]);
    output
}
