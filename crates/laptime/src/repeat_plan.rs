//! How often a run is repeated. That is fixed behind a pilot, by its spread alone: to stop when the
//! interval looks narrow would make it cover too little (see `laptime_measure::statistics::runs_to_make`).

use std::time::Duration;

use laptime_measure::{
    Run,
    statistics::{LEAST_RUNS, median, runs_to_make},
};

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// So many runs; one means the first, cold one.
    Fixed(u64),
    /// As many as this time allows.
    Budget(Duration),
    /// Again and again until this time is over, to show what becomes of the speed.
    Sustain(Duration),
}

/// The most that a record has, with the cold one: what compares records reads no more.
pub const MOST_RUNS: u64 = 9_999;

/// Runs from which the spread is told: three tell it so roughly that too many follow.
pub const PILOT_RUNS: u64 = 5;

/// How close the median's interval is to lie, on either side.
const TARGET: f64 = 0.02;

/// The time that there is.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    time: Duration,
}

impl Room {
    /// The room in a budget for runs that take so long, each with its process; `None` where it has none
    /// for as many as an interval takes.
    pub fn of(time: Duration, run_s: f64) -> Option<Self> {
        (LEAST_RUNS as f64 * run_s <= time.as_secs_f64()).then_some(Self { time })
    }

    /// How many runs there are to be in all, behind these, which took so long.
    pub fn runs(self, pilot: &[Run], elapsed: Duration) -> u64 {
        let totals: Vec<f64> = pilot.iter().map(|run| run.total_s).collect();
        let Some(total_s) = median(&totals).filter(|total_s| *total_s > 0.0) else {
            return pilot.len() as u64;
        };
        // A run's process, its samples and the rest take longer than what is timed.
        let whole_s = elapsed.as_secs_f64() / pilot.len() as f64;
        let share = (total_s / whole_s).min(1.0);
        let remaining_s = self.time.saturating_sub(elapsed).as_secs_f64();
        let plan = runs_to_make(&totals, remaining_s * share, TARGET);
        (plan.runs_total as u64).max(pilot.len() as u64)
    }
}

/// Why there is only one.
pub fn one_run_only(time: Duration, run_s: f64) -> String {
    format!(
        "one run of {run_s:.0} s, without an interval: {LEAST_RUNS} do not fit into {} s; --budget {} \
         has room for them",
        time.as_secs(),
        needed(run_s),
    )
}

/// A budget with room for the least runs.
fn needed(run_s: f64) -> String {
    // A tenth more: the next runs may be slower.
    let needed_s = 1.1 * LEAST_RUNS as f64 * run_s;
    if needed_s < 100.0 {
        format!("{:.0}s", needed_s.ceil())
    } else {
        format!("{:.0}m", (needed_s / 60.0).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_room_for_an_interval_or_for_one_run() {
        let budget = Duration::from_secs(20);
        assert!(Room::of(budget, 2.5).is_some());
        assert!(Room::of(budget, 2.6).is_none());
        assert!(Room::of(budget, f64::NAN).is_none());
    }

    #[test]
    fn who_gets_one_run_is_told_what_more_would_take() {
        let text = one_run_only(Duration::from_secs(20), 9.6);
        assert_eq!(
            text,
            "one run of 10 s, without an interval: 8 do not fit into 20 s; --budget 85s has room for them"
        );
        assert!(one_run_only(Duration::from_secs(20), 700.0).contains("--budget 103m"));
    }
}
