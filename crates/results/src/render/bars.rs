//! Bars of eighths of a character.

/// A bar for `share` (0 to 1) of `width` characters; a share that is not 0 is always seen.
pub(crate) fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let exact = share.clamp(0.0, 1.0) * width as f64 * 8.0;
    let eighths = (exact.round() as usize).max(usize::from(share > 0.0));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// One small column a value, from the smallest to the largest; nothing below two values.
pub(crate) fn sparkline(values: &[f64]) -> String {
    const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.len() < 2 || low >= high {
        return String::new();
    }
    let column = |value: &f64| COLUMNS[((value - low) / (high - low) * 7.0).round() as usize];
    values.iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_grow_by_eighths() {
        for (share, expected) in [
            (0.0, ""),
            (1e-6, "▏"),
            (0.25, "██"),
            (0.5625, "████▌"),
            (1.0, "████████"),
            (2.0, "████████"),
        ] {
            assert_eq!(bar(share, 8), expected, "{share}");
        }
    }

    #[test]
    fn sparklines_span_their_values() {
        assert_eq!(sparkline(&[8.0, 4.5, 1.0]), "█▅▁");
        assert_eq!(sparkline(&[3.0]), "");
        assert_eq!(sparkline(&[3.0, 3.0]), "");
        assert_eq!(sparkline(&[f64::NAN, f64::NAN]), "");
    }
}
