//! Loss and accuracy over the epochs, in training and on the test samples.

use laptime_measure::{Epoch, Run, Test};
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
    of_epoch: fn(&Epoch) -> f64,
    of_test: fn(&Test) -> f64,
    /// On an axis.
    name: fn(f64) -> String,
    /// By itself.
    exact: fn(f64) -> String,
}

const LOSS: Score = Score {
    title: "Loss",
    of_epoch: |epoch| epoch.loss,
    of_test: |test| test.loss,
    name: unit::plain,
    exact: loss_text,
};

const ACCURACY: Score = Score {
    title: "Accuracy",
    of_epoch: |epoch| epoch.accuracy,
    of_test: |test| test.accuracy,
    name: unit::percent,
    exact: percent,
};

/// Both scores, a figure each.
pub fn learning(html: &mut Html, record: &Record) {
    let Some(run) = typical_run(&record.runs) else {
        return;
    };
    // Of a part of one epoch there is no curve.
    if run.epochs.is_empty() || run.epochs.len() == 1 && record.partial {
        return;
    }
    for score in [LOSS, ACCURACY] {
        figure(html, score.title, |html| draw(html, record, run, &score));
    }
}

/// The scores on the test samples, each with the epoch behind which it was made.
fn tests(run: &Run) -> Vec<(f64, Test)> {
    match &run.goal {
        Some(goal) => (1..)
            .map(f64::from)
            .zip(goal.tests.iter().copied())
            .collect(),
        None => {
            let last = run.test.map(|test| (run.epochs.len() as f64, test));
            last.into_iter().collect()
        }
    }
}

fn draw(html: &mut Html, record: &Record, run: &Run, score: &Score) {
    let of_run = |run: &Run| -> Vec<(f64, f64)> {
        let places = (1..).map(f64::from);
        let values = run.epochs.iter().map(score.of_epoch);
        places.zip(values).collect()
    };
    let others = record.runs.iter().filter(|it| !std::ptr::eq(*it, run));
    let others: Vec<Vec<(f64, f64)>> = others.take(MOST_RUNS).map(of_run).collect();
    let (points, tests) = (of_run(run), tests(run));
    let values = others.iter().flatten().chain(&points).map(|it| it.1);
    let values = values.chain(tests.iter().map(|it| (score.of_test)(&it.1)));
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
    for (epoch, test) in &tests {
        let value = (score.of_test)(test);
        let name = format!("test behind epoch {epoch}: {}", (score.exact)(value));
        plot.point(testing, (*epoch, value), 6.0, &name);
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

fn described(score: &Score, points: &[(f64, f64)], tests: &[(f64, Test)]) -> String {
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
    if let Some((_, test)) = tests.last() {
        let value = (score.exact)((score.of_test)(test));
        text += &format!(" On the test samples at the end: {value}.");
    }
    text
}
