//! The table at the end of a race.

use laptime_measure::statistics::{LEAST_PAIRS, Ratio};

use crate::{
    GateVerdict, Measure, PartialReason, Record, Standing, Standings, divergence,
    number::{counted, three_digits},
    render::{
        BAD, BOLD, Block, DIM, GOOD, PLAIN, Style, WARNING, parts, samples, table::Table, training,
    },
};

/// The records of a race as a table, with a sentence on who is faster than whom. No time stands in
/// it without the gate's word.
pub fn race(records: &[Record], style: Style) -> String {
    let mut block = Block::new(style);
    let standings = Standings::of(records);
    if let Some(record) = records.first() {
        block.paragraph(0, &parts(&conditions(record, &standings)), BOLD);
        let machine = &record.machine;
        let on = [machine.cpu.clone(), counted(machine.cores as u64, "core")];
        block.paragraph(0, &parts(&on), DIM);
        samples(&mut block, record);
    }
    block.blank();
    table(&mut block, &standings);
    for record in &standings.failed {
        block.row(&format!("–  {}", record.engine.name), PLAIN);
        block.pieces("", &[(&reason(record), BAD)]);
    }
    block.blank();
    notes(&mut block, records, &standings);
    block.finish()
}

/// What was raced over, a part each.
pub(crate) fn conditions(record: &Record, standings: &Standings) -> Vec<String> {
    let mut parts = training(&record.workload);
    parts.extend(common_runs(standings).map(|runs| match runs {
        1 => "1 run each".into(),
        runs => format!("median of {runs} runs"),
    }));
    parts
}

/// The number of runs that all engines made.
fn common_runs(standings: &Standings) -> Option<usize> {
    let mut all = standings.verified.iter().chain(&standings.refused);
    let runs = all.next()?.runs;
    all.all(|standing| standing.runs == runs).then_some(runs)
}

fn table(block: &mut Block, standings: &Standings) {
    let all: Vec<&Standing> = standings
        .verified
        .iter()
        .chain(&standings.refused)
        .collect();
    if all.is_empty() {
        return;
    }
    let table = Table::of(
        &all,
        standings.verified.len(),
        standings.measure,
        block.width(),
    );
    for line in table.head() {
        block.row(&line, DIM);
    }
    for (place, standing) in all.iter().enumerate() {
        block.row(&table.row(place), if place == 0 { BOLD } else { PLAIN });
        let record = standing.record;
        let paint = match record.gate.verdict {
            GateVerdict::Verified | GateVerdict::VerifiedSteps => GOOD,
            GateVerdict::Failed | GateVerdict::NotAsked => BAD,
        };
        let mut how = Vec::new();
        if common_runs(standings).is_none() {
            how.push(counted(standing.runs as u64, "run"));
        }
        how.extend(description(record));
        let (word, how) = (record.gate.to_string(), how.join(" · "));
        let diverged = divergence(record).map(|place| format!("diverged {place}"));
        if record.gate.verdict == GateVerdict::Failed {
            block.pieces("", &[(&word, paint)]);
            block.pieces("", &[(&how, DIM)]);
        } else {
            block.pieces("", &[(&word, paint), (&how, DIM)]);
        }
        if let Some(text) = diverged {
            block.pieces("", &[(&text, BAD)]);
        }
    }
}

/// How an engine ran: version, device, variant.
fn description(record: &Record) -> Vec<String> {
    let device = &record.device;
    let mut parts = vec![record.engine.version.clone()];
    // The processor stands above the table.
    if device.name != record.machine.cpu {
        parts.push(device.name.clone());
    }
    parts.extend(device.threads.map(|threads| counted(threads, "thread")));
    parts.extend(device.isa.clone());
    parts.extend(record.engine.details.get("variant").cloned());
    if device.software {
        parts.push("emulated in software".into());
    }
    parts
}

/// Why an engine has no time.
pub fn reason(record: &Record) -> String {
    match (&record.error, record.partial_reason) {
        (Some(error), _) => format!("error: {error}"),
        (None, Some(PartialReason::Interrupted)) => "interrupted before its first result".into(),
        (None, _) => "no result".into(),
    }
}

