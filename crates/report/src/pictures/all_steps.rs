//! All steps of a typical run, in their order: where a training warms up, is disturbed, or slows down.

use laptime_measure::StepSeries;
use laptime_results::{
    Record,
    number::{counted, duration},
    typical_run,
};

use super::{caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
};

/// From this ratio on the slowest steps would press all others into a line at the bottom.
const TOO_SLOW: f64 = 8.0;

/// The picture; nothing where the engine does not let steps be seen.
pub fn all_steps(html: &mut Html, record: &Record) {
    let series = typical_run(&record.runs).and_then(|run| run.step_series.as_ref());
    let Some(series) = series.filter(|series| is_sound(series)) else {
        return;
    };
    figure(html, "All steps of a typical run", |html| {
        draw(html, series)
    });
}

/// Whether there is something to draw: a record may come from anybody.
fn is_sound(series: &StepSeries) -> bool {
    let is_time = |seconds: &f64| seconds.is_finite() && *seconds > 0.0;
    series.median_s.len() > 1
        && series.median_s.len() == series.slowest_s.len()
        && (1..=1 << 40).contains(&series.steps_per_point)
        && series.median_s.iter().chain(&series.slowest_s).all(is_time)
}

fn draw(html: &mut Html, series: &StepSeries) {
    let most = series.slowest_s.iter().copied().fold(0.0, f64::max);
    let least = series
        .median_s
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    let middle = laptime_measure::statistics::median(&series.median_s).unwrap_or(least);
    let (factor, symbol) = unit::of_time(middle);
    let values = || {
        let all = series.median_s.iter().chain(&series.slowest_s);
        all.map(|seconds| seconds * factor)
    };
    let is_log = most > TOO_SLOW * least;
    let title = match is_log {
        true => format!("step, {symbol}, logarithmic"),
        false => format!("step, {symbol}"),
    };
    let step_of = |place: usize| (place as f64 + 0.5) * series.steps_per_point as f64;
    let mut plot = Plot::new(
        Axis {
            scale: Scale::exactly(0.0, step_of(series.median_s.len())),
            title: "step",
            name: &unit::plain,
        },
        Axis {
            scale: match is_log {
                true => Scale::log(values()),
                false => Scale::linear(values(), true),
            },
            title: &title,
            name: &unit::plain,
        },
    );
    let points = |seconds: &[f64]| -> Vec<(f64, f64)> {
        let places = seconds.iter().enumerate();
        places
            .map(|(place, seconds)| (step_of(place), seconds * factor))
            .collect()
    };
    let (usual, slow) = (Look::of(0), Look::of(1));
    if series.steps_per_point > 1 {
        plot.dots(slow, &points(&series.slowest_s));
    }
    plot.dots(usual, &points(&series.median_s));
    let each = counted(series.steps_per_point, "step");
    let text = match series.steps_per_point {
        1 => format!(
            "Every training step: from {} to {}.",
            duration(least),
            duration(most)
        ),
        _ => format!(
            "All training steps, {each} to a point: the median of a point is {} to {}, the slowest step took {}.",
            duration(least),
            duration(series.median_s.iter().copied().fold(0.0, f64::max)),
            duration(most)
        ),
    };
    plot.draw(html, &text);
    if series.steps_per_point > 1 {
        legend(
            html,
            &[
                (usual, "median of a point"),
                (slow, "slowest step of a point"),
            ],
        );
    }
    caption(html, &text);
}
