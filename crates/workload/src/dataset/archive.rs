//! Takes the expected files out of a tar archive in gzip (POSIX.1-1988, `ustar`, which GNU's tar
//! agrees with in all that is read here), and nothing else: every other entry is passed over, no
//! name in it becomes a path, and no number in it asks for more than the official archive needs.

use std::io::{self, BufRead, Read};

use super::{ContentsError, OfficialFile, gzip::Gunzip};
use crate::contents_error::Wrong;

const BLOCK_BYTES: usize = 512;

/// What the folder, a description and the like may need in all.
const MOST_OTHER_BYTES: usize = 1 << 20;

/// Gives each of `files`, which the archive must hold in `folder`, to `take`, with its index in
/// `files`, in the order of the archive; `take` says where in the file something is wrong.
/// The error is about the archive itself.
pub(crate) fn read(
    gzip: impl BufRead,
    folder: &str,
    files: &[OfficialFile],
    mut take: impl FnMut(usize, &mut dyn Read) -> io::Result<Option<Wrong>>,
) -> Result<Vec<Option<ContentsError>>, ContentsError> {
    let mut tar = Tar {
        decoder: Gunzip::new(gzip),
        byte: 0,
    };
    let mut found: Vec<Option<Option<ContentsError>>> = files.iter().map(|_| None).collect();
    let mut other_bytes = 0;
    loop {
        let start = tar.byte;
        let block = tar.block()?;
        if block == [0; BLOCK_BYTES] {
            break;
        }
        let entry = Entry::parse(&block).map_err(|problem| wrong_at(start, problem))?;
        let name = entry.path.strip_prefix(folder.as_bytes());
        let name = name.and_then(|name| name.strip_prefix(b"/"));
        let expected = files
            .iter()
            .position(|file| Some(file.name.as_bytes()) == name);
        let Some(index) = expected else {
            let padded_bytes = entry.bytes.saturating_add(BLOCK_BYTES as u64);
            if padded_bytes > (MOST_OTHER_BYTES - other_bytes) as u64 {
                let problem = "the entries that are not samples are too large";
                return Err(wrong_at(start, problem));
            }
            other_bytes += padded_bytes as usize;
            tar.skip(entry.bytes as usize)?;
            continue;
        };
        let file = &files[index];
        let problem = if !entry.is_plain_file {
            format!("{} is not a plain file", file.name)
        } else if entry.bytes != file.bytes {
            let bytes = entry.bytes;
            format!("{} has {bytes} bytes, not {}", file.name, file.bytes)
        } else if found[index].is_some() {
            format!("{} stands here a second time", file.name)
        } else {
            String::new()
        };
        if !problem.is_empty() {
            return Err(wrong_at(start, problem));
        }
        let contents_start = tar.byte;
        let wrong = tar.give(entry.bytes, |contents| take(index, contents))?;
        found[index] = Some(wrong.map(|wrong| {
            let problem = format!("{}: {}", file.name, wrong.problem);
            wrong_at(contents_start + wrong.byte, problem)
        }));
    }
    if let Some(missing) = found.iter().position(Option::is_none) {
        let problem = format!("the archive ends without {folder}/{}", files[missing].name);
        return Err(wrong_at(tar.byte, problem));
    }
    tar.finish()?;
    Ok(found.into_iter().flatten().collect())
}

fn wrong_at(byte: usize, problem: impl Into<String>) -> ContentsError {
    let problem = problem.into();
    ContentsError::Decompressed { byte, problem }
}

/// The decompressed archive.
struct Tar<R> {
    decoder: Gunzip<R>,
    /// Where in it the next byte is.
    byte: usize,
}

impl<R: BufRead> Tar<R> {
    fn block(&mut self) -> Result<[u8; BLOCK_BYTES], ContentsError> {
        let mut block = [0; BLOCK_BYTES];
        let read = self.decoder.read_exact(&mut block);
        read.map_err(|error| self.decoder.error(&error))?;
        self.byte += BLOCK_BYTES;
        Ok(block)
    }

    /// Passes over so many bytes and what fills up their last block.
    fn skip(&mut self, bytes: usize) -> Result<(), ContentsError> {
        for _ in 0..bytes.div_ceil(BLOCK_BYTES) {
            self.block()?;
        }
        Ok(())
    }

    /// Gives the next bytes to `take`, which reads them all or finds that they end too early.
    fn give<T>(
        &mut self,
        bytes: u64,
        take: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<T, ContentsError> {
        let mut contents = (&mut self.decoder).take(bytes);
        let taken = take(&mut contents);
        let rest = io::copy(&mut contents, &mut io::sink());
        let taken = taken
            .and_then(|taken| rest.map(|_| taken))
            .map_err(|error| self.decoder.error(&error))?;
        self.byte += bytes as usize;
        let filling = bytes.next_multiple_of(BLOCK_BYTES as u64) - bytes;
        let filling = &mut [0; BLOCK_BYTES][..filling as usize];
        let read = self.decoder.read_exact(filling);
        read.map_err(|error| self.decoder.error(&error))?;
        self.byte += filling.len();
        Ok(taken)
    }

    /// Reads the zeros at the end: this also has the sum at the end of the gzip data checked.
    fn finish(&mut self) -> Result<(), ContentsError> {
        let mut rest = Vec::new();
        let read = (&mut self.decoder)
            .take(MOST_OTHER_BYTES as u64)
            .read_to_end(&mut rest);
        read.map_err(|error| self.decoder.error(&error))?;
        if rest.len() == MOST_OTHER_BYTES || rest.iter().any(|&byte| byte != 0) {
            let problem = "more follows the end of the archive";
            return Err(wrong_at(self.byte, problem));
        }
        Ok(())
    }
}

/// What is read of an entry's header.
struct Entry {
    path: Vec<u8>,
    bytes: u64,
    is_plain_file: bool,
}

impl Entry {
    fn parse(block: &[u8; BLOCK_BYTES]) -> Result<Self, &'static str> {
        const SUM: std::ops::Range<usize> = 148..156;
        // The sum is made with spaces in its own place.
        let bytes = block.iter().enumerate();
        let sum = bytes.map(|(i, &byte)| u64::from(if SUM.contains(&i) { b' ' } else { byte }));
        if octal(&block[SUM]) != Some(sum.sum()) {
            return Err("this is not the header of a tar entry");
        }
        let text = |field: &[u8]| -> Vec<u8> {
            let text = field.iter().copied();
            text.take_while(|&byte| byte != 0).collect()
        };
        let mut path = text(&block[..100]);
        // In POSIX's headers a long path begins in a field of its own. GNU's, which have other things
        // there, have a space in the place of the zero byte.
        let prefix = text(&block[345..500]);
        if &block[257..263] == b"ustar\0" && !prefix.is_empty() {
            path = [&prefix[..], &path].join(&b'/');
        }
        Ok(Self {
            path,
            bytes: octal(&block[124..136]).ok_or("this entry's size cannot be read")?,
            is_plain_file: matches!(block[156], 0 | b'0'),
        })
    }
}

/// An octal number between spaces and zero bytes.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests;
