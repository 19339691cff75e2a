//! Gzip files as `gzip -d` takes them: one member after another, then zeros that fill up a block. What
//! else follows is an error, where `gzip -d` warns.

use std::io::{self, BufRead, ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::ContentsError;

/// The decompressed contents of a gzip file.
pub(crate) struct Gunzip<R> {
    /// Of the member that is read; `None` never outlives a call.
    decoder: Option<GzDecoder<Counted<R>>>,
}

impl<R: BufRead> Gunzip<R> {
    pub(crate) fn new(gzip: R) -> Self {
        let counted = Counted { gzip, byte: 0 };
        Self {
            decoder: Some(GzDecoder::new(counted)),
        }
    }

    /// Where in the file the next byte is.
    fn byte(&self) -> usize {
        let decoder = self.decoder.as_ref();
        decoder.map_or(0, |decoder| decoder.get_ref().byte)
    }

    /// What it means that reading failed here.
    pub(crate) fn error(&self, error: &io::Error) -> ContentsError {
        ContentsError::File {
            byte: self.byte(),
            problem: match error.kind() {
                ErrorKind::UnexpectedEof => "the file ends too early".into(),
                _ => format!("this is not sound gzip data: {error}"),
            },
        }
    }

    /// Goes on to the next member behind the end of one, if there is one.
    fn next_member(&mut self) -> io::Result<bool> {
        let Some(decoder) = &mut self.decoder else {
            return Ok(false);
        };
        let file = decoder.get_mut();
        match file.fill_buf()?.first() {
            None => Ok(false),
            Some(&MAGIC) => {
                let file = self.decoder.take().map(GzDecoder::into_inner);
                self.decoder = file.map(GzDecoder::new);
                Ok(true)
            }
            Some(_) => file.skip_zeros().map(|()| false),
        }
    }
}

/// What every member begins with.
const MAGIC: u8 = 0x1f;

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else {
                return Ok(0);
            };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() || !self.next_member()? {
                return Ok(read);
            }
        }
    }
}

/// A reader that knows where in its file it is.
struct Counted<R> {
    gzip: R,
    byte: usize,
}

impl<R: BufRead> Counted<R> {
    /// Passes over the zeros up to the end of the file.
    fn skip_zeros(&mut self) -> io::Result<()> {
        loop {
            let rest = self.fill_buf()?;
            if rest.is_empty() {
                return Ok(());
            }
            let bytes = rest.len();
            let other = rest.iter().position(|&byte| byte != 0);
            self.consume(other.unwrap_or(bytes));
            if other.is_some() {
                let problem = "what follows its end is neither gzip data nor zeros";
                return Err(io::Error::new(ErrorKind::InvalidData, problem));
            }
        }
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.gzip.read(buffer)?;
        self.byte += read;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.gzip.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.gzip.consume(bytes);
        self.byte += bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gunzip(file: &[u8]) -> Result<Vec<u8>, String> {
        let mut gunzip = Gunzip::new(file);
        let mut contents = Vec::new();
        match gunzip.read_to_end(&mut contents) {
            Ok(_) => Ok(contents),
            Err(error) => Err(gunzip.error(&error).to_string()),
        }
    }

    #[test]
    fn members_are_read_one_after_another_and_zeros_at_the_end_passed_over() {
        let members = [gzip(b"one "), gzip(b""), gzip(b"two")];
        let mut file = members.concat();
        assert_eq!(gunzip(&file).unwrap(), b"one two");
        file.resize(file.len() + 100_000, 0);
        assert_eq!(gunzip(&file).unwrap(), b"one two");
    }

    #[test]
    fn what_else_follows_is_refused_with_its_place() {
        let sound = gzip(b"one");
        let end = sound.len();
        let table: [(&[u8], String); 4] = [
            (
                b"abc",
                format!("at byte {end}: this is not sound gzip data: what follows"),
            ),
            (b"\0\0\x1f\x8b", format!("at byte {}: ", end + 2)),
            (
                b"\x1f",
                format!("at byte {}: the file ends too early", end + 1),
            ),
            (
                b"\x1f\x8c and more",
                format!("at byte {}: this is not", end + 10),
            ),
        ];
        for (rest, expected) in table {
            let message = gunzip(&[&sound[..], rest].concat()).unwrap_err();
            assert!(
                message.starts_with(&expected),
                "{message}\nexpected: {expected}"
            );
        }
        let cut = [&sound[..], &sound[..end - 1]].concat();
        assert!(
            gunzip(&cut)
                .unwrap_err()
                .contains("the file ends too early")
        );
    }
    #[test]
    fn a_file_cut_or_changed_anywhere_is_refused() {
        let sound = gzip(b"some contents");
        for end in 0..sound.len() {
            let message = gunzip(&sound[..end]).unwrap_err();
            assert!(
                message.contains("the file ends too early"),
                "{end}: {message}"
            );
        }
        // Bytes 4 to 9 are the time, the compression level and the system: they change nothing.
        for byte in (0..4).chain(10..sound.len()) {
            let mut changed = sound.clone();
            changed[byte] ^= 0x55;
            assert!(gunzip(&changed).is_err(), "byte {byte}");
        }
    }
}
