use laptime_workload::Distribution;

use super::{
    Definition, Form, Forward, Gradient, Layer, Net, Saved,
    iteration::{
        Index::{At, Value},
        Iteration,
        Operand::{Input, Output},
        OperandAxes, Space, at,
    },
};
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// (symbols (B, T), table (E, C)) → (y (B, 1, T, C)): at each place the row of the table that its symbol names
/// (Bengio et al. 2003). A sequence is an image of height 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Embedding;

/// (symbols (B, T), dy (B, 1, T, C)) → (dtable (E, C)): the sum of dy over all places that have the symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingGrad;

impl Definition for Embedding {
    fn name(&self) -> &'static str {
        "embedding"
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let symbols = Input(0).at(at(axes.inputs[0]));
        let row = Input(1).at([Value(0), At(Axis::Channel)]);
        let y = Output(0).at(at(axes.outputs[0]));
        Space::copy(&[&symbols, &row], &[&y]).into()
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let symbols = Saved::Input(0, Form::Same);
        let dy = Saved::Flowing(Form::Same);
        Some(vec![Gradient::made(EmbeddingGrad, [symbols, dy], [1])])
    }
}

impl Definition for EmbeddingGrad {
    fn name(&self) -> &'static str {
        "embedding_grad"
    }

    /// Rows are no loop, so none can be a slice's own: it is cut by channels, and two slices add to no value.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let symbols = Input(0).at(at(axes.inputs[0]));
        let dy = Input(1).at(at(axes.inputs[1]));
        let row = Output(0).at([Value(0), At(Axis::Channel)]);
        Space::sum(1, &[&symbols, &dy], &[&row]).into()
    }
}

/// A table, and what it has for each symbol.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    symbols: TensorId,
    embedding: laptime_workload::Embedding,
) -> TensorId {
    let deviation = embedding.deviation;
    let table = net.parameter(
        format!("{}.weight", layer.name),
        &[
            (Axis::Entry, embedding.symbols),
            (Axis::Channel, embedding.dimension),
        ],
        Initial::Drawn(Distribution::Normal { deviation }),
    );
    net.simple(layer, Embedding.into(), &[symbols, table])
}
