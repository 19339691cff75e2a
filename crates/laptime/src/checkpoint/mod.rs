//! `--checkpoint` and `--resume`: a training that ends in one process and goes on in another.

mod choice;
mod file;
#[cfg(test)]
mod file_tests;
mod fit;
pub mod folder;

use std::{
    io,
    path::{Path, PathBuf},
};

use laptime_engine::{EngineError, Job, Session};
use laptime_graph::{Mode, build};
use laptime_measure::{Checkpoints, Resumption, SoFar};
use laptime_workload::{Shown, Workload};

use crate::{
    engine_choice::EngineChoice,
    failure::Failure,
    output::{self, say, stderr_is_terminal},
    passes::shown,
    recording::digest,
};
pub use choice::CheckpointChoice;
use file::{Checkpoint, Identity};
use fit::{differs, misfits};

/// Keeps a training in a folder.
pub struct Keeper {
    path: PathBuf,
    every_steps: Option<u64>,
    identity: Identity,
    /// What loading the samples took this time.
    load_s: f64,
    /// Where to go on from.
    start: Option<Checkpoint>,
    kept_step: Option<u64>,
    /// Why the last checkpoint is not in the folder, if it is not.
    failure: Option<String>,
    /// All that could not be written.
    failed: Option<Failed>,
    warnings: Vec<String>,
}

/// Checkpoints that could not be written.
struct Failed {
    count: u64,
    first_step: u64,
    last_step: u64,
    /// Of the first.
    error: io::Error,
}

impl Keeper {
    /// Reads the checkpoint to go on from, if there is to be one.
    ///
    /// # Errors
    /// Where a training cannot continue from it.
    pub fn open(
        choice: &CheckpointChoice,
        job: &Job,
        engine: &EngineChoice,
        max_steps: Option<u64>,
        load_s: f64,
    ) -> Result<Self, Failure> {
        let mut keeper = Self {
            every_steps: choice.every_steps,
            identity: identity(job, engine),
            load_s,
            start: None,
            kept_step: None,
            failure: None,
            failed: None,
            warnings: Vec::new(),
            path: choice.folder.file(),
        };
        if choice.resume {
            keeper.start = keeper.read(job, max_steps)?;
        }
        if let Some(start) = &mut keeper.start {
            keeper.kept_step = Some(start.state.steps);
            let before = &start.identity.trained_by;
            let resumption = Resumption {
                step: start.state.steps,
                before: (*before != keeper.identity.trained_by).then(|| before.clone()),
            };
            if let Some(before) = &resumption.before {
                keeper.warnings.push(format!(
                    "until step {} this was trained by {before}, from there on by {}: the bits \
                     may not be those of a run in one go",
                    resumption.step, keeper.identity.trained_by
                ));
            } else if !engine.engine.repeats_exactly() {
                keeper.warnings.push(format!(
                    "{} does not promise the same bits again, so a resumed run may not have \
                     those of a run in one go",
                    engine.engine.name()
                ));
            }
            start.so_far.resumed.push(resumption);
            for text in &keeper.warnings {
                output::warning(text);
            }
        }
        Ok(keeper)
    }

    /// Where the training goes on, if it does: in steps.
    pub fn start_step(&self) -> Option<u64> {
        self.start.as_ref().map(|start| start.state.steps)
    }

    /// The file, and the step of what it has now.
    pub fn kept(&self) -> (&Path, Option<u64>) {
        (&self.path, self.kept_step)
    }

    /// What the user was warned of.
    pub fn warnings(&self) -> Vec<String> {
        // Records name no path.
        let failed = self.failed.as_ref().map(|failed| {
            let Failed {
                count,
                first_step,
                last_step,
                error,
            } = failed;
            match count {
                1 => format!("the checkpoint of step {first_step} could not be written: {error}"),
                _ => format!(
                    "{count} checkpoints, of steps {first_step} to {last_step}, could not be \
                     written; of the first: {error}"
                ),
            }
        });
        self.warnings.iter().cloned().chain(failed).collect()
    }

    /// Why the last checkpoint is not in the folder, if it is not.
    pub fn outcome(&self) -> Result<(), Failure> {
        match &self.failure {
            None => Ok(()),
            Some(failure) => Err(Failure::Failed(failure.clone())),
        }
    }

    fn read(&self, job: &Job, max_steps: Option<u64>) -> Result<Option<Checkpoint>, Failure> {
        let program = build(&job.workload, Mode::Training, job.workload.batch_size);
        let values = program.persistent().map(|(_, tensor)| tensor.elements());
        let read = file::read(&self.path, values.sum());
        let Some(found) = read.map_err(|what| self.useless(&what))? else {
            return Ok(None);
        };
        if let Some(what) = differs(&found.identity, &self.identity) {
            return Err(self.useless(&format!("it is of another training: {what}")));
        }
        if let Some(what) = misfits(&found, &program, job) {
            return Err(self.useless(&what));
        }
        let steps = found.state.steps;
        match max_steps {
            Some(max_steps) if max_steps < steps => Err(Failure::Usage(format!(
                "--max-steps {max_steps}: the checkpoint {} is at step {steps} already; \
                 --max-steps counts from the beginning of the training",
                Shown(&self.path)
            ))),
            _ => Ok(Some(found)),
        }
    }

