//! The loss of a classifier: softmax and cross-entropy from logits, with the score.

/// How a batch did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The sum of the samples' losses.
    pub loss_sum: f64,
    /// How many samples were right.
    pub correct: u64,
}

/// `loss_sum = −ΣΣ target·log softmax(logits)`, over samples and classes, and how often the label's logit is
/// the largest, the first of equals. The targets of a sample are `ε/C` for each class, and `1 − ε` more for its
/// label, where ε is `label_smoothing` (Szegedy et al. 2016). logits is (B, C), labels is (B), as numbers.
///
/// The loss of a sample with a NaN among its logits is NaN, and so is it where the largest is infinite;
/// of such a sample with NaN no answer is right.
pub fn softmax_cross_entropy(logits: &[f64], labels: &[f64], label_smoothing: f64) -> Score {
    let mut score = Score {
        loss_sum: 0.0,
        correct: 0,
    };
    for (logits, label) in rows(logits, labels) {
        let log_sum_exp = log_sum_exp(logits);
        let mut loss = log_sum_exp - logits[label];
        if label_smoothing > 0.0 {
            let of_all: f64 = logits.iter().map(|logit| log_sum_exp - logit).sum();
            loss = (1.0 - label_smoothing) * loss + label_smoothing * of_all / logits.len() as f64;
        }
        score.loss_sum += loss;
        let has_nan = logits.iter().any(|logit| logit.is_nan());
        score.correct += u64::from(!has_nan && first_largest(logits) == label);
    }
    score
}

/// `dlogits = (softmax(logits) − target) / B`, the gradient of the *mean* loss. logits and dlogits are (B, C),
/// labels is (B), as numbers. All of a sample's are NaN where a logit is, or the largest is infinite.
pub fn softmax_cross_entropy_grad(
    logits: &[f64],
    labels: &[f64],
    label_smoothing: f64,
) -> Vec<f64> {
    let batch = labels.len() as f64;
    let mut gradient = Vec::with_capacity(logits.len());
    for (logits, label) in rows(logits, labels) {
        let log_sum_exp = log_sum_exp(logits);
        for (class, logit) in logits.iter().enumerate() {
            let probability = (logit - log_sum_exp).exp();
            let wanted = if class == label { 1.0 } else { 0.0 };
            let evenly = 1.0 / logits.len() as f64;
            let target = (1.0 - label_smoothing) * wanted + label_smoothing * evenly;
            gradient.push((probability - target) / batch);
        }
    }
    gradient
}

/// Each sample's logits with its label.
fn rows<'a>(logits: &'a [f64], labels: &'a [f64]) -> impl Iterator<Item = (&'a [f64], usize)> {
    let classes = logits.len() / labels.len();
    logits
        .chunks(classes)
        .zip(labels)
        .map(move |(logits, &label)| {
            let label = label as usize;
            assert!(
                label < classes,
                "label {label} does not name one of {classes} classes"
            );
            (logits, label)
        })
}

/// `log Σ exp(logits)`. The largest is taken out first, so that no exponential overflows.
fn log_sum_exp(logits: &[f64]) -> f64 {
    let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    largest + sum.ln()
}

fn first_largest(logits: &[f64]) -> usize {
    let mut first = 0;
    for class in 1..logits.len() {
        if logits[class] > logits[first] {
            first = class;
        }
    }
    first
}
