//! `laptime choose-device`: what `--device auto` takes, for another process of this program.

use laptime_engine::Engine;
use laptime_measure::Machine;
use laptime_workload::directories::cache_dir;

use crate::{
    args::ChooseDeviceArgs,
    device_choice::{Wish, fastest},
    engines::OwnEngine,
    failure::Failure,
    options::{WorkloadChoice, threads},
    output,
    passes::passes,
    verdicts,
};

/// Prints the choice as JSON.
pub fn choose_device(args: ChooseDeviceArgs) -> Result<(), Failure> {
    verdicts::end_with_input();
    let workload = WorkloadChoice::resolve(&args.workload)?;
    let machine = Machine::identify();
    let settings = &args.engine.settings;
    let wish = Wish {
        device: settings.device,
        cpu: &machine.cpu,
        workload: &workload.workload,
        threads: threads(settings),
        passes: &passes(&settings.passes, settings.device)?,
        again: Vec::new(),
    };
    let engine: &'static (dyn Engine + Sync) = &OwnEngine;
    let choice = fastest(engine, &wish, cache_dir().ok().as_deref())?;
    output::print(&(serde_json::to_string(&choice).expect("a choice is plain data") + "\n"))
}
