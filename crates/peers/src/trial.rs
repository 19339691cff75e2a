//! Which of several ways to train is the fastest here? A framework's expert would try, and so does
//! this, once for a workload, device and version: what won is remembered, so that what the gate has
//! verified is what is timed.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use laptime_engine::{Device, EngineError, Job, Progress, Session};
use laptime_graph::TrainingStep;
use laptime_workload::{
    directories::{cache_dir, keep},
    hexadecimal, own_file,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::variables::PASSED;

/// What compiling one variant may take before it is given up: a compiler that needs longer would
/// have to win that back.
pub(crate) const COMPILE: Duration = Duration::from_secs(150);
/// What is long enough to tell one variant from another.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);
/// How often each is looked at, to take the best.
const LOOKS: u32 = 3;
/// Steps that warm up caches and pools of threads.
const WARM_STEPS: usize = 3;

/// How long what an incomplete trial found is good for: a whole race, of which the gate has asked for
/// it. After that, a variant that failed gets another chance.
const INCOMPLETE: Duration = Duration::from_secs(3600);

/// What a trial found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Choice {
    /// The name of the fastest.
    pub(crate) variant: String,
    /// What each took, for the record: `eager 231 ms, compiled 260 ms`.
    pub(crate) trial: String,
    /// Whether every variant ran.
    is_complete: bool,
}

