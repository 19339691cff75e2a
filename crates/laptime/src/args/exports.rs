//! Where a result goes besides the terminal and the store, as the command line states it.

use std::path::PathBuf;

use clap::Args as ClapArgs;

#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Output")]
pub struct ExportArgs {
    /// Write the result as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_json: Option<PathBuf>,
    /// Write the result as CSV; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,
    /// Write the result as a Markdown table; - is standard output
    #[arg(long, value_name = "FILE")]
    pub export_markdown: Option<PathBuf>,
}

impl ExportArgs {
    /// Whether any is asked for.
    pub fn any(&self) -> bool {
        let all = [&self.export_json, &self.export_csv, &self.export_markdown];
        all.iter().any(|path| path.is_some())
    }
}
