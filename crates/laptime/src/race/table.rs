//! The table of a race while it goes on.

use std::sync::Arc;

use laptime_measure::{Run, Watch, statistics::median};

use super::{Race, Racer};
use crate::{
    display::{Lines, Plan, progress},
    live::Lane,
    output::width,
    speed::Speed,
    ticker::Ticker,
};

/// The table as long as this lives, on a terminal.
pub struct Table {
    _ticker: Ticker,
}

/// The engines as a live view shows them: the one at `running` runs, those at `done` have run in this round.
pub fn lanes(race: &Race, racers: &[Racer], running: usize, done: &[usize]) -> Vec<Lane> {
    let lane = |(index, racer): (usize, &Racer)| {
        let Row { name, text } = row(race, racer);
        Lane {
            name,
            text,
            is_running: index == running,
            is_done: done.contains(&index),
        }
    };
    racers.iter().enumerate().map(lane).collect()
}

/// A line of an engine that is not running now.
struct Row {
    name: &'static str,
    text: String,
}

impl Table {
    /// Shows what all racers have done, and what the one at `running` does now.
    pub fn show(race: &Race, racers: &[Racer], running: usize, round: u32) -> Self {
        let rows: Vec<Row> = racers.iter().map(|racer| row(race, racer)).collect();
        let plan = Plan::of(&race.job, race.options.max_steps, 1, 1);
        let head = match race.options.length.rounds() {
            Some(rounds) => format!("round {} of {rounds}", round + 1),
            None => format!("round {}", round + 1),
        };
        let watch: Arc<Watch> = Arc::clone(race.seen.watch);
        let lines = Lines::new(race.seen.shows_progress, rows.len() + 1);
        let mut speed = Speed::default();
        let ticker = Ticker::start(race.seen.shows_progress, move || {
            let names = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
            let mut texts = vec![head.clone()];
            for (index, row) in rows.iter().enumerate() {
                let mark = if index == running { '▸' } else { ' ' };
                let text = if index == running {
                    let left = width().saturating_sub(names + 4);
                    progress(&watch, &mut speed, plan, left)
                } else {
                    row.text.clone()
                };
                texts.push(format!("{mark} {:<names$}  {text}", row.name));
            }
            lines.show(&texts);
        });
        Self { _ticker: ticker }
    }
}

/// What an engine has done so far: no time without the gate's word.
fn row(race: &Race, racer: &Racer) -> Row {
    let name = racer.engine.engine.name();
    if let Some(error) = &racer.outcome.error {
        let first = error.lines().next().unwrap_or_default();
        return Row {
            name,
            text: format!("out: {first}"),
        };
    }
    let runs = &racer.outcome.runs;
    let times: Vec<f64> = runs.iter().map(|run| time_s(race, run)).collect();
    let word = racer
        .gate
        .as_ref()
        .map_or_else(String::new, |gate| gate.verdict.to_string());
    let word = word.split(':').next().unwrap_or_default().to_owned();
    let text = match median(&times) {
        None => format!("waits · {word}"),
        Some(time_s) => {
            let (value, unit) = match race.options.max_steps {
                Some(_) => (1e3 * time_s, "ms a step"),
                None => (time_s, "s"),
            };
            let runs = match runs.len() {
                1 => "1 run".to_owned(),
                count => format!("{count} runs"),
            };
            let diverged = if racer.outcome.runs.iter().any(Run::is_diverged) {
                " · diverged"
            } else {
                ""
            };
            format!("{value:.3} {unit} in {runs} · {word}{diverged}")
        }
    };
    Row { name, text }
}

/// What engines are ranked by in the end.
fn time_s(race: &Race, run: &Run) -> f64 {
    match race.options.max_steps {
        None => run.total_s,
        Some(_) => {
            let batch_size = race.job.workload.batch_size as u64;
            let steps: u64 = run
                .epochs
                .iter()
                .map(|epoch| epoch.samples.div_ceil(batch_size))
                .sum();
            run.phases.train_s / steps.max(1) as f64
        }
    }
}
