//! The dropout of an engine that draws masks of its own, as frameworks do.
//!
//! Nobody else can draw its masks, so its steps are compared with the Program's masks given to it. What is
//! timed is its own dropout: of that, the gate checks what can be: how many values are kept, the scale of
//! those, that masks differ, and that the timed path drops something at all.

use laptime_graph::State;
use laptime_workload::{Layer, LayerKind, dataset::Dataset};

use super::{Oracle, exceeds, one_step::step_of};
use crate::{EngineError, Progress, Session};

/// The ones that each layer is given.
const SHAPE: [usize; 2] = [256, 256];
/// How far from the expected count of kept values another may be: by chance, one layer of 500 million is.
const DEVIATIONS: f64 = 6.0;
/// So many values more, as rates near 0 or 1 make no normal distribution.
const FEW: f64 = 10.0;
/// What the scale of a kept value may differ by, relative to it: single precision, with 1 − rate rounded
/// first.
const SCALE_BOUND: f64 = 1e-6;

/// So many values that differ by chance are never all alike: once in 10¹⁷.
const ENOUGH: f64 = 40.0;

/// What is wrong with the dropout that is timed, if anything is.
pub(super) fn difference(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
    layers: &[Layer],
) -> Result<Option<String>, EngineError> {
    let mut before: Option<Vec<f32>> = None;
    let mut differing = 0.0;
    for (place, layer) in layers.iter().enumerate() {
        let LayerKind::Dropout { rate } = layer.kind else {
            continue;
        };
        let values = oracle.batch_size * layer.output.iter().product::<usize>();
        differing += values_that_differ(rate, values);
        for step in 1..=2 {
            let values = session.own_dropout(place, step, SHAPE)?;
            let differs = values_differ(&values, rate).or_else(|| {
                let is_telling = values_that_differ(rate, values.len()) > ENOUGH;
                (is_telling && before.as_ref() == Some(&values))
                    .then(|| "it drops the same as a step or a layer before".into())
            });
            if let Some(what) = differs {
                return Ok(Some(format!("the engine's own {}: {what}", layer.name)));
            }
            before = Some(values);
        }
    }
    if differing > ENOUGH {
        drops_nothing(session, oracle, samples)
    } else {
        Ok(None)
    }
}

/// How many of so many values are kept in one of two draws and dropped in the other, on average.
fn values_that_differ(rate: f64, count: usize) -> f64 {
    2.0 * rate * (1.0 - rate) * count as f64
}

/// What is wrong with ones behind dropout, if anything is.
fn values_differ(values: &[f32], rate: f64) -> Option<String> {
    let [rows, columns] = SHAPE;
    let count = rows * columns;
    if values.len() != count {
        return Some(format!("it gives {} values for {count}", values.len()));
    }
    let scale = 1.0 / (1.0 - rate);
    let mut kept = values.iter().filter(|value| **value != 0.0);
    let other = kept.find(|value| exceeds((f64::from(**value) / scale - 1.0).abs(), SCALE_BOUND));
    if let Some(other) = other {
        return Some(format!("it scales by {other}, not by {scale}"));
    }
    let kept = values.iter().filter(|value| **value != 0.0).count() as f64;
    let expected = (1.0 - rate) * count as f64;
    let deviation = (expected * rate).sqrt();
    if (kept - expected).abs() > DEVIATIONS * deviation + FEW {
        let share = 1.0 - kept / count as f64;
        return Some(format!("it drops {share:.4} of the values, not {rate}"));
    }
    let mut rows = values.chunks_exact(columns);
    let same_rows = rows.clone().all(|row| row == &values[..columns]);
    let same_columns = rows.all(|row| row.iter().all(|value| *value == row[0]));
    let is_telling = values_that_differ(rate, count) > ENOUGH;
    (is_telling && (same_rows || same_columns))
        .then(|| "it drops the same of all samples or of all values".into())
}

/// Whether the timed path drops something, and another time something else: its loss of the same batch
/// from the same state tells, where the oracle's does.
fn drops_nothing(
    session: &mut dyn Session,
    oracle: &Oracle,
    samples: &Dataset,
) -> Result<Option<String>, EngineError> {
    let start = &oracle.kept[0].start;
    let batch = &oracle.order[..oracle.batch_size];
    let mut losses = [[0.0; 2]; 2];
    for (steps, [own, expected]) in (start.steps..).zip(&mut losses) {
        let start = State {
            steps,
            ..start.clone()
        };
        let training = &oracle.step;
        let step = step_of(session, oracle, training, samples, &start, batch, None);
        *expected = step.unrounded().made.loss;
        session.set_state(&start)?;
        *own = session.train(batch, &Progress::new())?.score.loss();
    }
    let [[own, expected], [other, other_expected]] = losses;
    Ok((own == other && expected as f32 != other_expected as f32)
        .then(|| "what is timed drops nothing, or the same in every step".into()))
}

#[cfg(test)]
mod tests {
    use laptime_graph::Dropout;

    use super::*;

    /// What a right dropout makes of ones.
    fn right(rate: f64) -> Vec<f32> {
        let dropout = Dropout {
            rate,
            seed: 3,
            layer: 1,
        };
        let count = (SHAPE[0] * SHAPE[1]) as u64;
        let factors = (0..count).map(|index| dropout.factor(1, index) as f32);
        factors.collect()
    }

    #[test]
    fn a_right_dropout_passes_at_every_rate() {
        for rate in [0.0, 1e-6, 0.001, 0.2, 0.5, 0.999] {
            assert_eq!(values_differ(&right(rate), rate), None, "{rate}");
        }
    }

    #[test]
    fn another_rate_scale_or_pattern_is_told() {
        let rate = 0.2;
        let values = right(rate);
        let unscaled = values.iter().map(|value| value.min(1.0)).collect();
        let broken = values.iter().map(|value| value * f32::NAN).collect();
        let columns = SHAPE[1];
        let rows_alike = (0..values.len()).map(|at| values[at % columns]).collect();
        let columns_alike = (0..values.len()).map(|at| values[at / columns]).collect();
        let mut other_rate = right(0.22);
        for value in other_rate.iter_mut().filter(|value| **value != 0.0) {
            *value = 1.25;
        }
        let none = vec![1.25; values.len()];
        let fewer = values[1..].to_vec();
        for (name, wrong) in [
            ("unscaled", unscaled),
            ("broken", broken),
            ("rows alike", rows_alike),
            ("columns alike", columns_alike),
            ("another rate", other_rate),
            ("nothing dropped", none),
            ("fewer values", fewer),
        ] {
            assert!(values_differ(&wrong, rate).is_some(), "{name}");
        }
    }
}
