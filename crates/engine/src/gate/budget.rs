//! How much the gate asks of a model: fewer steps of a large one.
//!
//! Steps are counted out by what a step costs, never by the clock, so that the same model gets the same
//! word on a busy machine as on a quiet one. The clock has a say over a user's own model alone, whose
//! owner waits for it; what it cut short is not worth remembering.

use std::time::{Duration, Instant};

use laptime_graph::{Mode, OpId, Program, Simplification, build};
use laptime_workload::{BUILTINS, Overrides, Workload};

use super::{CHECKED_STEPS, LOGITS, STEPS, Verdict};
use crate::{EngineError, Job};

/// What the oracle's training of one of our models may cost, in floating-point operations: six steps of
/// ResNet50, so that the state before the sixth is checked too.
const OUR_FLOPS: u64 = 90_000_000_000;
/// The same of a user's own model: so little that the clock hardly ever has its say.
const USERS_FLOPS: u64 = OUR_FLOPS / 4;
/// What every value that lives across steps costs a step, in the same measure: it is copied, laid out
/// and compared several times.
const FLOPS_A_VALUE: u64 = 20;
/// What a user's own model may take; a step that has begun is finished.
const USERS_TIME: Duration = Duration::from_secs(10);
/// The oracle's share of it: the Schedule in f64 takes as long again, single steps somewhat longer.
const ORACLES_SHARE: u32 = 4;
/// What the gate may do.
pub(super) struct Budget {
    /// Steps that the oracle trains.
    pub(super) steps: usize,
    /// When a user has waited for long enough.
    end: Option<Instant>,
}

impl Budget {
    /// The budget for a model.
    ///
    /// # Errors
    /// Where the oracle would not fit into the memory that is free.
    pub(super) fn of(job: &Job) -> Result<Self, EngineError> {
        let workload = &job.workload;
        let program = build(workload, Mode::Training, workload.batch_size);
        let evaluation = build(workload, Mode::Evaluation, LOGITS);
        let is_built_in = is_built_in(workload);
        let steps = steps(&program, is_built_in);
        let needed = memory_bytes(&program, steps).max(memory_bytes(&evaluation, steps));
        if let Some(free) = free_memory_bytes().filter(|free| needed > *free) {
            let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
            return Err(EngineError::Unsupported(format!(
                "{} is too large to be verified here: with {} parameters in batches of {} the oracle \
                 needs {:.1} GiB of memory, and {:.1} are free; make the model or the batch smaller",
                workload.name,
                program.parameter_count(),
                workload.batch_size,
                gib(needed),
                gib(free),
            )));
        }
        Ok(Self {
            steps,
            end: (!is_built_in).then(|| Instant::now() + USERS_TIME),
        })
    }

    /// Whether a user should not wait for as long as this for the oracle's training.
    pub(super) fn is_over_for_oracle(&self, time: Duration) -> bool {
        self.end.is_some() && time > USERS_TIME / ORACLES_SHARE
    }

    /// Whether a user has waited for long enough.
    pub(super) fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() > end)
    }
}

/// Whether a verdict is over fewer steps than the model is worth, because time ran out: next time it
/// may be a better one.
pub fn is_cut_short(verdict: &Verdict, job: &Job) -> bool {
    let Verdict::Verified {
        steps: done,
        diverges_at: None,
        ..
    } = verdict
    else {
        return false;
    };
    let program = build(&job.workload, Mode::Training, job.workload.batch_size);
    *done < steps(&program, is_built_in(&job.workload))
}

/// The steps that a model is worth.
fn steps(program: &Program, is_built_in: bool) -> usize {
    let operations = 0..program.operations.len();
    let flops: u64 = operations
        .map(|number| program.flops(OpId(number), &Simplification::ALL))
        .sum();
    let values = program.persistent().map(|(_, tensor)| tensor.elements());
    let cost = flops + FLOPS_A_VALUE * values.sum::<usize>() as u64;
    let affordable = if is_built_in { OUR_FLOPS } else { USERS_FLOPS };
    (affordable / cost.max(1)).clamp(1, STEPS as u64) as usize
}

