//! `laptime explain`: the Programs of a workload and the Schedules they are lowered to.

use laptime_cpu::{Isa, Target, lower};
use laptime_graph::{Mode, build, schedule::Explained};

use crate::{
    args::ExplainArgs,
    failure::Failure,
    options::{WorkloadChoice, passes},
    output,
};

/// Prints the Program and the Schedule of a training step, then those of an evaluation step.
pub fn explain(args: ExplainArgs) -> Result<(), Failure> {
    let workload = WorkloadChoice::resolve(&args.workload)?.workload;
    let passes = passes(&args.passes)?;
    let isa = Isa::chosen().map_err(Failure::Usage)?;
    let mut text = String::new();
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = build(&workload, mode, workload.batch_size);
        let schedule = lower(&program, Target { isa }, &passes);
        let explained = Explained {
            program: &program,
            schedule: &schedule,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{program}\n{explained}");
    }
    output::print(&text)
}
