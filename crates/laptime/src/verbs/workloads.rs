//! `laptime workloads`: what is built in.

use laptime_workload::{BUILTINS, LAYERS};

use crate::{args::WorkloadsArgs, failure::Failure, output};

/// Prints the built-in workloads, or the kinds of layers.
pub fn workloads(args: &WorkloadsArgs) -> Result<(), Failure> {
    let rows: Vec<(String, &str)> = if args.layers {
        LAYERS
            .iter()
            .map(|layer| {
                (
                    [&[layer.kind], layer.keys].concat().join(" "),
                    layer.summary,
                )
            })
            .collect()
    } else {
        BUILTINS
            .iter()
            .map(|workload| (workload.name.to_owned(), workload.summary))
            .collect()
    };
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines = rows
        .iter()
        .map(|(name, summary)| format!("{name:<width$}  {summary}\n"));
    output::print(&lines.collect::<String>())
}
