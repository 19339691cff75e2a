//! Files that are read at any place, by several threads at once.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
};

use flate2::Crc;

use crate::threads::{run_of_each, side_by_side};

/// What is read at any place.
pub trait ReadAt: Sync {
    /// How many bytes it has.
    fn length(&self) -> io::Result<u64>;

    /// Reads what is at a place into the buffer; how many bytes. Only at the end there are none.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(unix)]
        return std::os::unix::fs::FileExt::read_at(self, buffer, offset);
        #[cfg(windows)]
        return std::os::windows::fs::FileExt::seek_read(self, buffer, offset);
    }
}

impl ReadAt for &[u8] {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).map_or(self.len(), |offset| offset.min(self.len()));
        (&self[from..]).read(buffer)
    }
}

/// Fills the buffer as far as there are bytes; how many.
fn fill_at(source: &dyn ReadAt, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The bytes at a place, as many as there are.
pub(crate) fn bytes_at(source: &dyn ReadAt, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    let filled = fill_at(source, &mut bytes, offset)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The bytes from a place on, one after the other, `left` of them at most.
pub(crate) struct Bytes<'a> {
    pub(crate) source: &'a dyn ReadAt,
    pub(crate) offset: u64,
    pub(crate) left: u64,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = self.source.read_at(&mut buffer[..most], self.offset)?;
        self.offset += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// So many bytes are read and then summed: they are in the cache by then.
const BLOCK_BYTES: usize = 1 << 18;

/// Fills the buffer as far as there are bytes, on all cores; how many, and their CRC-32.
pub(crate) fn fill_side_by_side(
    source: &dyn ReadAt,
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<(usize, Crc)> {
    let run = run_of_each(buffer.len(), BLOCK_BYTES);
    let runs = buffer.chunks_mut(run).enumerate().collect();
    let read = side_by_side(runs, |(index, run_bytes): (usize, &mut [u8])| {
        let mut crc = Crc::new();
        let mut filled = 0;
        for block in run_bytes.chunks_mut(BLOCK_BYTES) {
            let read = fill_at(source, block, offset + (index * run + filled) as u64)?;
            crc.update(&block[..read]);
            filled += read;
            if read < block.len() {
                break;
            }
        }
        io::Result::Ok((filled, crc))
    });
    let (mut filled, mut crc) = (0, Crc::new());
    for (index, read) in read.into_iter().enumerate() {
        // Behind the first byte that is not there nothing counts.
        if filled < index * run {
            break;
        }
        let (read, of_run) = read?;
        filled += read;
        crc.combine(&of_run);
    }
    Ok((filled, crc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_all_cores_are_one_after_the_other_and_so_is_their_sum() {
        let bytes: Vec<u8> = (0..5 * BLOCK_BYTES + 77)
            .map(|it| (it * 31 % 251) as u8)
            .collect();
        for (offset, count) in [(0, bytes.len()), (9, 3 * BLOCK_BYTES), (5, 40), (7, 0)] {
            let mut read = vec![0; count];
            let (filled, crc) = fill_side_by_side(&&bytes[..], &mut read, offset as u64).unwrap();
            let expected = &bytes[offset..][..count.min(bytes.len() - offset)];
            assert_eq!((filled, &read[..filled]), (expected.len(), expected));
            let mut sum = Crc::new();
            sum.update(expected);
            assert_eq!(crc.sum(), sum.sum());
        }
        // A file that is shorter than it was.
        let short = &bytes[..3 * BLOCK_BYTES + 5];
        let mut read = vec![0; bytes.len()];
        let (filled, _) = fill_side_by_side(&short, &mut read, 3).unwrap();
        assert_eq!(filled, short.len() - 3);
    }

    #[test]
    fn one_after_the_other_no_byte_is_read_beyond_the_last() {
        let bytes = Bytes {
            source: &&b"0123456789"[..],
            offset: 2,
            left: 4,
        };
        let read: Vec<u8> = Read::bytes(bytes).map(Result::unwrap).collect();
        assert_eq!(read, b"2345");
    }
}
