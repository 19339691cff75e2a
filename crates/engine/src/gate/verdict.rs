//! The gate's word.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::STEPS;

/// What the gate found. Its text is the word that stands beside every time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// The same training.
    Verified {
        /// Over how many steps: [`STEPS`], or fewer where the model is too large for more.
        steps: usize,
    },
    /// Another training.
    Failed {
        /// What differs, and by how much.
        what: String,
    },
}

impl Verdict {
    /// Whether the engine may be believed.
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Verified { steps: STEPS.. } => f.write_str("verified"),
            Self::Verified { steps: 1 } => f.write_str("verified (1 step)"),
            Self::Verified { steps } => write!(f, "verified ({steps} steps)"),
            Self::Failed { what } => write!(f, "failed: {what}"),
        }
    }
}
