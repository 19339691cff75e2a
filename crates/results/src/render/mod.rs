//! The block at the end of a run that a person reads at a glance.

mod bars;
mod block;
mod bottleneck;
mod compare;
mod race;
mod records;
mod suite;
mod sweep;
mod table;
mod versus;

use laptime_measure::{Run, Test, statistics::median};

use crate::{
    DeviceFacts, DeviceKind, EngineFacts, GateVerdict, Record, WorkloadFacts,
    number::{
        counted, decimals, duration, grouped, loss_text, mebibytes, percent, three_digits, times,
    },
    published,
    remarks::{Remark, Tone, remarks},
    summary::typical_run,
};
use bars::{bar, sparkline};
pub use block::Style;
use block::{BAD, BAR, BOLD, Block, DIM, GOOD, PLAIN, VALUES_AT, WARNING, columns, parts};
use bottleneck::bottleneck;
pub use bottleneck::{BoundBy, bound_by};
pub use compare::comparison;
pub(crate) use compare::ratio_with_interval;
pub(crate) use race::conditions;
pub use race::race;
pub use race::{cautions, reason, verdict_sentence};
pub use records::{list, short_id, show};
pub use suite::suite as render_suite;
pub use sweep::{
    beside_sweeps as render_beside_sweeps, crossing as render_crossing, crossing_sentence,
    remarks as sweep_remarks, sweep as render_sweep,
};
pub use versus::versus as render_versus;

/// The record as a block of text that ends with a newline. No time stands in it without the
/// gate's word.
pub fn render(record: &Record, style: Style) -> String {
    let mut block = Block::new(style);
    header(&mut block, record);
    samples(&mut block, record);
    block.blank();
    if let Some(run) = typical_run(&record.runs) {
        total(&mut block, record);
        machine(&mut block, record);
        block.blank();
        phases(&mut block, run, record.summary.total_s.median);
        block.blank();
        speed(&mut block, record, run);
        bottleneck(&mut block, record);
        outcome(&mut block, record, run);
        outside(&mut block, record, run);
    }
    published_results(&mut block, record);
    block.finish()
}

fn header(block: &mut Block, record: &Record) {
    block.paragraph(0, &parts(&training(&record.workload)), BOLD);
    block.paragraph(0, &parts(&trained_by(&record.engine, &record.device)), DIM);
    if let Some(topology) = &record.machine.topology
        && record.device.kind == DeviceKind::Cpu
        && topology.matters()
    {
        block.paragraph(0, &topology.to_string(), DIM);
    }
}

/// What is trained, a part each.
pub fn training(workload: &WorkloadFacts) -> Vec<String> {
    vec![
        workload.name.clone(),
        workload.precision.clone(),
        match workload.micro_batch_size {
            Some(size) => format!("batch {} in micro-batches of {size}", workload.batch_size),
            None => format!("batch {}", workload.batch_size),
        },
        counted(workload.epochs, "epoch"),
    ]
}

/// What trains, and on what, a part each.
pub fn trained_by(engine: &EngineFacts, device: &DeviceFacts) -> Vec<String> {
    let mut on = vec![
        format!("{} {}", engine.name, engine.version),
        device.name.clone(),
    ];
    let within = engine.details.get("processors");
    let within = within.map_or_else(String::new, |list| format!(" on processors {list}"));
    on.extend(device.threads.map(|n| counted(n, "thread") + &within));
    on.extend(device.isa.clone());
    if device.software {
        on.push("emulated in software".into());
    }
    on
}

/// A frame around what is wrong with the samples, if anything.
fn samples(block: &mut Block, record: &Record) {
    if let Some(caution) = record.dataset.source.caution(&record.dataset.name) {
        block.blank();
        block.framed(&caution, WARNING);
    }
}

