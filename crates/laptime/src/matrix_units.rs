//! Whether a GPU's matrix units make the products of bf16, where the command line leaves that open: where they train
//! alike and faster, by a trial in a process of its own, because drivers are less used to them.

use std::{path::Path, process::abort, sync::Arc, thread, time::Duration};

use laptime_engine::{
    Device, DeviceKind, Job, Passes,
    trial::{self, Budget, Tried},
};
use laptime_gpu::GpuEngine;
use laptime_graph::TrainingStep;
use laptime_workload::Workload;

use crate::{
    args::DeviceArg,
    child::{self, Answer, GateJob, Request},
    device_choice::{Wish, by_trial},
    display::Line,
    engines::OwnEngine,
    output::stderr_is_terminal,
    passes::without_matrix_units,
};

/// What matrix units may take, most of it to compile; what does not come to an end by then has failed.
const EACH: Duration = Duration::from_secs(30);

/// What a process that has answered may take to end.
const LAST_GRACE: Duration = Duration::from_secs(5);

/// Matrix units must be faster by more than chance.
const GAIN: f64 = 0.98;

/// The most that losses may be apart after one update, of the larger one. Rounding changes thousandths of a loss;
/// operands that are mixed up change more. What lies between is for the gate to say.
const APART: f64 = 0.05;

/// Passes with matrix units or without, and why.
pub struct Chosen {
    /// The passes.
    pub passes: Passes,
    /// Why.
    pub why: String,
}

/// Chooses for a training on this device with these passes; `None` where there is nothing to choose.
pub fn choose(
    workload: &Arc<Workload>,
    passes: &Passes,
    device: &Device,
    cache: Option<&Path>,
) -> Option<Chosen> {
    would_be_used(workload, passes, device).then(|| {
        let ask = || another_process(workload, passes, device);
        chosen_by(workload, passes, device, cache, ask)
    })
}

/// Whether our own engine would use matrix units of this device, left alone.
pub fn would_be_used(workload: &Workload, passes: &Passes, device: &Device) -> bool {
    device.kind == DeviceKind::Gpu && GpuEngine::would_use_matrix_units(device, workload, passes)
}

/// Chooses by an earlier trial of the same, or by asking for one.
fn chosen_by(
    workload: &Arc<Workload>,
    passes: &Passes,
    device: &Device,
    cache: Option<&Path>,
    ask: impl FnOnce() -> Result<Vec<Tried>, String>,
) -> Chosen {
    let program = TrainingStep::of(workload, workload.batch_size).last;
    let wish = wish(workload, passes);
    let machine = format!("{device:?}");
    let file =
        cache.and_then(|cache| by_trial::file(cache, "matrix-choices", &wish, &program, &machine));
    let known = file.as_deref().and_then(by_trial::read::<Vec<Tried>>);
    if let Some([plain, units]) = known.as_deref() {
        return chosen(passes, verdict(plain, units, "in an earlier trial"));
    }
    let verdict = ask().and_then(|tried| match tried.as_slice() {
        [plain, units] => {
            // What failed is worth another look each time: a driver may have compiled by then, or memory be free.
            let are_timed = tried.iter().all(|one| one.step_s.is_some());
            if let Some(file) = file.filter(|_| are_timed) {
                by_trial::keep(&file, &tried);
            }
            verdict(plain, units, "in a trial")
        }
        _ => Err("the trial of matrix units had no result".into()),
    });
    chosen(passes, verdict)
}

fn wish<'a>(workload: &'a Arc<Workload>, passes: &'a Passes) -> Wish<'a> {
    Wish {
        device: DeviceArg::Gpu(None),
        cpu: "",
        workload,
        threads: 1,
        passes,
    }
}

