//! All that a reader may want to know of a record, behind folds: its runs and its facts as tables.

use laptime_measure::{Metrics, Run, telemetry::judge};
use laptime_results::{
    Candidate, Record, Work,
    number::{counted, decimals, duration, grouped, loss_text, mebibytes, percent, three_digits},
};

use crate::{
    html::Html,
    table::{fold, table},
};

/// More epochs than these are in the raw data alone.
const MOST_EPOCHS: usize = 200;

/// The folds.
pub fn details(html: &mut Html, record: &Record) {
    fold(html, &format!("All runs ({})", record.runs.len()), |html| {
        runs(html, record)
    });
    if let Some(run) = laptime_results::typical_run(&record.runs)
        && run.epochs.len() > 1
    {
        fold(html, "Epochs of the run with the median total", |html| {
            epochs(html, run)
        });
    }
    if let Some(trial) = &record.device_trial {
        fold(html, "How the device was chosen", |html| {
            let rows = trial.candidates.iter();
            facts(html, rows.map(|it| (it.device.name.clone(), tried(it))));
        });
    }
    if let Some(trial) = &record.thread_trial {
        fold(html, "How many threads were chosen", |html| {
            let rows = trial.candidates.iter().map(|it| {
                let threads = it.device.threads.unwrap_or(1);
                (counted(threads, "thread"), tried(it))
            });
            facts(html, rows);
        });
    }
    fold(html, "Workload, engine, machine", |html| {
        facts(html, all_facts(record))
    });
}

/// What a trial has found.
fn tried(candidate: &Candidate) -> String {
    match (&candidate.step_s, &candidate.error) {
        (Some(step_s), _) => format!("{} a step", duration(*step_s)),
        (None, Some(error)) => error.clone(),
        (None, None) => "no time".into(),
    }
}

fn runs(html: &mut Html, record: &Record) {
    let heads = [
        "Run",
        "Total",
        "Prepare",
        "Compile",
        "Train",
        "Test",
        "Median step",
        "Accuracy",
        "Memory",
        "Machine",
    ];
    let threads = Work::of(record).threads;
    let rows = record.runs.iter().enumerate().map(|(place, run)| {
        let places = decimals(run.total_s);
        let time = |seconds: f64| format!("{seconds:.places$} s");
        let mut name = (place + 1).to_string();
        if run.cold {
            name += " cold";
        }
        if record.summary.total_s.outliers.contains(&(place as u64)) {
            name += " outlier";
        }
        let phases = &run.phases;
        vec![
            name,
            time(run.total_s),
            time(phases.prepare_s),
            time(phases.compile_s),
            time(phases.train_s),
            time(phases.test_s),
            run.step_s
                .map_or_else(|| "unknown".into(), |step| duration(step.p50)),
            run.test
                .as_ref()
                .map_or_else(|| "not tested".into(), |test| accuracy(&test.metrics)),
            run.peak_memory_bytes.map_or_else(
                || "unknown".into(),
                |bytes| format!("{} MiB", mebibytes(bytes)),
            ),
            match &run.telemetry {
                Some(telemetry) => judge(telemetry, threads).to_string(),
                None => "not measured".into(),
            },
        ]
    });
    table(html, "All runs", &heads, rows.collect());
}

fn epochs(html: &mut Html, run: &Run) {
    let heads = ["Epoch", "Time", "Samples", "Loss", "Accuracy"];
    let rows = (1..)
        .zip(run.epochs.iter().take(MOST_EPOCHS))
        .map(|(place, epoch): (usize, _)| {
            vec![
                place.to_string(),
                duration(epoch.train_s),
                grouped(epoch.samples),
                loss_text(epoch.metrics.loss()),
                accuracy(&epoch.metrics),
            ]
        });
    table(html, "Epochs", &heads, rows.collect());
}

fn accuracy(metrics: &Metrics) -> String {
    metrics.accuracy().map_or_else(|| "–".into(), percent)
}

