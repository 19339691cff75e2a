//! Which of several results is faster, by how much, and whether that is more than noise.
//!
//! Pure judgement: no file is read here, and no clock. Everything is derived from raw times; what a
//! record says of itself in its summary is not looked at.

mod comparable;
mod label;
mod occasion;
mod pairs;
mod row;
mod sentence;
mod verdict;

use laptime_measure::statistics::median;

use crate::{Record, published::Published, summary::counted};

pub use comparable::{between, conditions};
pub(crate) use comparable::{course, partial};
pub use label::labels;
pub use occasion::{ASSUMED_LOG_SD, LEAST_OCCASIONS, Occasions};
pub use row::{COLUMNS, Row};
pub(crate) use sentence::places;
pub use verdict::{Basis, Comparison, Verdict};

/// A result that is compared.
#[derive(Debug, Clone, Copy)]
pub enum Side<'a> {
    /// A record, ours or somebody else's.
    Record(&'a Record),
    /// A published result.
    Published(&'static Published),
}

impl<'a> Side<'a> {
    /// The totals of the runs that count, in their order.
    pub fn totals_s(&self) -> Vec<f64> {
        match self {
            Self::Record(record) => {
                let runs = counted(&record.runs);
                runs.iter().map(|run| run.total_s).collect()
            }
            Self::Published(published) => vec![published.total_s],
        }
    }

    /// The record, where it is one.
    pub fn record(&self) -> Option<&'a Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Published(_) => None,
        }
    }
}

/// The first of several results against each of the others.
#[derive(Debug)]
pub struct Compared<'a> {
    /// All results, the first of them the one that the others are compared with.
    pub sides: Vec<Side<'a>>,
    /// A short name for each, no two alike.
    pub labels: Vec<String>,
    /// One for each of the others, in their order.
    pub comparisons: Vec<Comparison>,
}

/// Short names for two records, by what they differ in.
pub fn short_names(one: &Record, other: &Record) -> [String; 2] {
    let mut labels = label::labels(&[Side::Record(one), Side::Record(other)]).into_iter();
    [(); 2].map(|()| labels.next().unwrap_or_default())
}

/// Why nothing was compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The short names of the first result and of the other.
    pub names: [String; 2],
    /// The reasons against comparing them.
    pub reasons: Vec<String>,
    /// Whether both have times, so that they can be compared all the same.
    pub can_be_forced: bool,
}

impl<'a> Compared<'a> {
    /// Compares. `history` has other records of the same machines, from which the spread from one
    /// occasion to another is taken. What cannot be compared is compared all the same with `force`, as
    /// long as it has times; then the reasons are warnings.
    ///
    /// # Errors
    /// Where results may not be compared, with all reasons.
    pub fn of(sides: Vec<Side<'a>>, history: &[Record], force: bool) -> Result<Self, Vec<Refused>> {
        let labels = label::labels(&sides);
        let mut refused = Vec::new();
        let mut comparisons = Vec::new();
        for (other, label) in sides.iter().zip(&labels).skip(1) {
            let has_times = |side: &Side| median(&side.totals_s()).is_some();
            let can_be_forced = has_times(&sides[0]) && has_times(other);
            let names = [labels[0].clone(), label.clone()];
            let reasons = between(&sides[0], other, &names);
            if reasons.is_empty() || force && can_be_forced {
                let occasions = [sides[0], *other].map(|side| {
                    let compared = sides.iter().filter_map(Side::record);
                    side.record().map(|it| Occasions::of(it, history, compared))
                });
                comparisons.push(Comparison::of(&sides[0], other, names, occasions, reasons));
            } else {
                refused.push(Refused {
                    names,
                    reasons,
                    can_be_forced,
                });
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        verdict::correct_for_several(&mut comparisons);
        Ok(Self {
            sides,
            labels,
            comparisons,
        })
    }
}
