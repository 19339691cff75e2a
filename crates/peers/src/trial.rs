//! Which of several ways to train is the fastest here? A framework's expert would try, and so does
//! this, once for a workload, device and version: what won is remembered, so that what the gate has
//! verified is what is timed.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    time::{Duration, Instant},
};

use laptime_engine::{Device, EngineError, Job, Progress, Session};
use laptime_graph::{Mode, build};
use laptime_workload::directories::cache_dir;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What compiling one variant may take before it is given up: a compiler that needs longer would
/// have to win that back.
pub(crate) const COMPILE: Duration = Duration::from_secs(150);
/// What is long enough to tell one variant from another.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);
/// How often each is looked at, to take the best.
const LOOKS: u32 = 3;
/// Steps that warm up caches and pools of threads.
const WARM_STEPS: usize = 3;

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// The name of the fastest.
    pub(crate) variant: String,
    /// What each took, for the record: `eager 231 ms, compiled 260 ms`.
    pub(crate) trial: String,
}

/// One variant's seconds a step, or why it has none.
pub(crate) type Outcome = (String, Result<f64, EngineError>);

impl Choice {
    /// The fastest of those that ran.
    ///
    /// # Errors
    /// Where none did: the first's.
    pub(crate) fn of(outcomes: Vec<Outcome>) -> Result<Self, EngineError> {
        let text = |(name, outcome): &Outcome| match outcome {
            Ok(step_s) => format!("{name} {:.4} ms", 1e3 * step_s),
            Err(error) => {
                let error = error.to_string();
                format!("{name}: {}", error.lines().next().unwrap_or_default())
            }
        };
        let trial = outcomes.iter().map(text).collect::<Vec<_>>().join("; ");
        let fastest = outcomes
            .iter()
            .filter_map(|(name, outcome)| Some((name, *outcome.as_ref().ok()?)))
            .min_by(|(_, one), (_, other)| one.total_cmp(other));
        match fastest {
            Some((name, _)) => Ok(Self {
                variant: name.clone(),
                trial,
            }),
            None => Err(outcomes
                .into_iter()
                .find_map(|(_, outcome)| outcome.err())
                .unwrap_or_else(|| {
                    EngineError::Failed("the adapter knows no way to train this".into())
                })),
        }
    }

    /// What an earlier trial found.
    pub(crate) fn remembered(key: &str) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path(key)?).ok()?).ok()
    }

    /// What cannot be kept is tried again next time, so errors are of no interest.
    pub(crate) fn remember(&self, key: &str) {
        let _ = path(key).map(|path| {
            let folder = path.parent()?;
            fs::create_dir_all(folder).ok()?;
            let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
            file.write_all(&serde_json::to_vec(self).ok()?).ok()?;
            file.persist(path).ok()
        });
    }
}

/// The seconds a step of a session that is ready.
pub(crate) fn step_s(session: &mut dyn Session, job: &Job) -> Result<f64, EngineError> {
    let batch_size = job.workload.batch_size;
    let samples = job.dataset.train.count() as u32;
    let mut train = |steps: usize| -> Result<Duration, EngineError> {
        let order: Vec<u32> = (0..samples).cycle().take(steps * batch_size).collect();
        let start = Instant::now();
        session.train(&order, &Progress::new())?;
        Ok(start.elapsed())
    };
    train(WARM_STEPS)?;
    let mut steps = WARM_STEPS;
    let mut elapsed = train(steps)?;
    while elapsed < LONG_ENOUGH / LOOKS {
        steps *= 4;
        elapsed = train(steps)?;
    }
    // Whatever else the machine does only makes a look longer.
    for _ in 1..LOOKS {
        elapsed = elapsed.min(train(steps)?);
    }
    Ok(elapsed.as_secs_f64() / steps as f64)
}

/// All that the fastest way may depend on.
pub(crate) fn key(adapter: &str, versions: &str, job: &Job, device: &Device) -> String {
    let workload = &job.workload;
    let program = build(workload, Mode::Training, workload.batch_size).digest();
    let (kind, name, threads) = (device.kind, &device.name, job.threads);
    let precision = workload.precision;
    let text =
        format!("{adapter}\n{versions}\n{program} {precision}\n{kind:?} {name}\n{threads} threads");
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn path(key: &str) -> Option<PathBuf> {
    let folder = cache_dir().ok()?.join("trials");
    Some(folder.join(key.to_owned() + ".json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_that_runs_is_taken_and_all_are_told_of() {
        let failed = || Err(EngineError::Failed("it broke\nand here is why".into()));
        let outcomes = vec![
            ("a".into(), Ok(0.002)),
            ("b".into(), failed()),
            ("c".into(), Ok(0.001)),
        ];
        let choice = Choice::of(outcomes).expect("two ran");
        assert_eq!(choice.variant, "c");
        assert_eq!(choice.trial, "a 2.0000 ms; b: it broke; c 1.0000 ms");
        let error = Choice::of(vec![("a".into(), failed())]).expect_err("none ran");
        assert!(error.to_string().starts_with("it broke"));
        assert!(Choice::of(vec![]).is_err());
    }
}
