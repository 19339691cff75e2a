//! Checkpoints, as the command line states them.

use std::{num::NonZeroU64, path::PathBuf};

use clap::Args as ClapArgs;

use super::whole;

#[derive(Debug, Default, ClapArgs)]
#[command(next_help_heading = "Checkpoints")]
pub struct CheckpointArgs {
    /// Save a checkpoint in this folder after each epoch, and when the training is interrupted
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// Also save a checkpoint every N steps
    #[arg(long, value_name = "N", allow_negative_numbers = true,
          value_parser = whole::positive::<NonZeroU64>)]
    pub checkpoint_every: Option<NonZeroU64>,
    /// Resume from the checkpoint in --checkpoint DIR, with bit-identical results; start from the beginning if
    /// there is none
    #[arg(long)]
    pub resume: bool,
}
