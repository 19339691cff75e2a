//! The rows of a table that symbols name, and the gradient.

use crate::chance::error_of_sum;

/// `y[p] = table[symbols[p]]` at each place p. symbols is (B, T), as numbers, table (E, C), y (B, 1, T, C).
pub fn embedding(symbols: &[f64], table: &[f64], channels: usize) -> Vec<f64> {
    let rows = symbols.iter().map(|symbol| {
        let row = *symbol as usize;
        &table[row * channels..][..channels]
    });
    rows.flatten().copied().collect()
}

/// `dtable[e] = Σ dy[p]` over the places p whose symbol is e. symbols is (B, T), as numbers, dy (B, 1, T, C), dtable
/// (E, C).
pub fn embedding_grad(symbols: &[f64], dy: &[f64], entries: usize) -> Vec<f64> {
    let channels = dy.len() / symbols.len();
    let mut dtable = vec![0.0; entries * channels];
    for (symbol, dy) in symbols.iter().zip(dy.chunks(channels)) {
        let row = &mut dtable[*symbol as usize * channels..][..channels];
        row.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += dy);
    }
    dtable
}

/// Gives the sums of [`embedding_grad`] their errors.
pub(super) fn disturb_gradient(inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    let ([symbols, dy], [dtable]) = (inputs, outputs) else {
        unreachable!("an embedding's gradient makes one tensor of two")
    };
    let entries = dtable.len() / (dy.len() / symbols.len());
    let sizes: Vec<f64> = dy.iter().map(|dy| dy.abs()).collect();
    let sizes = embedding_grad(symbols, &sizes, entries);
    for (place, (sum, size)) in dtable.iter_mut().zip(sizes).enumerate() {
        *sum += error_of_sum(size, place, draw);
    }
}
