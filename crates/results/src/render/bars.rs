//! Bars of eighths of a character.

/// A bar for `share` (0 to 1) of `width` characters; a share that is not 0 is always seen.
pub(crate) fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let exact = share.clamp(0.0, 1.0) * width as f64 * 8.0;
    let eighths = (exact.round() as usize).max(usize::from(share > 0.0));
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// One small column a value, from the smallest to the largest, and a cross for one that is not finite;
/// nothing where there is nothing to see: below two values, or where all are the same.
pub(crate) fn sparkline(values: &[f64]) -> String {
    const COLUMNS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const NOT_FINITE: char = '×';
    let finite: Vec<f64> = values.iter().copied().filter(|it| it.is_finite()).collect();
    let low = finite.iter().copied().fold(f64::INFINITY, f64::min);
    let high = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_flat = low >= high && finite.len() == values.len();
    if values.len() < 2 || finite.is_empty() || is_flat {
        return String::new();
    }
    // Halved, so that even the largest range is a number; above 0, so that a flat one is.
    let range = (high / 2.0 - low / 2.0).max(f64::MIN_POSITIVE);
    let column = |value: &f64| {
        if value.is_finite() {
            COLUMNS[((value / 2.0 - low / 2.0) / range * 7.0).round() as usize]
        } else {
            NOT_FINITE
        }
    };
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

    #[test]
    fn what_is_not_finite_is_a_cross_and_leaves_the_others_their_heights() {
        let (nan, infinity) = (f64::NAN, f64::INFINITY);
        assert_eq!(sparkline(&[8.0, 4.5, nan, 1.0, infinity]), "█▅×▁×");
        assert_eq!(sparkline(&[2.3, nan, -infinity]), "▁××");
        assert_eq!(sparkline(&[-f64::MAX, f64::MAX, 0.0]), "▁█▅");
        assert_eq!(sparkline(&[infinity, nan]), "");
    }
}
