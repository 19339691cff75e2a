//! How much a machine's speed differs from one occasion to another, which no number of runs on one
//! occasion shows.

use laptime_measure::statistics::{median, occasion_log_sd, widened_log_sd};

use super::{Side, comparable};
use crate::{Record, utc};

/// The fewest occasions that show a spread.
pub const LEAST_OCCASIONS: usize = 3;

/// The spread that is assumed of a machine with fewer: 5 %.
pub const ASSUMED_LOG_SD: f64 = 0.05;

/// Records of the same within this time are of one occasion.
const ONE_OCCASION_S: u64 = 60;

/// What is known of a machine's spread, with this training, engine and device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Occasions {
    /// The other occasions that are known.
    pub known: usize,
    /// The standard deviation of the logarithm of a total from one occasion to another, widened where
    /// few occasions say so; `None` where it must be assumed.
    pub measured_log_sd: Option<f64>,
}

impl Occasions {
    /// What `history` shows of the machine of this record. Occasions on which the records were made
    /// that are `compared` do not count: whether they differ is the question.
    pub fn of<'a>(
        record: &Record,
        history: &[Record],
        compared: impl Iterator<Item = &'a Record>,
    ) -> Self {
        let compared: Vec<&str> = compared.map(|record| record.id.as_str()).collect();
        let mut same: Vec<(u64, &Record)> = history
            .iter()
            .filter(|other| is_same_subject(record, other) && comparable::of_one(other).is_empty())
            .filter_map(|other| Some((utc::seconds(&other.created)?, other)))
            .collect();
        same.sort_by_key(|(time, other)| (*time, other.id.as_str()));
        same.dedup_by_key(|(_, other)| other.id.as_str());
        let medians: Vec<f64> = same
            .chunk_by(|(before, _), (time, _)| time - before <= ONE_OCCASION_S)
            .filter(|occasion| {
                let mut all = occasion.iter();
                !all.any(|(_, other)| compared.contains(&other.id.as_str()))
            })
            .filter_map(|occasion| {
                let totals = occasion
                    .iter()
                    .map(|(_, other)| Side::Record(other).totals_s());
                median(&totals.flatten().collect::<Vec<f64>>())
            })
            .collect();
        let known = medians.len();
        let measured = occasion_log_sd(&[medians]).filter(|_| known >= LEAST_OCCASIONS);
        Self {
            known,
            measured_log_sd: measured.map(|(log_sd, df)| widened_log_sd(log_sd, df)),
        }
    }

    /// The spread to widen an interval by.
    pub fn log_sd(&self) -> f64 {
        self.measured_log_sd.unwrap_or(ASSUMED_LOG_SD)
    }
}

/// Whether two records are of the same training by the same engine on the same device of machines that
/// look the same. An update of the system makes no other machine: its effect is a part of the spread.
fn is_same_subject(a: &Record, b: &Record) -> bool {
    let machine = |record: &Record| {
        let machine = &record.machine;
        (
            machine.cpu.clone(),
            machine.cores,
            machine.logical_cores,
            machine.memory_bytes,
        )
    };
    let device = |record: &Record| {
        let device = &record.device;
        (
            device.kind,
            device.name.clone(),
            device.threads,
            device.isa.clone(),
        )
    };
    a.workload.digest == b.workload.digest
        && a.dataset.sha256 == b.dataset.sha256
        && a.engine.name == b.engine.name
        && a.engine.version == b.engine.version
        && device(a) == device(b)
        && machine(a) == machine(b)
}
