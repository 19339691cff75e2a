use super::{
    Definition, Form, Forward, Gradient, Saved,
    iteration::{
        Index::{At, Only, Value},
        Iteration, Map,
        Operand::{self, Input, Output, Temporary},
        OperandAxes, Space, at,
    },
};
use crate::axis::Axis;

/// (logits (B, C), labels (B)) → (loss_sum (1), correct (1)): the sum over the batch of
/// −Σ target · log softmax(logits), where `target = (1 − ε)·onehot(label) + ε/C` (Szegedy et al. 2016), and
/// how often the label's logit is the largest (the first of equals).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftmaxCrossEntropy {
    /// ε, 0 to 1; 0 leaves −log softmax(logits)\[label\].
    pub label_smoothing: f64,
}

/// (logits (B, C), labels (B)) → (dlogits (B, C)): `(softmax(logits) − target) / B`, the gradient of the *mean*
/// loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftmaxCrossEntropyGrad {
    /// As in [`SoftmaxCrossEntropy`].
    pub label_smoothing: f64,
    /// What takes the place of B in a step of several micro-batches: the samples of all of them.
    pub mean_of: Option<usize>,
}

/// One value a sample.
fn of_row(operand: Operand) -> Map {
    operand.at([At(Axis::Batch)])
}

/// What both begin with: the largest logit of each row, and Σ exp(logit − largest).
fn softmax(axes: &OperandAxes) -> [Space; 2] {
    let logits = Input(0).at(at(axes.inputs[0]));
    let [largest, sum] = [0, 1].map(|n| of_row(Temporary(n)));
    [
        Space::fold(1, &[&logits], &[&largest]),
        Space::sum(3, &[&logits, &largest], &[&sum]),
    ]
}

impl Definition for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(self.label_smoothing)
    }

    /// What is done once a row counts for nothing. With smoothing the loss reads the row's other logits too, as
    /// the sum does.
    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let logits = Input(0).at(at(axes.inputs[0]));
        let [label, answer] = [Input(1), Temporary(2)].map(of_row);
        let [largest, sum] = [0, 1].map(|n| of_row(Temporary(n)));
        let of_label = Input(0).at([At(Axis::Batch), Value(1)]);
        let [first, second] = softmax(axes);
        vec![
            first,
            second,
            Space::sum(
                0,
                &[&label, &of_label, &largest, &sum],
                &[&Output(0).at([Only])],
            ),
            Space::fold(1, &[&logits], &[&answer]),
            Space::sum(0, &[&label, &answer], &[&Output(1).at([Only])]),
        ]
        .into()
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, forward: Forward) -> Option<Vec<Gradient>> {
        let (logits, labels) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let label_smoothing = self.label_smoothing;
        let op = SoftmaxCrossEntropyGrad {
            label_smoothing,
            mean_of: forward.mean_of,
        };
        Some(vec![Gradient::made(op, [logits, labels], [0])])
    }
}

impl Definition for SoftmaxCrossEntropyGrad {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        let mean_of = self.mean_of.map(|samples| ("mean_of", samples.to_string()));
        constants(self.label_smoothing)
            .into_iter()
            .chain(mean_of)
            .collect()
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let [logits, y] = [Input(0), Output(0)].map(|one| one.at(at(axes.inputs[0])));
        let label = of_row(Input(1));
        let [largest, sum] = [0, 1].map(|n| of_row(Temporary(n)));
        let [first, second] = softmax(axes);
        let last = Space::each(1, &[&logits, &label, &largest, &sum], &[&y]);
        vec![first, second, last].into()
    }
}

/// Programs without smoothing keep their digests.
fn constants(label_smoothing: f64) -> Vec<(&'static str, String)> {
    if label_smoothing == 0.0 {
        return Vec::new();
    }
    vec![("label_smoothing", label_smoothing.to_string())]
}
