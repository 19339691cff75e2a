//! Where samples come from, as the command line says it.

use laptime_workload::dataset::{LoadOptions, Policy};

use crate::args::{DataArg, SampleArgs};

/// Where samples may come from.
pub fn load_options(args: SampleArgs) -> LoadOptions {
    LoadOptions {
        policy: match args.data {
            DataArg::Auto => Policy::Auto,
            DataArg::Official => Policy::Official,
            DataArg::Synthetic => Policy::Synthetic,
        },
        data_dir: args.data_dir,
        ..LoadOptions::default()
    }
}