/// Trains some steps both ways, in a process that ends where a driver does not let go of it.
pub fn try_both(asked: GateJob) -> Vec<Tried> {
    let with = by_trial::job(&wish(&Arc::new(asked.workload), &asked.passes));
    let without = Job {
        passes: without_matrix_units(&asked.passes),
        ..with.clone()
    };
    let candidates = [without, with].map(|job| (job, asked.device.clone()));
    let budget = Budget {
        least: 2 * EACH,
        training_steps: 0,
    };
    let tried = trial::try_each(&OwnEngine, &candidates, budget);
    // What still hangs in a driver may do so at the end of the process as well, behind the answer.
    let _ = thread::Builder::new().spawn(|| {
        thread::sleep(LAST_GRACE);
        abort();
    });
    tried
}

/// Asks a child.
fn another_process(
    workload: &Workload,
    passes: &Passes,
    device: &Device,
) -> Result<Vec<Tried>, String> {
    let line = Line::new(stderr_is_terminal());
    line.show("trying matrix units …");
    let request = Request::TryMatrixUnits(GateJob {
        workload: workload.clone(),
        // Any will do to see whether losses are alike.
        weights: None,
        engine: OwnEngine::NAME.into(),
        device: device.clone(),
        threads: 1,
        passes: passes.clone(),
        last_batch: 0,
    });
    match child::ask(&request) {
        Ok(answer) => told(&answer),
        Err(error) => Err(format!(
            "the trial of matrix units could not be started: {error}"
        )),
    }
}

/// What the child said. Where it died, a driver killed it.
fn told(answer: &Answer) -> Result<Vec<Tried>, String> {
    serde_json::from_slice(&answer.output)
        .map_err(|_| format!("the trial of matrix units {}", answer.ending()))
}

/// Whether matrix units are faster, and the times.
///
/// # Errors
/// Where they cannot be used, in words.
fn verdict(plain: &Tried, units: &Tried, how: &str) -> Result<(bool, String), String> {
    let failed = |units: &str, one: &Tried| {
        let error = one.error.as_deref().unwrap_or("for no reason");
        format!("{units} failed {how} ({error})")
    };
    let Some(units_s) = units.step_s else {
        return Err(failed("matrix units", units));
    };
    let Some(plain_s) = plain.step_s else {
        return Err(failed("fp32 units", plain));
    };
    // A loss that is not finite is told as none.
    let are_alike = match (plain.loss, units.loss) {
        (Some(plain), Some(units)) => (plain - units).abs() <= APART * plain.abs().max(units.abs()),
        (plain, units) => plain == units,
    };
    if !are_alike {
        let of = |one: &Tried| {
            one.loss
                .map_or("not a number".into(), |loss| format!("{loss:.4}"))
        };
        return Err(format!(
            "after one step {how} the loss was {} with matrix units and {} without",
            of(units),
            of(plain)
        ));
    }
    let times = format!(
        "{how}: {:.3} ms a step with matrix units, {:.3} ms without",
        1e3 * units_s,
        1e3 * plain_s
    );
    Ok((units_s < GAIN * plain_s, times))
}

