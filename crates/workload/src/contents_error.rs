//! What is wrong inside a dataset's file.

use std::io::{self, ErrorKind, Read};

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

/// The first thing that is wrong with contents, and at which byte, wherever they come from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) byte: usize,
    pub(crate) problem: String,
}

impl Wrong {
    /// In the file itself.
    pub(crate) fn in_file(self) -> ContentsError {
        let Self { byte, problem } = self;
        ContentsError::File { byte, problem }
    }

    /// In what the file decompresses to.
    pub(crate) fn in_decompressed(self) -> ContentsError {
        let Self { byte, problem } = self;
        ContentsError::Decompressed { byte, problem }
    }
}

/// Fills the buffer as far as the contents go.
pub(crate) fn read_up_to(contents: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match contents.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
