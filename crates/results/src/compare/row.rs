//! A comparison as a row of a table, the same names in JSON and in CSV.

use serde::Serialize;

use super::{Basis, Compared, Comparison, Side, Verdict};
use crate::MedianSeconds;

/// One comparison, flat. A is the first result of the command line, B another one; what is not known is
/// null.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The format of this row.
    pub schema: &'static str,
    /// What was trained.
    pub workload: String,
    /// A, by a short name.
    pub a: String,
    /// A's record; null for a published result.
    pub a_record: Option<String>,
    /// What trained.
    pub a_engine: String,
    /// What it ran on.
    pub a_device: String,
    /// The machine.
    pub a_machine: String,
    /// The gate's verdict; null for a published result.
    pub a_gate: Option<String>,
    /// The runs that count.
    pub a_runs: usize,
    /// The median total.
    pub a_total_s: Option<f64>,
    /// The lower end of its 95 % interval.
    pub a_total_low_s: Option<f64>,
    /// The upper end.
    pub a_total_high_s: Option<f64>,
    /// B, by a short name.
    pub b: String,
    /// B's record; null for a published result.
    pub b_record: Option<String>,
    /// What trained.
    pub b_engine: String,
    /// What it ran on.
    pub b_device: String,
    /// The machine.
    pub b_machine: String,
    /// The gate's verdict; null for a published result.
    pub b_gate: Option<String>,
    /// The runs that count.
    pub b_runs: usize,
    /// The median total.
    pub b_total_s: Option<f64>,
    /// The lower end of its 95 % interval.
    pub b_total_low_s: Option<f64>,
    /// The upper end.
    pub b_total_high_s: Option<f64>,
    /// How many times as fast A is as B.
    pub speed_ratio: Option<f64>,
    /// The lower end of its 95 % interval.
    pub speed_ratio_low: Option<f64>,
    /// The upper end.
    pub speed_ratio_high: Option<f64>,
    /// `race`: interleaved runs in pairs; `apart`: other occasions.
    pub basis: &'static str,
    /// Pairs of the race.
    pub pairs: Option<usize>,
    /// The p value of the paired test.
    pub p: Option<f64>,
    /// The same, corrected for all comparisons.
    pub p_corrected: Option<f64>,
    /// The spread of A from one occasion to another.
    pub a_occasion_log_sd: Option<f64>,
    /// The other occasions that it was measured on.
    pub a_occasions: Option<usize>,
    /// Whether it is assumed.
    pub a_occasion_assumed: Option<bool>,
    /// The spread of B from one occasion to another.
    pub b_occasion_log_sd: Option<f64>,
    /// The other occasions that it was measured on.
    pub b_occasions: Option<usize>,
    /// Whether it is assumed.
    pub b_occasion_assumed: Option<bool>,
    /// What may be said.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
    /// What it rests on.
    pub notes: Vec<String>,
    /// The reasons against comparing them, where that was forced.
    pub warnings: Vec<String>,
}

/// The names of a row, in order.
pub const COLUMNS: &[&str] = &[
    "schema",
    "workload",
    "a",
    "a_record",
    "a_engine",
    "a_device",
    "a_machine",
    "a_gate",
    "a_runs",
    "a_total_s",
    "a_total_low_s",
    "a_total_high_s",
    "b",
    "b_record",
    "b_engine",
    "b_device",
    "b_machine",
    "b_gate",
    "b_runs",
    "b_total_s",
    "b_total_low_s",
    "b_total_high_s",
    "speed_ratio",
    "speed_ratio_low",
    "speed_ratio_high",
    "basis",
    "pairs",
    "p",
    "p_corrected",
    "a_occasion_log_sd",
    "a_occasions",
    "a_occasion_assumed",
    "b_occasion_log_sd",
    "b_occasions",
    "b_occasion_assumed",
    "verdict",
    "sentence",
    "notes",
    "warnings",
];

