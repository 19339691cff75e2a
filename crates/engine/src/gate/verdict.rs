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
        /// Over how many steps: [`STEPS`], or fewer where the model is too large for more, or where the
        /// training diverges.
        steps: usize,
        /// The step, counted from 1, whose results single precision cannot hold: the oracle's training
        /// diverges there, and so does the engine's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diverges_at: Option<usize>,
        /// Whether the steps were compared with the Program's dropout masks given to the engine, while
        /// what is timed draws masks of its own, of which only rate and scale were checked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        own_dropout: bool,
    },
    /// Another training.
    Failed {
        /// What differs, and by how much.
        what: String,
    },
}

impl Verdict {
    /// The same training over so many steps.
    pub const fn verified(steps: usize) -> Self {
        Self::Verified {
            steps,
            diverges_at: None,
            own_dropout: false,
        }
    }

    /// Whether the engine may be believed.
    pub fn is_verified(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (steps, diverges_at, own_dropout) = match self {
            Self::Failed { what } => return write!(f, "failed: {what}"),
            Self::Verified {
                steps,
                diverges_at,
                own_dropout,
            } => (*steps, diverges_at, *own_dropout),
        };
        let counted = match steps {
            1 => "1 step".to_owned(),
            _ => format!("{steps} steps"),
        };
        let over = match (steps, diverges_at) {
            (_, Some(1)) => Some("diverges in the first step".to_owned()),
            (_, Some(_)) => Some(format!("{counted}, then it diverges")),
            (STEPS.., None) => None,
            (_, None) => Some(counted),
        };
        let dropout = own_dropout.then(|| "dropout by its own masks".to_owned());
        let notes: Vec<String> = [over, dropout].into_iter().flatten().collect();
        match notes.as_slice() {
            [] => f.write_str("verified"),
            notes => write!(f, "verified ({})", notes.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_says_what_was_compared() {
        let word = |steps, diverges_at, own_dropout| {
            let verdict = Verdict::Verified {
                steps,
                diverges_at,
                own_dropout,
            };
            verdict.to_string()
        };
        assert_eq!(word(STEPS, None, false), "verified");
        assert_eq!(word(6, None, false), "verified (6 steps)");
        assert_eq!(word(1, None, false), "verified (1 step)");
        assert_eq!(
            word(7, Some(8), false),
            "verified (7 steps, then it diverges)"
        );
        assert_eq!(
            word(0, Some(1), false),
            "verified (diverges in the first step)"
        );
        assert_eq!(
            word(STEPS, None, true),
            "verified (dropout by its own masks)"
        );
        assert_eq!(
            word(6, None, true),
            "verified (6 steps; dropout by its own masks)"
        );
    }

    #[test]
    fn a_verdict_without_the_newer_fields_is_still_read() {
        let text = r#"{"verdict":"verified","steps":20}"#;
        let verdict: Verdict = serde_json::from_str(text).expect("it reads");
        assert_eq!(verdict, Verdict::verified(20));
        assert_eq!(serde_json::to_string(&verdict).expect("plain data"), text);
    }
}
