//! Step times: the mean step of every epoch of every run, and the percentiles of each run.

use laptime_measure::Run;
use laptime_results::{
    Record,
    number::{counted, duration},
};

use super::{all_steps::all_steps, caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
};

/// All pictures.
pub fn steps(html: &mut Html, record: &Record) {
    all_steps(html, record);
    by_epoch(html, record);
    by_run(html, record);
}

/// The mean step of an epoch.
fn means(record: &Record, run: &Run) -> Vec<(f64, f64)> {
    let batch_size = record.workload.batch_size.max(1);
    let mean = |(place, epoch): (usize, &laptime_measure::Epoch)| {
        let steps = epoch.samples.div_ceil(batch_size);
        (steps > 0).then(|| (place as f64 + 1.0, epoch.train_s / steps as f64))
    };
    run.epochs.iter().enumerate().filter_map(mean).collect()
}

fn by_epoch(html: &mut Html, record: &Record) {
    let runs: Vec<(bool, Vec<(f64, f64)>)> = record
        .runs
        .iter()
        .map(|run| (run.cold, means(record, run)))
        .collect();
    let all = || runs.iter().flat_map(|(_, means)| means);
    let epochs = runs.iter().map(|(_, means)| means.len()).max().unwrap_or(0);
    if epochs < 2 {
        return;
    }
    figure(html, "Step time by epoch", |html| {
        let most = all().map(|it| it.1).fold(0.0, f64::max);
        let (factor, symbol) = unit::of_time(most);
        let title = format!("mean step, {symbol}");
        let scale = Scale::linear(all().map(|it| it.1 * factor), false);
        let name = |value: f64| unit::plain(value);
        let mut plot = Plot::new(
            Axis {
                scale: Scale::exactly(0.5, epochs as f64 + 0.5),
                title: "epoch",
                name: &unit::whole,
            },
            Axis {
                scale,
                title: &title,
                name: &name,
            },
        );
        let (warm, cold) = (Look::of(0), Look::of(1));
        for (is_cold, means) in &runs {
            let look = if *is_cold { cold } else { warm };
            let scaled: Vec<(f64, f64)> = means.iter().map(|(x, y)| (*x, y * factor)).collect();
            plot.line(look, "thin", &scaled);
            plot.dots(look, &scaled);
        }
        let (low, high) = all().fold((f64::INFINITY, 0.0f64), |(low, high), it| {
            (low.min(it.1), high.max(it.1))
        });
        let text = format!(
            "The mean step of each epoch of {}: from {} to {}.",
            counted(runs.len() as u64, "run"),
            duration(low),
            duration(high)
        );
        plot.draw(html, &text);
        if runs.iter().any(|(is_cold, _)| *is_cold) && runs.len() > 1 {
            legend(html, &[(warm, "a run"), (cold, "the first, cold run")]);
        }
        caption(html, &text);
    });
}

fn by_run(html: &mut Html, record: &Record) {
    let runs = record.runs.iter().enumerate();
    let steps: Vec<(f64, [f64; 3])> = runs
        .filter_map(|(place, run)| {
            let step = run.step_s?;
            Some((place as f64 + 1.0, [step.p50, step.p95, step.p99]))
        })
        .collect();
    if steps.is_empty() {
        return;
    }
    figure(html, "Step time by run", |html| {
        let values = || steps.iter().flat_map(|(_, values)| *values);
        let (factor, symbol) = unit::of_time(values().fold(0.0, f64::max));
        let title = format!("step, {symbol}");
        let mut plot = Plot::new(
            Axis {
                scale: Scale::exactly(0.5, record.runs.len() as f64 + 0.5),
                title: "run",
                name: &unit::whole,
            },
            Axis {
                scale: Scale::linear(values().map(|it| it * factor), true),
                title: &title,
                name: &unit::plain,
            },
        );
        let names = ["half of the steps take no longer", "95 %", "99 %"];
        for (series, name) in names.iter().enumerate() {
            let look = Look::of(series);
            let points: Vec<(f64, f64)> = steps
                .iter()
                .map(|(x, y)| (*x, y[series] * factor))
                .collect();
            plot.line(look, "thin", &points);
            for (x, y) in points {
                let text = format!("run {x}, {name}: {}", duration(y / factor));
                plot.point(look, (x, y), 4.5, &text);
            }
        }
        let (low, high) = steps
            .iter()
            .fold((f64::INFINITY, 0.0f64), |(low, high), (_, it)| {
                (low.min(it[0]), high.max(it[0]))
            });
        let range = match duration(low) == duration(high) {
            true => duration(low),
            false => format!("{} to {}", duration(low), duration(high)),
        };
        let text = format!("Percentiles over all steps of each run; the median step is {range}.");
        plot.draw(html, &text);
        legend(
            html,
            &[
                (Look::of(0), "median"),
                (Look::of(1), "95th percentile"),
                (Look::of(2), "99th percentile"),
            ],
        );
        caption(html, &text);
    });
}
