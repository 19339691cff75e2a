use super::{Definition, Form, Forward, Gradient, Saved, Shapes};
use crate::simplification::Simplification;

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
}

impl Definition for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(self.label_smoothing)
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        5 * of.input_elements(0)
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (logits, labels) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let label_smoothing = self.label_smoothing;
        let op = SoftmaxCrossEntropyGrad { label_smoothing };
        Some(vec![Gradient::made(op, [logits, labels], [0])])
    }
}

impl Definition for SoftmaxCrossEntropyGrad {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy_grad"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        constants(self.label_smoothing)
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        5 * of.input_elements(0)
    }
}

/// Programs without smoothing keep their digests.
fn constants(label_smoothing: f64) -> Vec<(&'static str, String)> {
    if label_smoothing == 0.0 {
        return Vec::new();
    }
    vec![("label_smoothing", label_smoothing.to_string())]
}