/// In what condition the machine was, in one line.
fn machine(block: &mut Block, record: &Record) {
    let Some(conditions) = &record.summary.conditions else {
        return;
    };
    let bad = conditions.disturbed + conditions.throttled;
    let (text, paint) = if bad > 0 && conditions.runs > 1 {
        let text = format!("{bad} of {} runs {}", conditions.runs, conditions.worst);
        (text, WARNING)
    } else if bad > 0 {
        (conditions.worst.to_string(), WARNING)
    } else {
        (conditions.worst.to_string(), DIM)
    };
    block.entry("Machine", &text, paint);
}

/// The total with the gate's word, and all that qualifies it.
fn total(block: &mut Block, record: &Record) {
    let seconds = record.summary.total_s.median;
    let places = decimals(seconds);
    let gate_paint = match record.gate.verdict {
        GateVerdict::Failed | GateVerdict::NotAsked => BAD,
        GateVerdict::Verified | GateVerdict::VerifiedSteps => GOOD,
    };
    block.pieces(
        "Total",
        &[
            (&format!("{seconds:>7.places$} s"), BOLD),
            (&record.gate.to_string(), gate_paint),
        ],
    );
    for remark in remarks(record) {
        said(block, "", &remark);
    }
}

/// A remark beside a name, with its curve.
fn said(block: &mut Block, name: &str, remark: &Remark) {
    let text = (remark.text.as_str(), paint(remark.tone));
    match sparkline(&remark.curve).as_str() {
        "" => block.pieces(name, &[text]),
        curve => block.pieces(name, &[text, (curve, BAR)]),
    }
}

pub(crate) fn paint(tone: Tone) -> anstyle::Style {
    match tone {
        Tone::Headline => BOLD,
        Tone::Plain => PLAIN,
        Tone::Note => DIM,
        Tone::Warning => WARNING,
        Tone::Bad => BAD,
    }
}

fn phases(block: &mut Block, run: &Run, total_s: f64) {
    let places = decimals(total_s);
    let phases = &run.phases;
    for (name, seconds) in [
        ("prepare", phases.prepare_s),
        ("compile", phases.compile_s),
        ("train", phases.train_s),
        ("test", phases.test_s),
        ("other", phases.other_s),
    ] {
        let text = format!("{seconds:>7.places$} s");
        let width = block.width() - VALUES_AT - columns(&text) - 2;
        // What rounds to nothing gets no bar either.
        let is_nothing = seconds < 0.5 * 0.1f64.powi(places as i32);
        let share = if is_nothing {
            0.0
        } else {
            seconds / run.total_s
        };
        block.pieces(name, &[(&text, PLAIN), (&bar(share, width), BAR)]);
    }
}

fn speed(block: &mut Block, record: &Record, run: &Run) {
    let summary = &record.summary;
    if summary.samples_per_s > 0.0 {
        let mut text = vec![
            format!(
                "{} samples/s",
                grouped(summary.samples_per_s.round() as u64)
            ),
            format!("{} GFLOP/s", gigaflops(summary.achieved_flops)),
        ];
        let utilization = summary.model_flops_utilization;
        text.extend(utilization.map(|share| format!("{:.0} % of peak", 100.0 * share)));
        block.entry("Speed", &parts(&text), PLAIN);
    }
    // The last one may have been cut short.
    let all = run.epochs.iter();
    let whole = all.filter(|epoch| epoch.samples == record.epoch_samples());
    let epochs: Vec<f64> = whole.map(|epoch| epoch.train_s).collect();
    if let Some(epoch_s) = median(&epochs).filter(|_| epochs.len() > 1) {
        let text = format!(
            "{}, the median of {}",
            duration(epoch_s),
            grouped(epochs.len() as u64)
        );
        block.entry("Epoch", &text, PLAIN);
    }
    if let Some(step) = run.step_s {
        let text = [
            format!("{} median", duration(step.p50)),
            format!("{} p95", duration(step.p95)),
            format!("{} p99", duration(step.p99)),
        ];
        block.entry("Step", &parts(&text), PLAIN);
    }
}