fn chosen(passes: &Passes, verdict: Result<(bool, String), String>) -> Chosen {
    let (takes, why) = match verdict {
        Ok((true, times)) => (true, format!("multiplies on matrix units, faster {times}")),
        Ok((false, times)) => (
            false,
            format!("multiplies in fp32, as matrix units are not 2 % faster {times}"),
        ),
        Err(why) => (false, format!("multiplies in fp32: {why}")),
    };
    Chosen {
        passes: match takes {
            true => passes.clone(),
            false => without_matrix_units(passes),
        },
        why,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use laptime_gpu::MATRIX_UNITS;
    use laptime_workload::{Builtin, Overrides};

    use super::*;

    fn tried(candidate: usize, step_s: f64, loss: Option<f64>) -> Tried {
        Tried {
            candidate,
            step_s: Some(step_s),
            loss,
            error: None,
        }
    }

    fn device() -> Device {
        Device {
            kind: DeviceKind::Gpu,
            name: "a card".into(),
            threads: None,
            isa: None,
            driver: None,
            software: false,
        }
    }

    /// Chooses by this trial, and says whether it was asked for.
    fn choose_by(
        passes: &Passes,
        cache: &Path,
        tried: Result<Vec<Tried>, String>,
    ) -> (Chosen, bool) {
        let builtin = Builtin::find("fashion-mnist").expect("it is built in");
        let workload = builtin.spec().resolve(&Overrides::default());
        let workload = Arc::new(workload.expect("it is sound"));
        let was_asked = Cell::new(false);
        let ask = || {
            was_asked.set(true);
            tried
        };
        let chosen = chosen_by(&workload, passes, &device(), Some(cache), ask);
        (chosen, was_asked.get())
    }

    #[test]
    fn matrix_units_are_taken_where_they_train_alike_and_faster() {
        let plain = || tried(0, 3e-3, Some(2.0));
        let failed = |candidate| Tried::failed(candidate, "not ready after 30.0 s".into());
        for (first, second, takes, word) in [
            (
                plain(),
                tried(1, 1e-3, Some(2.01)),
                true,
                "multiplies on matrix units, faster in a trial: 1.000 ms a step with matrix units, 3.000 ms without",
            ),
            (
                plain(),
                tried(1, 2.98e-3, Some(2.0)),
                false,
                "multiplies in fp32, as matrix units are not 2 % faster in a trial",
            ),
            (
                plain(),
                tried(1, 1e-3, Some(2.3)),
                false,
                "multiplies in fp32: after one step in a trial the loss was 2.3000 with matrix units and 2.0000 without",
            ),
            (
                plain(),
                tried(1, 1e-3, None),
                false,
                "not a number with matrix units and 2.0000",
            ),
            (
                plain(),
                failed(1),
                false,
                "matrix units failed in a trial (not ready after 30.0 s)",
            ),
            (
                failed(0),
                tried(1, 1e-3, Some(2.0)),
                false,
                "fp32 units failed in a trial",
            ),
        ] {
            let cache = tempfile::tempdir().expect("there is a place for temporary files");
            let both = || Ok(vec![first.clone(), second.clone()]);
            let (chosen, _) = choose_by(&Passes::All, cache.path(), both());
            assert_eq!(chosen.passes.has(MATRIX_UNITS), takes, "{}", chosen.why);
            assert!(chosen.why.contains(word), "{}", chosen.why);
            let (again, was_asked) = choose_by(&Passes::All, cache.path(), both());
            let are_timed = first.step_s.is_some() && second.step_s.is_some();
            assert_eq!(was_asked, !are_timed, "times are remembered");
            assert_eq!(again.passes, chosen.passes);
            let is_told = again.why.contains("in an earlier trial");
            assert_eq!(is_told, are_timed, "{}", again.why);
        }
    }

    #[test]
    fn only_the_passes_that_were_asked_for_are_taken() {
        let cache = tempfile::tempdir().expect("there is a place for temporary files");
        let asked = Passes::Only(vec!["norm-epilogue".into(), MATRIX_UNITS.into()]);
        for (units_s, left) in [
            (4e-3, &["norm-epilogue"][..]),
            (1e-3, &["norm-epilogue", MATRIX_UNITS]),
        ] {
            let folder = cache.path().join(units_s.to_string());
            let both = vec![tried(0, 3e-3, Some(2.0)), tried(1, units_s, Some(2.0))];
            let (chosen, _) = choose_by(&asked, &folder, Ok(both));
            let left = left.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(chosen.passes, Passes::Only(left));
        }
    }

    #[test]
    fn a_trial_without_a_result_is_made_again() {
        let cache = tempfile::tempdir().expect("there is a place for temporary files");
        for _ in 0..2 {
            let died = "the trial of matrix units ended with signal: 11";
            let (chosen, was_asked) = choose_by(&Passes::All, cache.path(), Err(died.into()));
            assert!(was_asked && !chosen.passes.has(MATRIX_UNITS));
            assert!(chosen.why.contains(died), "{}", chosen.why);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_driver_that_kills_the_trial_is_told() {
        use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

        let killed = Answer {
            status: ExitStatus::from_raw(11),
            output: b"[{\"candidate\":".into(),
            errors: "a driver's last words\n".into(),
        };
        let said = told(&killed).expect_err("it died");
        assert!(said.contains("11") && said.contains("last words"), "{said}");
    }
}