    fn useless(&self, what: &str) -> Failure {
        Failure::Usage(format!(
            "--resume: cannot continue from {}: {what}; give another folder, or remove the file to \
             start again",
            Shown(&self.path)
        ))
    }
}

/// A failure in the middle of a training, with how to go on from what was kept. A GPU is lost for many reasons that have
/// nothing to do with the training (its driver is updated, another program hangs it), so there it is also said what
/// would have kept it.
pub fn with_way_on(failure: Failure, keeper: Option<&Keeper>, is_gpu: bool) -> Failure {
    match failure {
        Failure::Failed(what) => Failure::Failed(what + &way_on(keeper.map(Keeper::kept), is_gpu)),
        other => other,
    }
}

fn way_on(kept: Option<(&Path, Option<u64>)>, is_gpu: bool) -> String {
    match kept {
        Some((path, Some(step))) => format!(
            "; the checkpoint of step {step} is in {}: the same command with --resume goes on from there",
            Shown(path)
        ),
        Some((_, None)) => "; there was no checkpoint yet".into(),
        None if is_gpu => {
            "; with --checkpoint DIR a training can be resumed after such a failure".into()
        }
        None => String::new(),
    }
}

impl Checkpoints for Keeper {
    fn every_steps(&self) -> Option<u64> {
        self.every_steps
    }

    fn resume(&mut self, session: &mut dyn Session) -> Result<SoFar, EngineError> {
        let Some(start) = self.start.take() else {
            return Ok(SoFar::nothing());
        };
        session.set_state(&start.state)?;
        Ok(start.so_far)
    }

    fn keep(&mut self, session: &mut dyn Session, so_far: &SoFar) -> Result<(), EngineError> {
        let state = session.state()?;
        let step = state.steps;
        let mut so_far = so_far.clone();
        so_far.phases.load_s += self.load_s;
        let checkpoint = Checkpoint {
            identity: self.identity.clone(),
            state,
            so_far,
        };
        match file::write(&self.path, checkpoint) {
            Ok(()) => {
                self.kept_step = Some(step);
                self.failure = None;
            }
            Err(error) => self.fail(step, error),
        }
        Ok(())
    }
}

impl Keeper {
    /// The training is worth more than a checkpoint of it, so it goes on; the next may succeed.
    fn fail(&mut self, step: u64, error: io::Error) {
        let last = self.kept_step.map_or("there is none".into(), |step| {
            format!("the last one is of step {step}")
        });
        let text = format!(
            "--checkpoint {}: the checkpoint of step {step} cannot be written: {error}; {last}",
            Shown(&self.path)
        );
        match &mut self.failed {
            // Told once, and counted.
            Some(failed) => {
                failed.count += 1;
                failed.last_step = step;
            }
            None => {
                // Behind what the terminal shows of progress.
                if stderr_is_terminal() {
                    say("");
                }
                output::warning(&text);
                self.failed = Some(Failed {
                    count: 1,
                    first_step: step,
                    last_step: step,
                    error,
                });
            }
        }
        self.failure = Some(text);
    }
}

fn identity(job: &Job, engine: &EngineChoice) -> Identity {
    let workload = &job.workload;
    // With more epochs than were first asked for, a training goes on; it is the same until then.
    let whole = Workload {
        epochs: 0,
        ..(**workload).clone()
    };
    let device = &engine.device;
    let commit = option_env!("LAPTIME_COMMIT").unwrap_or("no commit");
    let passes = shown(&engine.passes);
    Identity {
        workload: workload.name.clone(),
        training: digest(&whole),
        seed: workload.seed,
        dataset: job.dataset.sha256.clone(),
        trained_by: format!(
            "{} {} ({commit}) on {} {} with passes {passes}",
            engine.engine.name(),
            engine.engine.version(),
            device.name,
            device.isa.as_deref().unwrap_or_default(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_that_fails_says_how_it_can_go_on() {
        let path = Path::new("kept/training.checkpoint");
        let kept = way_on(Some((path, Some(1200))), true);
        for words in ["step 1200", "kept/training.checkpoint", "--resume"] {
            assert!(kept.contains(words), "{kept}");
        }
        assert!(way_on(Some((path, None)), true).contains("no checkpoint yet"));
        assert!(way_on(None, true).contains("--checkpoint DIR"));
        assert_eq!(way_on(None, false), "");
    }

    /// What the user must mend is not mended by going on.
    #[test]
    fn a_command_that_makes_no_sense_is_left_as_it_is() {
        let usage = || Failure::Usage("--device gpu".into());
        let told = with_way_on(usage(), None, true).to_string();
        assert_eq!(told, usage().to_string());
        let failed = with_way_on(Failure::Failed("lost".into()), None, true);
        assert!(failed.to_string().starts_with("lost; with --checkpoint"));
    }
}
