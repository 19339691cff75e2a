//! The choice, made by a process of its own.

use laptime_engine::{Device, DeviceKind, Engine};
use laptime_workload::{Workload, directories::cache_dir};

use super::{Choice, Wish, fastest, processor};
use crate::{
    args::DeviceArg,
    child::{self, Answer, DeviceWish, Request},
    engines::OwnEngine,
    failure::Failure,
    output,
};

/// Asks a child. Where none can be started the choice is made here.
pub fn another_process(wish: &Wish) -> Result<Choice, Failure> {
    let request = Request::ChooseDevice(DeviceWish {
        workload: Workload::clone(wish.workload),
        cpu: wish.cpu.to_owned(),
        threads: wish.threads,
        passes: wish.passes.clone(),
    });
    match child::ask(&request) {
        Ok(answer) => told(&answer),
        Err(_) => fastest(&OwnEngine, wish, cache_dir().ok().as_deref()),
    }
}

/// Our own engine's adapters, where looking for them ends no process.
///
/// # Errors
/// Where a driver, or what loads it, crashes.
pub fn adapters() -> Result<Vec<Device>, Failure> {
    // Where no child can be started, drivers are believed.
    let crashed = child::ask(&Request::FindAdapters)
        .ok()
        .and_then(|answer| answer.crashed());
    match crashed {
        None => Ok(OwnEngine.devices_of(DeviceKind::Gpu)?),
        Some(how) => Err(Failure::Failed(format!(
            "looking for graphics adapters crashes: the process that tried {how}; update the drivers, check what \
             VK_DRIVER_FILES and VK_ICD_FILENAMES name, or take --device cpu"
        ))),
    }
}

/// What the other process said. Where it died a driver killed it, and would kill this process too:
/// then the processor trains, and the user is told.
fn told(answer: &Answer) -> Result<Choice, Failure> {
    if let Ok(choice) = serde_json::from_slice(&answer.output) {
        return Ok(choice);
    }
    let processor = processor(&OwnEngine)?;
    let last = answer.errors.lines().last().unwrap_or("it said nothing");
    output::warning(&format!(
        "looking for graphics adapters failed ({}: {last}); training on the processor",
        answer.status
    ));
    Ok(Choice::plain(processor, DeviceArg::Cpu))
}

#[cfg(all(test, unix))]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    use laptime_engine::DeviceKind;

    use super::*;

    #[test]
    fn a_driver_that_kills_the_trial_leaves_the_processor() {
        let killed = Answer {
            status: ExitStatus::from_raw(11),
            output: b"{\"device\":".into(),
            errors: String::new(),
        };
        let Ok(choice) = told(&killed) else {
            panic!("there is a processor");
        };
        assert_eq!(choice.device.kind, DeviceKind::Cpu);
        assert_eq!(choice.argument, "cpu");
    }
}
