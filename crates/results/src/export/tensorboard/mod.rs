//! A record as event files for TensorBoard: a folder for each run, in it the scalars of every epoch, a
//! histogram of its steps, and the hyperparameters.
//!
//! The known crates for these files are no longer kept, and of the many messages of the format four are
//! needed: they are written by hand (`event`), and so is their framing (`frame`).

mod event;
mod frame;

use std::path::PathBuf;

use laptime_measure::{Metrics, Run};

use crate::{Record, short_id, utc};
use event::{Event, Histogram, Parameter};

/// An event file: its path below the folder that TensorBoard is given, and its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFile {
    /// Relative, of parts that are safe on every file system.
    pub path: PathBuf,
    /// The events.
    pub bytes: Vec<u8>,
}

/// The event files of a record, one a run.
pub fn tensorboard(record: &Record) -> Vec<EventFile> {
    let folder = safe_name(&format!(
        "{}-{}-{}",
        record.workload.name,
        record.engine.name,
        short_id(&record.id)
    ));
    let begin_s = utc::seconds(&record.created).unwrap_or(0) as f64;
    let mut at_s = begin_s;
    let runs = record.runs.iter().enumerate();
    runs.map(|(place, run)| {
        let cold = if run.cold { "-cold" } else { "" };
        // TensorBoard knows an event file by this beginning; behind it stand a time and, as a rule, a host,
        // whose name no file of laptime has.
        let name = format!("events.out.tfevents.{}.laptime", at_s as u64);
        let file = EventFile {
            path: PathBuf::from(&folder)
                .join(format!("run-{:03}{cold}", place + 1))
                .join(name),
            bytes: events(record, run, at_s),
        };
        at_s += run.total_s.max(0.0);
        file
    })
    .collect()
}

/// All events of a run that began at a time (seconds since 1970).
fn events(record: &Record, run: &Run, begin_s: f64) -> Vec<u8> {
    let batch_size = record.workload.batch_size.max(1);
    let mut bytes = frame::framed(&Event::version(begin_s));
    let mut write = |event: Vec<u8>| bytes.extend(frame::framed(&event));
    write(Event::session_start(begin_s, &parameters(record)));
    let (mut at_s, mut step) = (begin_s + run.phases.compile_s, 0);
    for epoch in &run.epochs {
        let from_step = step;
        step += epoch.samples.div_ceil(batch_size);
        at_s += epoch.train_s;
        let mut scalars = of_metrics("train", &epoch.metrics);
        scalars.push(("time/epoch_s".into(), epoch.train_s));
        if epoch.train_s > 0.0 {
            let samples_per_s = epoch.samples as f64 / epoch.train_s;
            scalars.push(("speed/samples_per_s".into(), samples_per_s));
        }
        for (tag, value) in scalars {
            write(Event::scalar(at_s, step, &tag, value));
        }
        if let Some(histogram) = step_histogram(run, from_step, step) {
            write(Event::histogram(at_s, step, "time/step_s", &histogram));
        }
    }
    let end_s = begin_s + run.total_s;
    let mut scalars = vec![
        ("time/total_s".into(), run.total_s),
        ("time/compile_s".into(), run.phases.compile_s),
        ("time/train_s".into(), run.phases.train_s),
    ];
    if let Some(test) = &run.test {
        scalars.extend(of_metrics("test", &test.metrics));
    }
    for (tag, value) in scalars {
        write(Event::scalar(end_s, step, &tag, value));
    }
    write(Event::session_end(end_s));
    bytes
}

/// Each metric with its tag.
fn of_metrics(group: &str, metrics: &Metrics) -> Vec<(String, f64)> {
    let metrics = metrics.iter();
    metrics
        .map(|metric| (format!("{group}/{}", metric.name), metric.value))
        .collect()
}

/// The steps of an epoch; nothing where they cannot be seen.
fn step_histogram(run: &Run, from_step: u64, to_step: u64) -> Option<Histogram> {
    let series = run.step_series.as_ref()?;
    let points = series.median_s.iter().enumerate();
    let values: Vec<f64> = points
        .filter(|(place, _)| {
            let step = (*place as u64).saturating_mul(series.steps_per_point);
            (from_step..to_step).contains(&step)
        })
        .map(|(_, seconds)| *seconds)
        .collect();
    Histogram::of(&values, series.steps_per_point)
}

/// What tells this training from others.
fn parameters(record: &Record) -> Vec<(&'static str, Parameter)> {
    let text = |text: &str| Parameter::Text(text.to_owned());
    let number = |number: u64| Parameter::Number(number as f64);
    let (workload, device) = (&record.workload, &record.device);
    let mut all = vec![
        ("workload", text(&workload.name)),
        ("precision", text(&workload.precision)),
        ("batch_size", number(workload.batch_size)),
        ("epochs", number(workload.epochs)),
        ("engine", text(&record.engine.name)),
        ("engine_version", text(&record.engine.version)),
        ("device", text(&device.name)),
        ("gate", text(&record.gate.to_string())),
    ];
    all.extend(device.threads.map(|threads| ("threads", number(threads))));
    all.extend(device.isa.iter().map(|isa| ("isa", text(isa))));
    all
}

/// A name of letters, digits, dots, lines and underscores: what a workload is called is somebody else's
/// choice.
fn safe_name(name: &str) -> String {
    let safe = |it: char| match it {
        it if it.is_ascii_alphanumeric() || "-_".contains(it) => it,
        '.' => '.',
        _ => '_',
    };
    let name: String = name.chars().take(100).map(safe).collect();
    name.trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_on_every_file_system() {
        for (name, safe) in [
            ("fashion-mnist", "fashion-mnist"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("a b\u{202e}<x>", "a_b__x_"),
            ("...", ""),
        ] {
            assert_eq!(safe_name(name), safe);
        }
        assert_eq!(safe_name(&"x".repeat(500)).len(), 100);
    }
}