fn gigaflops(flops: f64) -> String {
    let giga = flops / 1e9;
    if giga < 999.5 {
        three_digits(giga)
    } else {
        grouped(giga.round() as u64)
    }
}

fn outcome(block: &mut Block, record: &Record, run: &Run) {
    let epochs = run.epochs.iter();
    let losses: Vec<f64> = epochs.map(|epoch| epoch.metrics.loss()).collect();
    if let [first, .., last] = losses.as_slice() {
        let line = sparkline(&losses);
        block.pieces(
            "Loss",
            &[
                (&loss_text(*first), PLAIN),
                (&line, BAR),
                (&loss_text(*last), PLAIN),
            ],
        );
    } else if let [only] = losses.as_slice() {
        block.entry("Loss", &loss_text(*only), PLAIN);
    }
    let mut epochs = run.epochs.iter();
    let has_accuracy = epochs.all(|epoch| epoch.metrics.accuracy().is_some());
    let text = run.test.as_ref().map(|test| {
        let samples = grouped(record.dataset.test_samples);
        match accuracy(test) {
            Some(share) => format!("{share} of {samples} test samples"),
            None => {
                let loss = loss_text(test.metrics.loss());
                format!("{loss} on {samples} test samples")
            }
        }
    });
    block.entry(
        if has_accuracy {
            "Accuracy"
        } else {
            "Test loss"
        },
        text.as_deref().unwrap_or("not tested"),
        PLAIN,
    );
    if let Some(sample_j) = record.summary.energy_per_sample_j {
        let epoch_j = sample_j * record.epoch_samples() as f64;
        let text = [
            format!("{} J an epoch", three_digits(epoch_j)),
            format!("{} mJ a sample", three_digits(1e3 * sample_j)),
            "processor alone".into(),
        ];
        block.entry("Energy", &parts(&text), PLAIN);
    }
    if let Some(bytes) = run.peak_memory_bytes {
        let text = format!("{} MiB peak", mebibytes(bytes));
        block.entry("Memory", &text, PLAIN);
    }
}

/// The accuracy of a test, with its loss where that is not finite: then the net says nothing. `None` of a
/// training that has no accuracy.
pub(crate) fn accuracy(test: &Test) -> Option<String> {
    let share = percent(test.metrics.accuracy()?);
    let loss = test.metrics.loss();
    Some(if loss.is_finite() {
        share
    } else {
        format!("{share} (loss {})", loss_text(loss))
    })
}

/// What the total leaves out.
fn outside(block: &mut Block, record: &Record, run: &Run) {
    // Only the first run loads.
    let load_s = record.runs.first().map_or(0.0, |first| first.phases.load_s);
    let mut text = vec![format!("load {}", duration(load_s))];
    text.push(if record.gate.remembered {
        "gate remembered".into()
    } else {
        format!("gate {}", duration(record.gate.gate_s))
    });
    if run.phases.checkpoint_s > 0.0 {
        text.push(format!("checkpoints {}", duration(run.phases.checkpoint_s)));
    }
    if record.runs.len() == 1 {
        text.push(format!("{} in all", duration(run.wall_s)));
    }
    if let Some(analysis) = &record.analysis {
        text.push(format!("then analysis {}", duration(analysis.analysis_s)));
    }
    block.entry("Outside", &parts(&text), DIM);
}

fn published_results(block: &mut Block, record: &Record) {
    let found = published::beside(record);
    if found.is_empty() {
        return;
    }
    block.blank();
    let title = "Published for this workload, by others and on their own machines:";
    block.paragraph(2, title, DIM);
    for comparison in found {
        let published = comparison.published;
        let year = published
            .year
            .map_or_else(String::new, |year| format!(" of {year}"));
        let speed = format!("{:>5}", times(comparison.speed_ratio));
        let name = format!(
            "the speed of the {} result{year}: {} s",
            published.name,
            three_digits(published.total_s)
        );
        block.pieces(&speed, &[(&name, PLAIN)]);
    }
}
