//! What `laptime report` is asked.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// Results to report on: a file with a record, the records of a race or a suite, or a sweep; the start or
    /// the last six characters of a stored record's id, last, last~1, and so on; or a published result, such as
    /// "Apple M1" [default: last; with --site, all stored records]
    #[arg(value_name = "RECORD")]
    pub records: Vec<String>,
    /// Write the report to this HTML file, which needs no network and no script; - is standard output
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "report.html",
        help_heading = "Output"
    )]
    pub output: PathBuf,
    /// Write a static site into this folder instead: tables of all records by workload and precision, a report
    /// of each, and a feed
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "output",
        help_heading = "Output"
    )]
    pub site: Option<PathBuf>,
}
