//! Channels of several tensors, one behind the other, and back.

/// `y[…, c] = a[…, c]` for the channels of a, then those of b, and so on. Each part is (…, C) with its number C;
/// y is (…, the sum of them).
pub fn concat(parts: &[(&[f64], usize)]) -> Vec<f64> {
    let (first, channels) = parts[0];
    let rows = first.len() / channels;
    let mut y = Vec::with_capacity(parts.iter().map(|(part, _)| part.len()).sum());
    for row in 0..rows {
        for (part, channels) in parts {
            y.extend_from_slice(&part[row * channels..(row + 1) * channels]);
        }
    }
    y
}

/// `b[…, c] = y[…, from + c]`. y is (…, `channels`), b is (…, `wanted`).
pub fn split(y: &[f64], channels: usize, from: usize, wanted: usize) -> Vec<f64> {
    let rows = y.chunks_exact(channels);
    rows.flat_map(|row| row[from..from + wanted].iter().copied())
        .collect()
}
