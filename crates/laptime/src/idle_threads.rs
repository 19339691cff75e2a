//! Threads that were asked for and never have anything to do.

use laptime_cpu::{Target, lower};
use laptime_engine::Device;
use laptime_graph::{
    Mode, build,
    schedule::{Core, at_once},
};

use crate::{device_choice::Wish, failure::Failure, thread_choice::isa_of};

/// What to tell the user of them.
pub fn idle(wish: &Wish, device: &Device) -> Result<Option<String>, Failure> {
    let workload = wish.workload;
    let program = build(workload, Mode::Training, workload.rows_at_once());
    let target = Target {
        isa: isa_of(device)?,
        threads: wish.threads,
    };
    let schedule = lower(&program, target, wish.passes);
    let busy = at_once(&program, &schedule, Core::ASSUMED);
    Ok((wish.threads > busy).then(|| {
        format!(
            "--threads {}: a step of {} has work for {busy} at once; the others mostly wait",
            wish.threads, workload.name
        )
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use laptime_engine::{DeviceKind, Engine, Passes};
    use laptime_workload::{Builtin, Overrides, Workload};

    use super::*;
    use crate::{args::DeviceArg, engines::OwnEngine};

    fn told(workload: Workload, threads: usize) -> Option<String> {
        let wish = Wish {
            device: DeviceArg::Cpu,
            cpu: "a processor",
            workload: &Arc::new(workload),
            threads,
            passes: &Passes::All,
        };
        let devices = OwnEngine.devices_of(DeviceKind::Cpu);
        let processor = devices.expect("there is one").remove(0);
        match idle(&wish, &processor) {
            Ok(told) => told,
            Err(_) => panic!("it can be lowered"),
        }
    }

    #[test]
    fn who_would_only_wait_is_told() {
        let builtin = Builtin::find("fashion-mnist").expect("it is built in");
        let spec = builtin.spec();
        let workload = spec.resolve(&Overrides::default()).expect("it is sound");
        // Its layers have 64 tiles.
        let of_many = told(workload.clone(), 200).expect("136 have nothing to do");
        assert!(of_many.contains("work for 64 at once"), "{of_many}");
        assert_eq!(told(workload, 8), None);
    }

    /// It was once counted by the pixels, whose rows are many.
    #[test]
    fn pixels_that_are_cut_finer_than_all_else_count_little() {
        let builtin = Builtin::find("fashion-mnist").expect("it is built in");
        let larger = Overrides {
            batch_size: Some(512),
            ..Overrides::default()
        };
        let workload = builtin.spec().resolve(&larger).expect("it is sound");
        // 512 samples are scaled by as many threads as there are.
        let of_many = told(workload, 500).expect("436 have nothing to do");
        assert!(of_many.contains("work for 64 at once"), "{of_many}");
    }
}
