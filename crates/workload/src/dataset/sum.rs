//! SHA-256 sums as text.

use std::{io, path::Path};

use sha2::{Digest, Sha256};

use crate::{hexadecimal, own_file};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The sum of a file of any size.
pub(crate) fn sha256_of_file(path: &Path) -> io::Result<String> {
    let mut sum = Sha256::new();
    io::copy(
        &mut own_file::open_to_read(path)?,
        &mut HashWriter(&mut sum),
    )?;
    Ok(hexadecimal(&sum.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
