//! A comparison as a block.

use super::{
    BAD, BOLD, Block, DIM, GOOD, PLAIN, Style, WARNING, counted, decimals, parts, samples, training,
};
use crate::{
    GateVerdict, MedianSeconds, Record,
    compare::{Compared, Side, Verdict, places},
    published::Published,
};

/// The results one below the other, then what may be said of each against the first. No time stands in it
/// without the gate's word.
pub fn comparison(compared: &Compared, style: Style) -> String {
    let mut block = Block::new(style);
    header(&mut block, compared);
    block.blank();
    for (place, (side, label)) in compared.sides.iter().zip(&compared.labels).enumerate() {
        match side {
            Side::Record(record) => of_record(&mut block, &letter(place), label, record),
            Side::Published(published) => {
                of_published(&mut block, &letter(place), label, published);
            }
        }
    }
    for (other, it) in compared.sides.iter().skip(1).zip(&compared.comparisons) {
        block.blank();
        for why in &it.warnings {
            block.paragraph(0, &format!("Not comparable: {why}."), BAD);
        }
        let paint = match it.verdict {
            Verdict::NoInterval | Verdict::Drifting => WARNING,
            _ => BOLD,
        };
        block.paragraph(0, &it.sentence(), paint);
        for note in it.notes([&compared.sides[0], other]) {
            block.paragraph(2, &note, DIM);
        }
    }
    block.finish()
}

fn header(block: &mut Block, compared: &Compared) {
    if let Some(record) = compared.sides.iter().find_map(Side::record) {
        block.paragraph(0, &parts(&training(&record.workload)), BOLD);
        samples(block, record);
    } else if let Some(Side::Published(published)) = compared.sides.first() {
        block.paragraph(0, &published.workload, BOLD);
    }
}

fn of_record(block: &mut Block, name: &str, label: &str, record: &Record) {
    let totals = Side::Record(record).totals_s();
    let MedianSeconds {
        median: total_s,
        ci95,
        ..
    } = MedianSeconds::of(&totals);
    let places = decimals(total_s);
    let paint = match record.gate.verdict {
        GateVerdict::Failed | GateVerdict::NotAsked => BAD,
        GateVerdict::Verified | GateVerdict::VerifiedSteps => GOOD,
    };
    let total = format!("{total_s:>7.places$} s");
    let gate = record.gate.to_string();
    block.pieces(name, &[(&total, BOLD), (label, PLAIN), (&gate, paint)]);
    let mut how = vec![match ci95 {
        Some([low, high]) => format!(
            "median of {}, 95 % {low:.places$} to {high:.places$} s",
            counted(totals.len() as u64, "run")
        ),
        None => counted(totals.len() as u64, "run"),
    }];
    how.push(format!("{} {}", record.engine.name, record.engine.version));
    how.push(record.device.name.clone());
    if record.device.name != record.machine.cpu {
        how.push(record.machine.cpu.clone());
    }
    how.extend(
        record
            .device
            .threads
            .map(|threads| counted(threads, "thread")),
    );
    how.push(record.created.chars().take(10).collect());
    block.entry("", &parts(&how), DIM);
}

fn of_published(block: &mut Block, name: &str, label: &str, published: &Published) {
    let total = format!("{:>7.1$} s", published.total_s, decimals(published.total_s));
    block.pieces(
        name,
        &[(&total, BOLD), (label, PLAIN), ("not verified", WARNING)],
    );
    let mut how = vec![published.machine.clone(), published.engine.clone()];
    how.extend(published.year.map(|year| year.to_string()));
    block.entry("", &how.join(" · "), DIM);
}

/// A, B, C …
fn letter(place: usize) -> String {
    let letter = u8::try_from(place).ok().filter(|place| *place < 26);
    letter.map_or_else(
        || format!("#{}", place + 1),
        |place| char::from(b'A' + place).to_string(),
    )
}

/// `1.16 (1.13 to 1.19)`
pub(crate) fn ratio_with_interval(ratio: f64, interval: Option<[f64; 2]>) -> String {
    let places = places(ratio);
    match interval {
        Some([low, high]) => format!("{ratio:.places$} ({low:.places$} to {high:.places$})"),
        None => format!("{ratio:.places$}"),
    }
}
