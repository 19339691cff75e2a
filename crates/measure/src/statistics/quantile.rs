//! Order statistics: percentiles, the median and the spread around it.

/// The value below which `percent` of the values lie; `None` without values.
///
/// Linear between the two nearest order statistics, as R and NumPy do by default: definition 7 of
/// R. J. Hyndman, Y. Fan: "Sample Quantiles in Statistical Packages", The American Statistician
/// 50 (1996). NaN counts as the largest value.
pub fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    percentile_of_sorted(&sorted(values), percent)
}

/// The median; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    percentile(values, 50.0)
}

/// The median of the distances from the median (MAD); `None` without a finite median.
///
/// F. R. Hampel: "The Influence Curve and Its Role in Robust Estimation", JASA 69 (1974): up to
/// half of the values may be arbitrarily wrong before the MAD is.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values).filter(|middle| middle.is_finite())?;
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances)
}

/// The MAD × 1.4826, which estimates the standard deviation of normal values: 1.4826 is
/// 1/Φ⁻¹(3/4).
pub fn scaled_mad(values: &[f64]) -> Option<f64> {
    median_absolute_deviation(values).map(|mad| 1.4826 * mad)
}

/// [`percentile`] of values that are already in order.
pub(super) fn percentile_of_sorted(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let percent = if percent.is_nan() { 50.0 } else { percent };
    let place = percent.clamp(0.0, 100.0) / 100.0 * last as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    let share = place.fract();
    // Exactly at a value, or between equal ones: infinity less infinity would be NaN.
    let is_at = share == 0.0 || below == above;
    Some(if is_at {
        below
    } else {
        below + (above - below) * share
    })
}

/// The values in ascending order, NaN last, whichever its sign, which is an accident of the
/// processor.
pub(super) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| a.is_nan().cmp(&b.is_nan()).then(a.total_cmp(b)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_numpys() {
        let values = [4.0, 1.0, 3.0, 2.0];
        // numpy.percentile([4, 1, 3, 2], q)
        for (percent, expected) in [
            (0.0, 1.0),
            (50.0, 2.5),
            (95.0, 3.85),
            (99.0, 3.97),
            (100.0, 4.0),
        ] {
            let found = percentile(&values, percent).expect("there are values");
            assert!((found - expected).abs() < 1e-12, "{percent}: {found}");
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(median(&[7.0]), Some(7.0));
    }

    #[test]
    fn values_that_are_not_finite_lie_at_the_ends_and_spoil_no_others() {
        let infinity = f64::INFINITY;
        for nan in [f64::NAN, -f64::NAN] {
            assert_eq!(median(&[nan, 1.0, 2.0, nan, 3.0]), Some(3.0));
            assert!(median(&[nan, 1.0, nan]).is_some_and(f64::is_nan));
        }
        assert_eq!(median(&[infinity, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[infinity, 1.0, infinity]), Some(infinity));
        assert_eq!(median(&[infinity, infinity]), Some(infinity));
        assert_eq!(median(&[infinity, 1.0]), Some(infinity));
        assert_eq!(percentile(&[1.0, 2.0, infinity], 50.0), Some(2.0));
    }

    #[test]
    fn the_mad_is_the_median_distance_and_outliers_do_not_move_it() {
        let values = [1.0, 1.0, 2.0, 2.0, 4.0, 6.0, 9.0];
        assert_eq!(median_absolute_deviation(&values), Some(1.0));
        assert_eq!(scaled_mad(&values), Some(1.4826));
        let spoiled = [1.0, 1.0, 2.0, 2.0, 4.0, 6.0, f64::NAN];
        assert_eq!(median_absolute_deviation(&spoiled), Some(1.0));
        assert_eq!(median_absolute_deviation(&[]), None);
        assert_eq!(median_absolute_deviation(&[f64::INFINITY]), None);
    }
}
