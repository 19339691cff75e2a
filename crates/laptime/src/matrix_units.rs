//! Whether a GPU's matrix units make the products of bf16, where the command line leaves that open: where they train
//! alike and faster, by a trial in a process of its own, because to use them is asking more of a driver.

use std::{sync::Arc, time::Duration};

use laptime_engine::{
    Device, DeviceKind, Job, Passes,
    trial::{self, Budget, Tried},
};
use laptime_gpu::GpuEngine;
use laptime_graph::TrainingStep;
use laptime_workload::{Precision, Workload, directories::cache_dir};

use crate::{
    args::DeviceArg,
    child::{self, GateJob, Request},
    device_choice::{Wish, by_trial},
    engines::OwnEngine,
    passes::without_matrix_units,
};

/// The candidates, in their order: what is sure to work stands first.
const UNITS: [&str; 2] = ["fp32 units", "matrix units"];

/// What a trial may take at most. Compiling takes most of it, which is done for the training once more.
const TRIAL: Duration = Duration::from_secs(60);

/// The most that losses may be apart behind one update, of the larger one. Rounding makes thousandths of a loss,
/// operands that are mixed up make other losses; what lies between is for the gate to say.
const APART: f64 = 0.05;

/// Passes with matrix units or without, and why.
pub struct Chosen {
    /// The passes.
    pub passes: Passes,
    /// Why.
    pub why: String,
}

/// Chooses for a training on this device; `None` where there is nothing to choose.
pub fn choose(wish: &Wish, device: &Device) -> Option<Chosen> {
    let may_have_them = wish.workload.precision == Precision::Bf16
        && *wish.passes == Passes::All
        && device.kind == DeviceKind::Gpu
        && GpuEngine::has_matrix_units_for(device, wish.workload);
    if !may_have_them {
        return None;
    }
    let program = TrainingStep::of(wish.workload, wish.workload.batch_size).last;
    let machine = format!("{device:?}");
    let file = cache_dir()
        .ok()
        .and_then(|cache| by_trial::file(&cache, "matrix-choices", wish, &program, &machine));
    let known = file.as_deref().and_then(by_trial::read::<Vec<Tried>>);
    let known = known.filter(|tried| verdict(tried).is_ok());
    let how = match known {
        Some(_) => "by an earlier trial",
        None => "by trial",
    };
    let tried = known.unwrap_or_else(|| {
        let tried = another_process(wish, device);
        if let Some(file) = file.filter(|_| verdict(&tried).is_ok()) {
            by_trial::keep(&file, &tried);
        }
        tried
    });
    Some(chosen(&tried, how))
}

/// Trains some steps both ways.
pub fn try_both(asked: GateJob) -> Vec<Tried> {
    let workload = Arc::new(asked.workload);
    let of = |passes| {
        let wish = Wish {
            device: DeviceArg::Gpu(None),
            cpu: "",
            workload: &workload,
            threads: asked.threads,
            passes: &passes,
        };
        (by_trial::job(&wish), asked.device.clone())
    };
    let candidates: [(Job, Device); 2] = [without_matrix_units(), asked.passes.clone()].map(of);
    let budget = Budget {
        least: TRIAL,
        training_steps: 0,
    };
    trial::try_each(&OwnEngine, &candidates, budget)
}

/// Asks a child. Where that dies, or none can be started, matrix units are what failed.
fn another_process(wish: &Wish, device: &Device) -> Vec<Tried> {
    let request = Request::TryMatrixUnits(GateJob {
        workload: Workload::clone(wish.workload),
        weights: None,
        engine: OwnEngine::NAME.into(),
        device: device.clone(),
        threads: wish.threads,
        passes: Passes::All,
        last_batch: 0,
    });
    let failed = |what: String| vec![Tried::failed(1, what)];
    match child::ask(&request) {
        Ok(answer) => serde_json::from_slice(&answer.output).unwrap_or_else(|_| {
            let last = answer.errors.lines().last().unwrap_or("it said nothing");
            failed(format!("their trial ended with {}: {last}", answer.status))
        }),
        Err(error) => failed(format!("their trial cannot be started: {error}")),
    }
}

