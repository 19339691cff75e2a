//! What is wrong inside a dataset's file.

use thiserror::Error;

/// What is wrong with the contents of a file, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ContentsError {
    /// In the file itself.
    #[error("at byte {byte}: {problem}")]
    File {
        /// Where in the file.
        byte: usize,
        /// What is wrong there.
        problem: String,
    },
    /// In what it decompresses to.
    #[error("at byte {byte} of its decompressed contents: {problem}")]
    Decompressed {
        /// Where in the decompressed contents.
        byte: usize,
        /// What is wrong there.
        problem: String,
    },
}
