//! What `laptime compare` and `laptime records` are asked.

use std::{path::PathBuf, str::FromStr};

use clap::{Args as ClapArgs, Subcommand};

use super::{ExportArgs, whole};

#[derive(Debug, ClapArgs)]
pub struct CompareArgs {
    /// Two or more results; the others are compared with the first. A result is a file with a record (or
    /// the records of a race), the start or the last six characters of a stored record's id, last, last~1, and
    /// so on, or the name of a published result, such as "Apple M1"
    #[arg(value_name = "RESULT", required = true)]
    pub results: Vec<String>,
    /// Compare even results that are not comparable: the reasons become warnings
    #[arg(long)]
    pub force: bool,
    /// Exit with code 1 if the first result is slower than any other by more than this: 3% or 2.5%. The
    /// estimated ratio decides, unless the verdict is "no difference beyond noise", "cannot be told apart", or
    /// that times drift. Without an interval (fewer than 6 runs), the estimate alone decides
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true)]
    pub fail_if_slower: Option<Percent>,
    #[command(flatten)]
    pub exports: ExportArgs,
}

/// A share that is written as a percentage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percent {
    /// As it was typed.
    pub percent: f64,
}

impl Percent {
    /// 0.03 for 3 %.
    pub fn share(self) -> f64 {
        self.percent / 100.0
    }
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WANTED: &str = "give a percentage of 0% or more, with its sign, as 3% or 2.5%";
        let number = text.strip_suffix('%').map(str::trim_end);
        let percent: Option<f64> = number.and_then(|number| number.parse().ok());
        let percent = percent.filter(|percent| percent.is_finite() && *percent >= 0.0);
        percent
            .map(|percent| Self { percent })
            .ok_or_else(|| WANTED.to_owned())
    }
}

#[derive(Debug, ClapArgs)]
pub struct RecordsArgs {
    #[command(subcommand)]
    pub verb: RecordsVerb,
}

#[derive(Debug, Subcommand)]
pub enum RecordsVerb {
    /// List the stored records, the newest first
    List(ListArgs),
    /// Show records as at the end of their run
    Show(ShowArgs),
    /// Remove stored records without confirmation
    Remove(RemoveArgs),
    /// Export all runs of all stored records as one table, for pandas and spreadsheets, or for TensorBoard
    // clap's own line would be longer than 80 columns.
    #[command(override_usage = "laptime records export <--csv|--jsonl|--tensorboard> <PATH>")]
    Export(TableArgs),
    /// Check that files contain valid, self-consistent records
    Check(CheckArgs),
}

#[derive(Debug, ClapArgs)]
pub struct ListArgs {
    /// Only records of this workload
    #[arg(long, value_name = "WORKLOAD")]
    pub workload: Option<String>,
    /// Only records of this engine
    #[arg(long, value_name = "ENGINE")]
    pub engine: Option<String>,
    /// Only records created on this day (UTC) or later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub since: Option<String>,
    /// Only the N newest
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::any::<usize>)]
    pub limit: Option<usize>,
}

fn date(text: &str) -> Result<String, String> {
    match laptime_results::is_date(text) {
        true => Ok(text.to_owned()),
        false => Err("give a day as 2026-11-23".into()),
    }
}

#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// A file with a record, the start or the last six characters of a stored record's id, or last, last~1,
    /// and so on
    #[arg(value_name = "RECORD", default_value = "last")]
    pub records: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub struct RemoveArgs {
    /// The start or the last six characters of a stored record's id, or last, last~1, and so on
    #[arg(value_name = "ID", required = true)]
    pub records: Vec<String>,
}

#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct TableArgs {
    /// Write CSV, one row per run; - is standard output. Columns are named after the keys of the record's JSON,
    /// joined by dots (machine.cpu); lists, such as the losses of all epochs, are JSON in one field
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the same rows as JSON Lines; - is standard output
    #[arg(long, value_name = "FILE")]
    pub jsonl: Option<PathBuf>,
    /// Write the runs as TensorBoard's event files into this folder, beside others that are there
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub struct CheckArgs {
    /// Files with a record, or an array of records
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_has_its_sign() {
        for (text, percent) in [
            ("3%", Some(3.0)),
            ("3.5%", Some(3.5)),
            ("3 %", Some(3.0)),
            ("0%", Some(0.0)),
            ("0.03", None),
            ("3", None),
            ("-3%", None),
            ("NaN%", None),
            ("inf%", None),
            ("%", None),
            ("", None),
        ] {
            let found = text.parse::<Percent>().ok().map(|it| it.percent);
            assert_eq!(found, percent, "{text:?}");
        }
    }
}
