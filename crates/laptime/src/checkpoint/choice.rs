//! What the command line says of checkpoints.

use std::num::NonZeroU64;

use super::folder::Folder;
use crate::{args::CheckpointArgs, failure::Failure};

/// Where a training is kept while it goes on, and when.
pub struct CheckpointChoice {
    /// The folder.
    pub folder: Folder,
    /// Behind every so many steps, beside every epoch.
    pub every_steps: Option<u64>,
    /// Whether to go on from what it has.
    pub resume: bool,
}

impl CheckpointChoice {
    /// Makes sense of the arguments of a training of so many runs.
    pub fn resolve(
        args: CheckpointArgs,
        runs: Option<NonZeroU64>,
    ) -> Result<Option<Self>, Failure> {
        let Some(folder) = args.checkpoint else {
            let alone = match (args.resume, args.checkpoint_every) {
                (true, _) => "--resume continues from a checkpoint",
                (false, Some(_)) => "--checkpoint-every says how often a checkpoint is saved",
                (false, None) => return Ok(None),
            };
            return Err(Failure::Usage(format!(
                "{alone}, but no folder is given; add --checkpoint DIR"
            )));
        };
        if let Some(runs @ 2..) = runs.map(NonZeroU64::get) {
            return Err(Failure::Usage(format!(
                "--checkpoint keeps one training, and --runs {runs} does several; leave one of \
                 them out"
            )));
        }
        Ok(Some(Self {
            folder: Folder::open(folder, args.resume)?,
            every_steps: args.checkpoint_every.map(Into::into),
            resume: args.resume,
        }))
    }
}