/// One variant's seconds a step, or why it has none.
pub(crate) type Outcome = (String, Result<f64, EngineError>);
/// One variant that is ready to train so many steps, and tells what they took.
pub(crate) type Way = Box<dyn FnMut(usize) -> Result<Duration, EngineError>>;

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
                let why = error.split([';', '\n']).next().unwrap_or_default();
                format!("{name}: {why}")
            }
        };
        let trial = outcomes.iter().map(text).collect::<Vec<_>>().join("; ");
        let is_complete = outcomes.iter().all(|(_, outcome)| outcome.is_ok());
        let fastest = outcomes
            .iter()
            .filter_map(|(name, outcome)| Some((name, *outcome.as_ref().ok()?)))
            .min_by(|(_, one), (_, other)| one.total_cmp(other));
        match fastest {
            Some((name, _)) => Ok(Self {
                variant: name.clone(),
                trial,
                is_complete,
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
        let path = path(key)?;
        let choice: Self = serde_json::from_slice(&own_file::read(&path).ok()?).ok()?;
        let age = || fs::metadata(&path).ok()?.modified().ok()?.elapsed().ok();
        (choice.is_complete || age()? < INCOMPLETE).then_some(choice)
    }

    /// What cannot be kept is tried again next time, so errors are of no interest.
    pub(crate) fn remember(&self, key: &str) {
        if let (Some(path), Ok(text)) = (path(key), serde_json::to_vec(self)) {
            let _ = keep(&path, &text);
        }
    }
}

/// A session as a way that can be looked at.
pub(crate) fn way(mut session: impl Session + 'static, job: &Job) -> Way {
    let batch_size = job.workload.batch_size;
    let samples = job.dataset.train.count() as u32;
    Box::new(move |steps| {
        let order: Vec<u32> = (0..samples).cycle().take(steps * batch_size).collect();
        let start = Instant::now();
        session.train(&order, &Progress::new())?;
        Ok(start.elapsed())
    })
}

/// The seconds a step of every way. Looks at them in turn, so that whatever else the machine does falls
/// on all of them alike, and takes the best look at each: the rest only makes one longer.
pub(crate) fn compare(ways: Vec<(String, Result<Way, EngineError>)>) -> Vec<Outcome> {
    struct Looks {
        way: Way,
        steps: usize,
        best: Duration,
    }
    let first_look = |mut way: Way| {
        way(WARM_STEPS)?;
        let mut steps = WARM_STEPS;
        let mut best = way(steps)?;
        while best < LONG_ENOUGH / LOOKS {
            steps *= 4;
            best = way(steps)?;
        }
        Ok(Looks { way, steps, best })
    };
    let look_again = |mut looks: Looks| {
        (looks.way)(WARM_STEPS)?;
        looks.best = looks.best.min((looks.way)(looks.steps)?);
        Ok(looks)
    };
    let mut all: Vec<(String, Result<Looks, EngineError>)> = ways
        .into_iter()
        .map(|(name, way)| (name, way.and_then(first_look)))
        .collect();
    for _ in 1..LOOKS {
        let again = all.into_iter();
        all = again
            .map(|(name, looks)| (name, looks.and_then(look_again)))
            .collect();
    }
    let step_s = |looks: Looks| looks.best.as_secs_f64() / looks.steps as f64;
    all.into_iter()
        .map(|(name, looks)| (name, looks.map(step_s)))
        .collect()
}

/// All that the fastest way may depend on.
pub(crate) fn key(adapter: &str, versions: &str, job: &Job, device: &Device) -> String {
    let workload = &job.workload;
    let step = TrainingStep::of(workload, workload.batch_size);
    let program = step.last.digest();
    let (kind, name, threads) = (device.kind, &device.name, job.threads);
    let precision = workload.precision;
    // Trials of earlier builds ran with other variables, some of which switch compilers off.
    let text = format!(
        "{adapter}\n{versions}\n{program} {precision}\n{kind:?} {name}\n{threads} threads\n{PASSED:?}"
    );
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

fn path(key: &str) -> Option<PathBuf> {
    let folder = cache_dir().ok()?.join("trials");
    Some(folder.join(key.to_owned() + ".json"))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use super::*;

    #[test]
    fn the_fastest_that_runs_is_taken_and_all_are_told_of() {
        let failed = || {
            Err(EngineError::Failed(
                "it broke; the end of its log:\nno more".into(),
            ))
        };
        let outcomes = vec![
            ("a".into(), Ok(0.002)),
            ("b".into(), failed()),
            ("c".into(), Ok(0.001)),
        ];
        let choice = Choice::of(outcomes).expect("two ran");
        assert_eq!(choice.variant, "c");
        assert_eq!(choice.trial, "a 2.0000 ms; b: it broke; c 1.0000 ms");
        assert!(!choice.is_complete, "b may run another time");
        let all = vec![("a".into(), Ok(0.002))];
        assert!(Choice::of(all).expect("it ran").is_complete);
        let error = Choice::of(vec![("a".into(), failed())]).expect_err("none ran");
        assert!(error.to_string().starts_with("it broke"));
        assert!(Choice::of(vec![]).is_err());
    }

    #[test]
    fn ways_are_looked_at_in_turn_and_the_best_look_counts() {
        let log = Rc::new(RefCell::new(Vec::new()));
        let way = |name: &'static str, mut looks: Vec<u64>| -> Way {
            let log = Rc::clone(&log);
            Box::new(move |steps| {
                if steps == WARM_STEPS {
                    return Ok(Duration::from_millis(1));
                }
                log.borrow_mut().push(name);
                match looks.remove(0) {
                    0 => Err(EngineError::Failed("it broke".into())),
                    ms => Ok(Duration::from_millis(ms)),
                }
            })
        };
        let outcomes = compare(vec![
            ("a".into(), Ok(way("a", vec![1200, 600, 900]))),
            ("b".into(), Ok(way("b", vec![600, 0]))),
            ("c".into(), Err(EngineError::Failed("no compiler".into()))),
        ]);
        assert_eq!(*log.borrow(), ["a", "b", "a", "b", "a"]);
        let step_s = outcomes[0].1.as_ref().expect("it ran");
        let steps = (4 * WARM_STEPS) as f64;
        assert!((step_s - 0.6 / steps).abs() < 1e-12, "{step_s}");
        assert!(outcomes[1].1.is_err() && outcomes[2].1.is_err());
    }
}
