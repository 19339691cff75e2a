//! The sum of gradients over the micro-batches of a step.

/// `sum + g`; of the first micro-batch, which has no sum yet, `g`.
pub fn accumulate(g: &[f64], sum: Option<&[f64]>) -> Vec<f64> {
    match sum {
        None => g.to_vec(),
        Some(sum) => sum.iter().zip(g).map(|(sum, g)| sum + g).collect(),
    }
}

/// Makes the gradient of a mean loss over so many samples what it contributes to the mean over `mean_of`.
pub(super) fn as_share(mut gradient: Vec<f64>, samples: usize, mean_of: Option<usize>) -> Vec<f64> {
    if let Some(mean_of) = mean_of {
        for value in &mut gradient {
            *value = *value * samples as f64 / mean_of as f64;
        }
    }
    gradient
}