/// What the gate needs for a Program, beside the engine's own. At the most there are at once, in f64, the
/// states before the checked steps, the one that a step begins from, and those that two oracles and
/// the engine make of it.
fn memory_bytes(program: &Program, steps: usize) -> u64 {
    let kept = CHECKED_STEPS.iter().filter(|step| **step < steps).count();
    let tensors = program.tensors.iter().map(|tensor| {
        let copies = if tensor.role.is_persistent() {
            kept + 4
        } else {
            2
        };
        8 * (copies * tensor.elements()) as u64
    });
    tensors.sum()
}

/// The memory that programs can still get, where the system tells.
fn free_memory_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(1024 * kib)
    };
    Some(bytes("MemAvailable:")? + bytes("SwapFree:").unwrap_or(0))
}

/// Whether the model is one of ours, for which nobody has to wait twice.
fn is_built_in(workload: &Workload) -> bool {
    BUILTINS.iter().any(|builtin| {
        builtin.name == workload.name
            && builtin
                .spec()
                .resolve(&Overrides::default())
                .is_ok_and(|ours| ours.layers == workload.layers && ours.input == workload.input)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use laptime_workload::{Builtin, Precision, Spec, dataset::synthetic};

    use super::*;
    use crate::Passes;

    fn job(workload: Workload) -> Job {
        Job {
            dataset: Arc::new(synthetic(workload.dataset, 1, 1)),
            workload: Arc::new(workload),
            threads: 1,
            passes: Passes::All,
            profile: false,
        }
    }

    fn built_in(name: &str) -> Workload {
        let spec = Builtin::find(name).expect("built in").spec();
        spec.resolve(&Overrides::default()).expect("resolves")
    }

    /// A dense net with so many hidden units.
    fn dense(units: usize) -> Workload {
        let text = Builtin::find("fashion-mnist").expect("built in").text;
        let text = text.replace("units = 128", &format!("units = {units}"));
        let spec = Spec::parse(&text, "net.toml").expect("a spec");
        spec.resolve(&Overrides::default()).expect("resolves")
    }

    #[test]
    fn steps_are_counted_out_by_size() {
        let steps_of = |workload: &Workload| {
            steps(&build(workload, Mode::Training, 32), is_built_in(workload))
        };
        assert_eq!(steps_of(&built_in("fashion-mnist")), STEPS);
        let resnet50 = built_in("cifar10-resnet50");
        assert_eq!(steps_of(&resnet50), 6);
        let in_bf16 = Workload {
            precision: Precision::Bf16,
            ..resnet50
        };
        assert_eq!(steps_of(&in_bf16), 6);
        assert_eq!(steps_of(&dense(100)), STEPS);
        assert!(steps_of(&dense(20_000)) < STEPS);
    }

    #[test]
    fn the_clock_rules_over_users_models_alone() {
        let ours = Budget::of(&job(built_in("fashion-mnist"))).expect("it fits");
        assert!(!ours.is_over_for_oracle(Duration::from_secs(100)));
        let users = Budget::of(&job(dense(100))).expect("it fits");
        assert!(users.is_over_for_oracle(Duration::from_secs(100)));
        let full = Verdict::verified(STEPS);
        assert!(!is_cut_short(&full, &job(dense(100))));
        let short = Verdict::verified(STEPS - 1);
        assert!(is_cut_short(&short, &job(dense(100))));
    }

    #[test]
    fn what_does_not_fit_into_memory_is_refused() {
        if free_memory_bytes().is_none() {
            return;
        }
        let refused = Budget::of(&job(dense(1 << 22))).err();
        let what = refused.expect("half a terabyte is not free").to_string();
        assert!(what.contains("GiB"), "{what}");
    }
}
