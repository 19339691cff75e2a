use super::{Definition, Form, Forward, Gradient, Saved, Shapes};
use crate::simplification::Simplification;

/// (logits (B, C), labels (B)) → (loss_sum (1), correct (1)): the sum over the batch of
/// −log softmax(logits)\[label\], and how often the label's logit is the largest (the first
/// of equals).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftmaxCrossEntropy;

/// (logits (B, C), labels (B)) → (dlogits (B, C)): `(softmax(logits) − onehot(label)) / B`,
/// the gradient of the *mean* loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftmaxCrossEntropyGrad;

impl Definition for SoftmaxCrossEntropy {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        5 * of.input_elements(0)
    }

    /// Backward begins here: no gradient flows into the loss.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (logits, labels) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let reads = [logits, labels];
        Some(vec![Gradient::made(SoftmaxCrossEntropyGrad, reads, [0])])
    }
}

impl Definition for SoftmaxCrossEntropyGrad {
    fn name(&self) -> &'static str {
        "softmax_cross_entropy_grad"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        5 * of.input_elements(0)
    }
}
