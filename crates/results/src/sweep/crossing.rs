//! Two sweeps: who is faster at which batch size.

use laptime_measure::statistics::{Crossover, crossover};

use super::Sweep;

/// What two sweeps say of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// Whether the first is faster with the smallest batches, by the fitted lines.
    pub first_wins_small: bool,
    /// Where the order turns; `None` where it does not.
    pub turn: Option<Crossover>,
    /// Why the sweeps are not of the same training; empty where they are.
    pub reasons: Vec<String>,
}

/// Compares two sweeps; `None` where one of them has no line.
pub fn crossing(one: &Sweep, other: &Sweep) -> Option<Crossing> {
    let (first, second) = (one.line()?, other.line()?);
    let smallest = first.range[0].max(second.range[0]);
    let at =
        |line: &laptime_measure::statistics::Line| line.overhead_s + smallest * line.s_per_unit;
    let turn = crossover(&first, &second);
    // Behind a turn that lies before the range, the other one wins all of it.
    Some(Crossing {
        first_wins_small: at(&first) < at(&second),
        turn: turn.filter(|turn| turn.x >= smallest),
        reasons: reasons(one, other),
    })
}

/// The precision may differ: that is one of the questions.
fn reasons(one: &Sweep, other: &Sweep) -> Vec<String> {
    let mut reasons = Vec::new();
    if one.workload != other.workload {
        reasons.push(format!(
            "the workloads are {} and {}",
            one.workload, other.workload
        ));
    }
    if one.precision == other.precision {
        for point in &one.points {
            let mut others = other.points.iter();
            let same = others.find(|it| it.batch_size == point.batch_size);
            if same.is_some_and(|it| it.digest != point.digest) {
                let size = point.batch_size;
                reasons.push(format!("the trainings with batch size {size} differ"));
                break;
            }
        }
    }
    if !one.is_verified() || !other.is_verified() {
        reasons.push("not each batch size is verified".to_owned());
    }
    reasons
}
