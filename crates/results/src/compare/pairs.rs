//! Runs of one race, in pairs of the same round.

use laptime_measure::Run;

use super::Side;

/// Pairs beyond these are not looked at: the test takes time and memory with the square of them.
const MOST_PAIRS: usize = 2_000;

/// The totals of both, the runs at one place of the same round but a cold one, NaN for one that was
/// interrupted; `None` where they are not of one race.
pub(super) fn of(one: &Side, other: &Side) -> Option<(Vec<f64>, Vec<f64>)> {
    let (one, other) = (one.record()?, other.record()?);
    let race = one.race.as_ref()?;
    let is_one_race = other.race.as_ref() == Some(race)
        && one.machine == other.machine
        // What says so must at least not contradict itself.
        && [one, other].iter().all(|it| it.runs.len() as u64 <= race.rounds);
    let total = |run: &Run| match run.is_whole() {
        true => run.total_s,
        false => f64::NAN,
    };
    is_one_race.then(|| {
        let rounds = one.runs.iter().zip(&other.runs);
        let rounds = rounds.filter(|(one, other)| !one.cold && !other.cold);
        let totals = rounds.map(|(one, other)| (total(one), total(other)));
        totals.take(MOST_PAIRS).unzip()
    })
}
