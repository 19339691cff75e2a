//! Trains so many steps of a network on one thread, on synthetic samples, for tools that count
//! instructions: `steps WORKLOAD|FILE.toml STEPS`. `.ci/instructions` takes the difference between two
//! numbers of steps, so that what comes before the first does not count.

use std::{env, error::Error, fs, sync::Arc};

use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, Job, Passes, Progress};
use laptime_workload::{Builtin, Overrides, Spec, dataset::synthetic, epoch_order};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [network, steps] = arguments.as_slice() else {
        return Err("usage: steps WORKLOAD|FILE.toml STEPS".into());
    };
    let steps: usize = steps.parse()?;
    let spec = match Builtin::find(network) {
        Ok(builtin) => builtin.spec(),
        Err(_) => Spec::parse(&fs::read_to_string(network)?, network)?,
    };
    let workload = spec.resolve(&Overrides::default())?;
    let count = steps * workload.batch_size;
    let order = epoch_order(workload.seed, 0, count, true);
    let job = Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), count, 1)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    };
    let engine = CpuEngine;
    let devices = engine.devices()?;
    let device = devices.first().ok_or("there is no processor")?;
    engine
        .compile(&job, device)?
        .train(&order, &Progress::new())?;
    Ok(())
}
