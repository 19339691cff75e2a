//! Where one engine overtakes another: the x at which two lines meet.

use super::{Line, percentile_interval};

/// Where two lines meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossover {
    /// The x at which both take the same time.
    pub x: f64,
    /// Its 95 % interval; `None` where one of the lines has none. An end is 0 or infinite where
    /// the lines may as well not meet.
    pub ci95: Option<[f64; 2]>,
    /// Whether x is outside of the range that both lines were measured in, so that it holds only if
    /// the lines go on straight.
    pub is_extrapolated: bool,
}

/// How many times as long one line's time at x is as another's, with the 95 % interval of the resampled
/// lines; `None` where one of them has none.
pub fn ratio_at(one: &Line, other: &Line, x: f64) -> Option<(f64, [f64; 2])> {
    let time = |[overhead_s, s_per_unit]: [f64; 2]| overhead_s + s_per_unit * x;
    let ratio = time([one.overhead_s, one.s_per_unit]) / time([other.overhead_s, other.s_per_unit]);
    let pairs = one.replicates.iter().zip(&other.replicates);
    let ratios: Vec<f64> = pairs
        .map(|(one, other)| time(*one) / time(*other))
        .collect();
    percentile_interval(&ratios)
        .filter(|_| ratio.is_finite())
        .map(|ends| (ratio, ends))
}

/// Where the lines meet; `None` where they do not at a positive x.
///
/// The interval is of the resampled lines, one of each at a time. Of two that do not meet, the
/// side that wins by its overhead here may win everywhere, and they meet at infinity; or the other
/// one may, and they meet at 0. If the sides have changed places, both can be, and they are
/// counted in turn.
pub fn crossover(one: &Line, other: &Line) -> Option<Crossover> {
    let lead = |one: [f64; 2], other: [f64; 2]| [other[0] - one[0], one[1] - other[1]];
    let [overhead, slope] = lead(
        [one.overhead_s, one.s_per_unit],
        [other.overhead_s, other.s_per_unit],
    );
    let x = overhead / slope;
    if !(x.is_finite() && x > 0.0) {
        return None;
    }
    // Now the lead at x = 0 is above 0 for the one that wins there.
    let sign = overhead.signum();
    let pairs = one.replicates.iter().zip(&other.replicates);
    let crossings: Vec<f64> = pairs
        .enumerate()
        .map(|(i, (one, other))| {
            let [overhead, slope] = lead(*one, *other);
            match (sign * overhead > 0.0, sign * slope > 0.0) {
                (true, true) => overhead / slope,
                (true, false) => f64::INFINITY,
                (false, true) => 0.0,
                (false, false) if i % 2 == 0 => f64::INFINITY,
                (false, false) => 0.0,
            }
        })
        .collect();
    let begin = one.range[0].max(other.range[0]);
    let end = one.range[1].min(other.range[1]);
    Some(Crossover {
        x,
        ci95: percentile_interval(&crossings),
        is_extrapolated: !(begin..=end).contains(&x),
    })
}