/// What limits what the table says.
pub fn cautions(records: &[Record], standings: &Standings) -> Vec<&'static str> {
    let is_interrupted =
        |record: &Record| record.partial_reason == Some(PartialReason::Interrupted);
    let all = [
        (
            records.iter().any(is_interrupted),
            "Interrupted: fewer runs than were asked for.",
        ),
        (
            standings.measure == Measure::Step,
            "Cut short by --max-steps, and so ranked by the time of a training step: compiling and \
             testing weigh more in a part than in the whole.",
        ),
        (
            records.iter().any(|record| divergence(record).is_some()),
            "Diverged: the loss is not finite from there on. The engine trained on to the end, so \
             its times are those of all steps.",
        ),
    ];
    let true_ones = all.into_iter().filter(|(is_so, _)| *is_so);
    true_ones.map(|(_, text)| text).collect()
}

fn notes(block: &mut Block, records: &[Record], standings: &Standings) {
    for text in cautions(records, standings) {
        block.paragraph(0, text, WARNING);
    }
    if let Some(sentence) = verdict_sentence(standings) {
        block.paragraph(0, &sentence, BOLD);
    }
    if !standings.verified.is_empty() || !standings.refused.is_empty() {
        let text = "total: preparing samples, compiling, training and testing. cold: starting the \
                    engine's process, which total leaves out, and compiling, in its first run.";
        block.paragraph(0, text, DIM);
    }
}

/// What may be said of the first and the second; nothing where there is only one.
pub fn verdict_sentence(standings: &Standings) -> Option<String> {
    let [first, second, ..] = standings.verified.as_slice() else {
        return match (standings.verified.len(), standings.refused.len()) {
            (0, 1..) => Some("No engine does the same training as the oracle.".into()),
            _ => None,
        };
    };
    let (name, next) = (&first.record.engine.name, &second.record.engine.name);
    let ratio = second.ratio?;
    let times = three_digits(ratio.ratio);
    let of_totals = match ratio.ci95 {
        Some([low, high]) if low > 1.0 && second.p.is_some_and(|p| p < 0.05) => format!(
            "{name} is {times} times as fast as {next}, the next; 95 % interval {} to {}.",
            three_digits(low),
            three_digits(high)
        ),
        Some([low, high]) => format!(
            "{name} and {next} cannot be told apart: the 95 % interval of the ratio of their times \
             is {} to {}.",
            three_digits(low),
            three_digits(high)
        ),
        None => format!(
            "{name} was {times} times as fast as {next}, the next; below {LEAST_PAIRS} rounds \
             there is no telling how sure that is."
        ),
    };
    // The step of a training that was cut short is all that was ranked by.
    let of_epochs = second
        .epoch_ratio
        .filter(|_| standings.measure == Measure::Total)
        .map(|ratio| epoch_sentence(name, next, ratio));
    Some(
        [Some(of_totals), of_epochs]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Who is faster in an epoch of training alone: a framework may lose all of its lead to compiling, or an
/// engine that compiles fast may train slowly.
fn epoch_sentence(name: &str, next: &str, ratio: Ratio) -> String {
    let Some([low, high]) = ratio.ci95 else {
        return match ratio.ratio >= 1.0 {
            true => format!(
                "An epoch alone: {} times as fast.",
                three_digits(ratio.ratio)
            ),
            false => format!(
                "An epoch alone: {next} was {} times as fast as {name}.",
                three_digits(1.0 / ratio.ratio)
            ),
        };
    };
    let told = |times: f64, low: f64, high: f64| {
        format!(
            "{} times as fast; 95 % interval {} to {}.",
            three_digits(times),
            three_digits(low),
            three_digits(high)
        )
    };
    if low > 1.0 {
        format!("An epoch alone: {}", told(ratio.ratio, low, high))
    } else if high < 1.0 {
        let turned = told(1.0 / ratio.ratio, 1.0 / high, 1.0 / low);
        format!("An epoch alone: {name} is slower, {next} {turned}")
    } else {
        format!(
            "An epoch alone: no difference beyond noise; 95 % interval {} to {}.",
            three_digits(low),
            three_digits(high)
        )
    }
}
