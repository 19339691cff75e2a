//! Why the program ends with something else than success, and with which code.

use std::{fmt, process::ExitCode};

use laptime_engine::EngineError;
use laptime_workload::{SpecError, UnknownName, dataset::DataError, directories::NoDirectory};

/// The one message that a failed invocation ends with.
#[derive(Debug)]
pub enum Failure {
    /// Bad usage or bad input, which the user can mend.
    Usage(String),
    /// What was asked for failed.
    Failed(String),
    /// The user, or the system, asked the program to stop, and it did.
    Interrupted(String),
}

/// What shells show for a program that an interrupt ended: 128 and the number of SIGINT. The same
/// for every signal that asks to stop, as the message says what happened.
pub const INTERRUPTED: u8 = 130;

impl Failure {
    /// A training whose loss is not finite, with what usually helps.
    pub fn diverged(what: &str) -> Self {
        Self::Failed(format!("{what}; a smaller learning rate usually helps"))
    }

    /// 1 the run failed, 2 bad usage or bad input, 130 interrupted.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Interrupted(_) => INTERRUPTED,
        })
    }
}

impl Failure {
    /// All that was found to be wrong, as one failure; bad input where any of it is.
    pub fn all(failures: Vec<Self>) -> Result<(), Self> {
        let texts: Vec<String> = failures.iter().map(Self::to_string).collect();
        let text = texts.join("\n");
        match failures.as_slice() {
            [] => Ok(()),
            all if all.iter().any(|one| matches!(one, Self::Usage(_))) => Err(Self::Usage(text)),
            _ => Err(Self::Failed(text)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Failed(message) | Self::Interrupted(message) => {
                f.write_str(message)
            }
        }
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<UnknownName> for Failure {
    fn from(error: UnknownName) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<NoDirectory> for Failure {
    fn from(error: NoDirectory) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Download { .. } => Self::Failed(error.to_string()),
            _ => Self::Usage(error.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Unsupported(message) => Self::Usage(message),
            EngineError::Failed(message) => Self::Failed(message),
        }
    }
}
