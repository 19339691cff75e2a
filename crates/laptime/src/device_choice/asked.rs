//! The choice, made by a process of its own.

use std::{
    env,
    process::{Command, Output, Stdio},
};

use laptime_workload::directories::cache_dir;

use super::{Choice, Wish, fastest, processor};
use crate::{
    args::DeviceArg, engines::OwnEngine, failure::Failure, output, verdicts::ENDS_WITH_INPUT,
};

/// Asks `laptime choose-device`. Where it cannot be started the choice is made here.
pub fn another_process(wish: &Wish) -> Result<Choice, Failure> {
    let output = env::current_exe().and_then(|program| {
        let mut choose = Command::new(program);
        choose
            .arg("choose-device")
            .args(&wish.again)
            // The system closes it however this program ends.
            .env(ENDS_WITH_INPUT, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C is for this program, with which the other ends.
            choose.process_group(0);
        }
        let mut child = choose.spawn()?;
        // Waiting would close it.
        let _line = child.stdin.take();
        child.wait_with_output()
    });
    match output {
        Ok(output) => told(&output),
        Err(_) => fastest(&OwnEngine, wish, cache_dir().ok().as_deref()),
    }
}

/// What the other process said. Where it died a driver killed it, and would kill this process too:
/// then the processor trains, and the user is told.
fn told(output: &Output) -> Result<Choice, Failure> {
    if let Ok(choice) = serde_json::from_slice(&output.stdout) {
        return Ok(choice);
    }
    let processor = processor(&OwnEngine)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().last().unwrap_or("it said nothing");
    output::warning(&format!(
        "looking for graphics adapters failed ({}: {last}); training on the processor",
        output.status
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
        let killed = Output {
            status: ExitStatus::from_raw(11),
            stdout: b"{\"device\":".into(),
            stderr: Vec::new(),
        };
        let Ok(choice) = told(&killed) else {
            panic!("there is a processor");
        };
        assert_eq!(choice.device.kind, DeviceKind::Cpu);
        assert_eq!(choice.argument, "cpu");
    }
}
