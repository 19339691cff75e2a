//! The choice, made by a process of its own.

use laptime_engine::{Device, DeviceKind, Engine};
use laptime_peers::have_ended;
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
    let asked = child::ask(&request);
    unless_ended()?;
    match asked {
        Ok(answer) => told(&answer),
        Err(_) => fastest(&OwnEngine, wish, cache_dir().ok().as_deref()),
    }
}

/// Our own engine's adapters, where looking for them ends no process.
///
/// # Errors
/// Where a driver, or what loads it, crashes.
pub fn adapters() -> Result<Vec<Device>, Failure> {
    let asked = child::ask(&Request::FindAdapters);
    unless_ended()?;
    // Where no child can be started, drivers are believed.
    if let Ok(answer) = asked {
        can_be_looked_for(&answer)?;
    }
    Ok(OwnEngine.devices_of(DeviceKind::Gpu)?)
}

/// A child that a signal has ended says nothing of drivers.
fn unless_ended() -> Result<(), Failure> {
    match have_ended() {
        true => Err(Failure::Interrupted("interrupted".into())),
        false => Ok(()),
    }
}

/// What the process says that looked for adapters: their number, where it came so far.
fn can_be_looked_for(answer: &Answer) -> Result<(), Failure> {
    let has_answered = serde_json::from_slice::<usize>(&answer.output).is_ok();
    match answer.crashed().filter(|_| !has_answered) {
        None => Ok(()),
        Some(how) => Err(Failure::Failed(format!(
            "--device gpu: the process that looked for graphics adapters {how}; update the drivers, check what \
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
    output::warning(&format!(
        "looking for graphics adapters failed ({}: {}); training on the processor",
        answer.status,
        answer.last_words()
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

    #[test]
    fn a_loader_that_crashes_is_told_unless_it_has_answered() {
        let of = |output: &str, status| {
            can_be_looked_for(&Answer {
                status: ExitStatus::from_raw(status),
                output: output.into(),
                errors: "error: no driver".into(),
            })
        };
        for (output, status) in [("2\n", 0), ("", 1 << 8), ("1\n", 11)] {
            assert!(of(output, status).is_ok(), "{output:?} and {status}");
        }
        match of("", 11) {
            Err(Failure::Failed(told)) => assert!(told.contains("VK_DRIVER_FILES"), "{told}"),
            _ => panic!("it crashed"),
        }
    }
}
