//! What is wrong with a model, and what to do about it.

use std::fmt;

/// What is wrong with a node or a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub what: String,
    pub advice: String,
}

impl Problem {
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            advice: advice.into(),
        }
    }

    /// With the name of what it is about in front.
    pub fn of(self, subject: &str) -> Self {
        let what = format!("{subject}: {}", self.what);
        Self { what, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

/// Why a model cannot be imported: all that was found, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    problems: Vec<Problem>,
}

/// Nobody reads more.
const MOST: usize = 20;

impl ImportError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }
}

impl From<Problem> for ImportError {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let shown: Vec<String> = self
            .problems
            .iter()
            .take(MOST)
            .map(Problem::to_string)
            .collect();
        f.write_str(&shown.join("\n"))?;
        match self.problems.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ImportError {}
