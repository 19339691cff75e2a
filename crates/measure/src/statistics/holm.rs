//! Several tests together.
//!
//! S. Holm: "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of
//! Statistics 6 (1979).

/// The p values of a family of tests, adjusted so that all those below a level can be believed
/// together: the probability of a single false alarm among them is at most that level, however
/// the tests depend on each other. NaN, a test that was not made, counts as 1.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let p_values: Vec<f64> = p_values
        .iter()
        .map(|p| if p.is_nan() { 1.0 } else { *p })
        .collect();
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0f64;
    for (place, test) in order.into_iter().enumerate() {
        let left = (p_values.len() - place) as f64;
        largest = largest.max((left * p_values[test]).min(1.0));
        adjusted[test] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::super::simulate::share_of;
    use super::*;

    #[test]
    fn holms_p_values_are_those_of_r() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
        assert_eq!(holm(&[f64::NAN, 0.01]), [1.0, 0.02]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn a_family_of_true_hypotheses_has_a_false_alarm_in_5_percent() {
        let alarms = share_of(10_000, 1, |stream| {
            let p_values: Vec<f64> = (0..6).map(|_| stream.next_unit()).collect();
            holm(&p_values).iter().any(|p| *p < 0.05)
        });
        assert!((0.04..0.057).contains(&alarms), "{alarms}");
    }
}