/// Whether matrix units are faster.
///
/// # Errors
/// Where they cannot be used, in words.
fn verdict(tried: &[Tried]) -> Result<bool, String> {
    let [plain, units] = tried else {
        let error = tried.iter().find_map(|one| one.error.clone());
        return Err(error.unwrap_or_else(|| "they were not tried".into()));
    };
    let (Some(plain_s), Some(units_s)) = (plain.step_s, units.step_s) else {
        let error = units.error.as_ref().or(plain.error.as_ref());
        return Err(error
            .cloned()
            .unwrap_or_else(|| "they were not timed".into()));
    };
    // A loss that is not finite is told as none.
    match (plain.loss, units.loss) {
        (None, None) => {}
        (Some(plain), Some(units))
            if (plain - units).abs() <= APART * plain.abs().max(units.abs()) => {}
        (plain, units) => {
            let of =
                |loss: Option<f64>| loss.map_or("no number".into(), |loss| format!("{loss:.4}"));
            return Err(format!(
                "behind one step the loss was {}, and {} without them",
                of(units),
                of(plain)
            ));
        }
    }
    Ok(units_s < plain_s)
}

fn chosen(tried: &[Tried], how: &str) -> Chosen {
    let (passes, why) = match verdict(tried) {
        Err(why) => (
            without_matrix_units(),
            format!("multiplies on {}, as {} failed: {why}", UNITS[0], UNITS[1]),
        ),
        Ok(are_faster) => {
            let passes = match are_faster {
                true => Passes::All,
                false => without_matrix_units(),
            };
            let times = tried.iter().zip(UNITS).map(|(one, units)| {
                let ms = 1e3 * one.step_s.unwrap_or(f64::NAN);
                format!("{units} {ms:.3} ms a step")
            });
            let times: Vec<String> = times.collect();
            let best = UNITS[usize::from(are_faster)];
            let why = format!(
                "multiplies on {best}, the faster {how}: {}",
                times.join(", ")
            );
            (passes, why)
        }
    };
    Chosen { passes, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(candidate: usize, step_s: f64, loss: Option<f64>) -> Tried {
        Tried {
            candidate,
            step_s: Some(step_s),
            loss,
            error: None,
        }
    }

    #[test]
    fn matrix_units_are_taken_where_they_train_alike_and_faster() {
        let plain = || tried(0, 3e-3, Some(2.0));
        for (units, takes, word) in [
            (
                tried(1, 1e-3, Some(2.01)),
                true,
                "matrix units, the faster by trial: fp32 units 3.000 ms a step, matrix units 1.000",
            ),
            (
                tried(1, 4e-3, Some(2.0)),
                false,
                "fp32 units, the faster by trial",
            ),
            (
                tried(1, 1e-3, Some(2.3)),
                false,
                "failed: behind one step the loss was 2.3000, and 2.0000 without",
            ),
            (
                tried(1, 1e-3, None),
                false,
                "the loss was no number, and 2.0000",
            ),
            (
                Tried::failed(1, "not ready after 30.0 s".into()),
                false,
                "failed: not ready after 30.0 s",
            ),
        ] {
            let Chosen { passes, why } = chosen(&[plain(), units], "by trial");
            assert_eq!(passes == Passes::All, takes, "{why}");
            assert!(why.contains(word), "{why}");
        }
    }

    #[test]
    fn a_driver_that_kills_the_trial_leaves_the_other_units() {
        let died = "their trial ended with signal: 11";
        let Chosen { passes, why } = chosen(&[Tried::failed(1, died.into())], "by trial");
        assert_eq!(passes, without_matrix_units());
        assert!(why.contains(died), "{why}");
    }
}