impl Compared<'_> {
    /// The comparisons as rows.
    pub fn rows(&self) -> Vec<Row> {
        let others = self.sides.iter().skip(1);
        let rows = others.zip(&self.comparisons);
        rows.map(|(other, it)| row(&self.sides[0], other, it))
            .collect()
    }
}

fn row(one: &Side, other: &Side, comparison: &Comparison) -> Row {
    let [a, b] = [one, other].map(Facts::of);
    let ratio = comparison.ratio;
    let interval = ratio.and_then(|ratio| ratio.ci95);
    let paired = match &comparison.basis {
        Basis::Race(paired) => Some(paired),
        Basis::Apart(_) => None,
    };
    let occasions = match &comparison.basis {
        Basis::Race(_) => [None, None],
        Basis::Apart(occasions) => *occasions,
    };
    let [a_occasions, b_occasions] = occasions;
    let [a_name, b_name] = comparison.names.clone();
    Row {
        schema: "laptime.comparison.v1",
        workload: a.workload,
        a: a_name,
        a_record: a.record,
        a_engine: a.engine,
        a_device: a.device,
        a_machine: a.machine,
        a_gate: a.gate,
        a_runs: comparison.runs[0],
        a_total_s: a.total_s,
        a_total_low_s: a.interval.map(|[low, _]| low),
        a_total_high_s: a.interval.map(|[_, high]| high),
        b: b_name,
        b_record: b.record,
        b_engine: b.engine,
        b_device: b.device,
        b_machine: b.machine,
        b_gate: b.gate,
        b_runs: comparison.runs[1],
        b_total_s: b.total_s,
        b_total_low_s: b.interval.map(|[low, _]| low),
        b_total_high_s: b.interval.map(|[_, high]| high),
        speed_ratio: ratio.map(|ratio| ratio.ratio),
        speed_ratio_low: interval.map(|[low, _]| low),
        speed_ratio_high: interval.map(|[_, high]| high),
        basis: if paired.is_some() { "race" } else { "apart" },
        pairs: paired.map(|paired| paired.pairs),
        p: paired.map(|paired| paired.p),
        p_corrected: comparison.corrected_p,
        a_occasion_log_sd: a_occasions.map(|it| it.log_sd()),
        a_occasions: a_occasions.map(|it| it.known),
        a_occasion_assumed: a_occasions.map(|it| it.measured_log_sd.is_none()),
        b_occasion_log_sd: b_occasions.map(|it| it.log_sd()),
        b_occasions: b_occasions.map(|it| it.known),
        b_occasion_assumed: b_occasions.map(|it| it.measured_log_sd.is_none()),
        verdict: comparison.verdict,
        sentence: comparison.sentence(),
        notes: comparison.notes([one, other]),
        warnings: comparison.warnings.clone(),
    }
}

/// What a row says of one side.
struct Facts {
    workload: String,
    record: Option<String>,
    engine: String,
    device: String,
    machine: String,
    gate: Option<String>,
    total_s: Option<f64>,
    interval: Option<[f64; 2]>,
}

impl Facts {
    fn of(side: &Side) -> Self {
        let totals = side.totals_s();
        let MedianSeconds { median, ci95, .. } = MedianSeconds::of(&totals);
        let total_s = (!totals.is_empty()).then_some(median);
        match side {
            Side::Record(record) => Self {
                workload: record.workload.name.clone(),
                record: Some(record.id.clone()),
                engine: format!("{} {}", record.engine.name, record.engine.version),
                device: record.device.name.clone(),
                machine: record.machine.cpu.clone(),
                gate: Some(record.gate.to_string()),
                total_s,
                interval: ci95,
            },
            Side::Published(published) => Self {
                workload: published.workload.clone(),
                record: None,
                engine: published.engine.clone(),
                device: published.name.clone(),
                machine: published.machine.clone(),
                gate: None,
                total_s,
                interval: ci95,
            },
        }
    }
}
