//! `--init`: weights that training starts from.

use std::{ffi::OsString, path::Path, sync::Arc};

use laptime_engine::Engine;
use laptime_graph::{Mode, build, misfits};
use laptime_workload::{InitialWeights, Shown, Workload};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Lines of what does not fit that are shown at most: nobody reads more.
const MOST_LINES: usize = 40;

/// The workload with the weights of a file.
///
/// # Errors
/// Where the file cannot be read, or does not fit the network: with all that does not.
pub fn with_weights(workload: Workload, path: &Path) -> Result<Workload, Failure> {
    let weights =
        InitialWeights::read(path).map_err(|error| Failure::Usage(format!("--init {error}")))?;
    let mut lines = misfits(&build(&workload, Mode::Evaluation, 1), &weights);
    if !lines.is_empty() {
        let more = lines.len().saturating_sub(MOST_LINES);
        lines.truncate(MOST_LINES);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        return Err(Failure::Usage(format!(
            "--init {}: these weights do not fit the network {}:\n  {}\nIt takes the names and shapes \
             that `laptime run --initial FILE` writes",
            Shown(path),
            workload.name,
            lines.join("\n  "),
        )));
    }
    let mut workload = workload;
    // The record says what training started from, by the file's digest and not by its path.
    let digest = &weights.digest;
    let said = format!("initial_weights = \"{digest}\"");
    workload.overrides.push(said);
    workload.initial_weights = Some(Arc::new(weights));
    Ok(workload)
}

/// Refuses an engine that has initial weights of its own.
///
/// # Errors
/// Where it has, and `option` is about weights.
pub fn check_engine(option: &str, engine: &dyn Engine) -> Result<(), Failure> {
    if engine.follows_order() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{option}: {} draws its initial weights itself; leave {option} out, or name another engine",
        engine.name()
    )))
}

/// The file of a workload's initial weights, as another process is told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsFile {
    path: OsString,
    digest: String,
}

impl WeightsFile {
    /// That of a workload which has one.
    pub fn of(workload: &Workload) -> Option<Self> {
        let weights = workload.initial_weights.as_ref()?;
        Some(Self {
            path: weights.path.clone().into(),
            digest: weights.digest.clone(),
        })
    }

    /// Reads the file for a workload that was sent without it.
    ///
    /// # Errors
    /// Where it is not the same file any more.
    pub fn read_for(file: Option<&Self>, workload: &mut Workload) -> Result<(), Failure> {
        let Some(Self { path, digest }) = file else {
            return Ok(());
        };
        let path = Path::new(path);
        let weights = InitialWeights::read(path)
            .map_err(|error| Failure::Failed(format!("--init {error}")))?;
        if weights.digest != *digest {
            return Err(Failure::Failed(format!(
                "--init {}: this file has changed since the command began; run it again",
                Shown(path)
            )));
        }
        workload.initial_weights = Some(Arc::new(weights));
        Ok(())
    }
}
