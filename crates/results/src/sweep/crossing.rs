//! Two sweeps: who is faster at which batch size.

use laptime_measure::{
    statistics::{Crossover, Line, crossover, ratio_at, widened_for_occasions},
    telemetry::Condition,
};

use super::{Axis, Sweep};
use crate::compare::ASSUMED_LOG_SD;

/// Who is faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// The first sweep.
    First,
    /// The second one.
    Second,
    /// They cannot be told apart.
    Neither,
}

/// What two sweeps say of each other at one place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meeting {
    /// The place on the axis: a batch size, or operations a step.
    pub x: f64,
    /// The first one's time over the second one's, by the fitted lines.
    pub ratio: f64,
    /// Its 95 % interval, widened for [`ASSUMED_LOG_SD`]: sweeps are never interleaved.
    pub ci95: [f64; 2],
}

impl Meeting {
    /// Who is faster there.
    pub fn lead(&self) -> Lead {
        match self.ci95 {
            [_, high] if high < 1.0 => Lead::First,
            [low, _] if low > 1.0 => Lead::Second,
            _ => Lead::Neither,
        }
    }
}

/// What two sweeps say of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// What both of them vary.
    pub axis: Axis,
    /// At the smallest value of both.
    pub small: Meeting,
    /// At the largest value of both.
    pub large: Meeting,
    /// Where the order turns; `None` unless each of them leads somewhere.
    pub turn: Option<Crossover>,
    /// Why the sweeps do not compare; empty where they do.
    pub reasons: Vec<String>,
}

/// Compares two sweeps; `None` where one of them has no line with an interval, or they have no range in
/// common, or vary different things, or threads, of which two machines have different ones.
pub fn crossing(one: &Sweep, other: &Sweep) -> Option<Crossing> {
    if one.axis != other.axis || one.axis == Axis::Threads {
        return None;
    }
    let (first, second) = (one.line()?, other.line()?);
    let smallest = first.range[0].max(second.range[0]);
    let largest = first.range[1].min(second.range[1]);
    if smallest >= largest {
        return None;
    }
    let small = meeting(&first, &second, smallest)?;
    let large = meeting(&first, &second, largest)?;
    let turns = matches!(
        (small.lead(), large.lead()),
        (Lead::First, Lead::Second) | (Lead::Second, Lead::First)
    );
    Some(Crossing {
        axis: one.axis,
        small,
        large,
        turn: crossover(&first, &second).filter(|_| turns),
        reasons: reasons(one, other),
    })
}

fn meeting(one: &Line, other: &Line, x: f64) -> Option<Meeting> {
    let (ratio, ends) = ratio_at(one, other, x)?;
    Some(Meeting {
        x,
        ratio,
        ci95: widened_for_occasions(ratio, ends, ASSUMED_LOG_SD),
    })
}

/// Precision, threads and machine may differ: they are what one asks about.
fn reasons(one: &Sweep, other: &Sweep) -> Vec<String> {
    let mut reasons = Vec::new();
    if one.workload != other.workload {
        reasons.push(format!(
            "the workloads are {} and {}",
            one.workload, other.workload
        ));
    }
    if one.dataset.source != other.dataset.source {
        reasons.push("one has real samples, the other made-up ones".to_owned());
    }
    if one.precision == other.precision {
        for point in &one.points {
            let mut others = other.points.iter();
            let same = others.find(|it| one.axis.value(it) == one.axis.value(point));
            if same.is_some_and(|it| it.digest != point.digest) {
                let place = one.axis.label(point);
                reasons.push(format!("the trainings with {place} differ"));
                break;
            }
        }
    }
    if !one.is_verified() || !other.is_verified() {
        reasons.push("not each point is verified".to_owned());
    }
    for (sweep, which) in [(one, "first"), (other, "second")] {
        if let Some(bad @ (Condition::Disturbed { .. } | Condition::Throttled { .. })) =
            sweep.condition()
        {
            reasons.push(format!("the {which} one was {bad}"));
        }
    }
    reasons
}
