//! Loss and accuracy over the epochs, in training and on the test samples.

use laptime_measure::{Metrics, Run, Test};
use laptime_results::{
    Record,
    number::{loss_text, percent},
    typical_run,
};

use super::{caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
};

/// More runs than these would hide one another.
const MOST_RUNS: usize = 24;
/// More points than these are not told apart.
const MOST_POINTS: usize = 120;

/// What is shown of epochs and tests.
struct Score {
    title: &'static str,
    of: fn(&Metrics) -> Option<f64>,
    /// On an axis.
    name: fn(f64) -> String,
    /// By itself.
    exact: fn(f64) -> String,
}

const LOSS: Score = Score {
    title: "Loss",
    of: |metrics| Some(metrics.loss()),
    name: unit::plain,
    exact: loss_text,
};

const ACCURACY: Score = Score {
    title: "Accuracy",
    of: Metrics::accuracy,
    name: unit::percent,
    exact: percent,
};

/// The scores that the training has, a figure each.
pub fn learning(html: &mut Html, record: &Record) {
    let Some(run) = typical_run(&record.runs) else {
        return;
    };
    // Of a part of one epoch there is no curve.
    if run.epochs.is_empty() || run.epochs.len() == 1 && record.partial {
        return;
    }
    let first = &run.epochs[0].metrics;
    for score in [LOSS, ACCURACY]
        .iter()
        .filter(|it| (it.of)(first).is_some())
    {
        figure(html, score.title, |html| draw(html, record, run, score));
    }
}

/// The score on the test samples, with the epochs behind which it was made.
fn tests(run: &Run, score: &Score) -> Vec<(f64, f64)> {
    let of = |test: &Test| (score.of)(&test.metrics);
    let tests: Vec<(f64, Option<f64>)> = match &run.goal {
        Some(goal) => (1..)
            .map(f64::from)
            .zip(goal.tests.iter().map(of))
            .collect(),
        None => {
            let last = run.test.iter().map(of);
            last.map(|value| (run.epochs.len() as f64, value)).collect()
        }
    };
    let values = tests.into_iter();
    values
        .filter_map(|(epoch, value)| Some((epoch, value?)))
        .collect()
}

fn draw(html: &mut Html, record: &Record, run: &Run, score: &Score) {
    let of_run = |run: &Run| -> Vec<(f64, f64)> {
        let places = (1..).map(f64::from);
        let values = run.epochs.iter().map(|epoch| (score.of)(&epoch.metrics));
        let values = places.zip(values);
        values
            .filter_map(|(place, value)| Some((place, value?)))
            .collect()
    };
    let others = record.runs.iter().filter(|it| !std::ptr::eq(*it, run));
    let others: Vec<Vec<(f64, f64)>> = others.take(MOST_RUNS).map(of_run).collect();
    let (points, tests) = (of_run(run), tests(run, score));
    let values = others.iter().flatten().chain(&points).map(|it| it.1);
    let values = values.chain(tests.iter().map(|it| it.1));
    let y = Scale::linear(values, false);
    let count = points.len() as f64;
    let name_of_epoch = |epoch: f64| match epoch.fract() == 0.0 {
        true => format!("{epoch:.0}"),
        false => String::new(),
    };
    let mut plot = Plot::new(
        Axis {
            scale: Scale::exactly(if count > 1.0 { 0.5 } else { 0.0 }, count + 0.5),
            title: "epoch",
            name: &name_of_epoch,
        },
        Axis {
            scale: y,
            title: score.title,
            name: &score.name,
        },
    );
    let (training, testing, lost) = (Look::of(0), Look::of(2), Look::of(4));
    for other in &others {
        plot.line(training, "thin", other);
    }
    plot.line(training, "", &points);
    let mut has_lost = false;
    for (epoch, value) in points.iter().filter(|_| points.len() <= MOST_POINTS) {
        let name = format!("epoch {epoch}: {}", (score.exact)(*value));
        match value.is_finite() {
            true => plot.point(training, (*epoch, *value), 4.0, &name),
            false => {
                has_lost = true;
                plot.point(lost, (*epoch, y.ends()[1]), 5.0, &name);
            }
        }
    }
    for (epoch, value) in &tests {
        let name = format!("test behind epoch {epoch}: {}", (score.exact)(*value));
        plot.point(testing, (*epoch, *value), 6.0, &name);
    }
    plot.draw(html, &described(score, &points, &tests));
    let mut looks = vec![(training, "training samples")];
    if !tests.is_empty() {
        looks.push((testing, "test samples"));
    }
    if has_lost {
        looks.push((lost, "not finite: diverged"));
    }
    legend(html, &looks);
    if !others.is_empty() {
        caption(html, "Thin lines are the other runs.");
    }
}

fn described(score: &Score, points: &[(f64, f64)], tests: &[(f64, f64)]) -> String {
    let title = score.title;
    let mut text = match points {
        [(_, first), .., (_, last)] => format!(
            "{title} in training: from {} in epoch 1 to {} in epoch {}.",
            (score.exact)(*first),
            (score.exact)(*last),
            points.len()
        ),
        [(_, only)] => format!("{title} in training: {}.", (score.exact)(*only)),
        [] => String::new(),
    };
    if let Some((_, value)) = tests.last() {
        let value = (score.exact)(*value);
        text += &format!(" On the test samples at the end: {value}.");
    }
    text
}