/// A list of names and values.
fn facts(html: &mut Html, rows: impl IntoIterator<Item = (String, String)>) {
    html.element("dl", &[("class", "facts")], |html| {
        for (name, value) in rows {
            if value.is_empty() {
                continue;
            }
            html.line("dt", &[], &name);
            html.line("dd", &[], &value);
        }
    });
}

fn all_facts(record: &Record) -> Vec<(String, String)> {
    let (workload, dataset, device) = (&record.workload, &record.dataset, &record.device);
    let machine = &record.machine;
    let mut all: Vec<(&str, String)> = vec![
        ("Workload", workload.name.clone()),
        ("Epochs", grouped(workload.epochs)),
        ("Batch size", grouped(workload.batch_size)),
        ("Precision", workload.precision.clone()),
        ("Parameters", grouped(workload.parameters)),
        ("Model FLOP a step", grouped(workload.model_flops_per_step)),
        ("Changed by the command line", workload.overrides.join(", ")),
        ("Digest of the workload", workload.digest.clone()),
        ("Dataset", dataset.name.clone()),
        (
            "Samples",
            format!(
                "{} to train on, {} to test on, {}",
                grouped(dataset.train_samples),
                grouped(dataset.test_samples),
                dataset.source.name()
            ),
        ),
        ("SHA-256 of the data", dataset.sha256.clone()),
        (
            "Engine",
            format!("{} {}", record.engine.name, record.engine.version),
        ),
        (
            "Gate",
            format!(
                "{}; {}",
                record.gate,
                match record.gate.remembered {
                    true => "remembered from an earlier run".to_owned(),
                    false => format!("took {}", duration(record.gate.gate_s)),
                }
            ),
        ),
        ("Device", device.name.clone()),
        ("Threads", device.threads.map_or_else(String::new, grouped)),
        ("Instruction set", device.isa.clone().unwrap_or_default()),
        ("Driver", device.driver.clone().unwrap_or_default()),
        ("System", machine.os.clone()),
        ("Processor", machine.cpu.clone()),
        (
            "Cores",
            match &machine.topology {
                Some(topology) => topology.to_string(),
                None => counted(machine.cores as u64, "core"),
            },
        ),
        (
            "Main memory",
            format!(
                "{} GiB",
                three_digits(machine.memory_bytes as f64 / f64::from(1 << 30))
            ),
        ),
        (
            "Made by",
            match &record.laptime.commit {
                Some(commit) => format!("laptime {} ({commit})", record.laptime.version),
                None => format!("laptime {}", record.laptime.version),
            },
        ),
        ("Record", record.id.clone()),
        ("Made at (UTC)", record.created.clone()),
    ];
    if let Some(step_s) = device.device_step_s {
        all.push(("A step by the GPU's clock", duration(step_s)));
    }
    let details = record.engine.details.iter();
    let details = details.map(|(name, value)| (format!("Engine: {name}"), value.clone()));
    let gpus = gpus(record);
    let all = all
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    all.chain(details).chain(gpus).collect()
}

/// What the GPUs of the last observed run told.
fn gpus(record: &Record) -> Vec<(String, String)> {
    let mut observed = record
        .runs
        .iter()
        .rev()
        .filter_map(|run| run.telemetry.as_ref());
    let Some(telemetry) = observed.find(|it| !it.gpus.is_empty()) else {
        return Vec::new();
    };
    let of_gpu = |gpu: &laptime_measure::telemetry::Gpu| {
        let mut said = Vec::new();
        said.extend(gpu.utilisation.map(|it| format!("in use {}", percent(it))));
        said.extend(
            gpu.clock_hz
                .map(|it| format!("{} GHz", three_digits(1e-9 * it))),
        );
        said.extend(gpu.power_w.map(|it| format!("{} W", three_digits(it))));
        said.extend(
            gpu.memory_bytes
                .map(|it| format!("{} MiB at most", mebibytes(it))),
        );
        said.extend(
            gpu.temperature_max_c
                .map(|it| format!("{it:.0} °C at most")),
        );
        (format!("GPU {}", gpu.name), said.join(", "))
    };
    telemetry.gpus.iter().map(of_gpu).collect()
}
