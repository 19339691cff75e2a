//! The directory of a zip archive: NumPy's `.npz` and Keras's `.keras` are such.
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>)
//!
//! It stands at the archive's end. Sizes that it states are compared with the file's own before anything is read by
//! them. What is in a member is left to who wants it.

use std::io;

use crate::{
    contents_error::{ContentsError, Wrong},
    read_at::bytes_at,
};

pub use crate::read_at::ReadAt;

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its name, with its folders.
    pub name: Vec<u8>,
    /// How it is stored.
    pub method: Method,
    /// CRC-32 of its contents.
    pub crc: u32,
    /// As they are stored.
    pub compressed: u64,
    /// Of its contents.
    pub length: u64,
    /// Of its local header.
    offset: u64,
    /// Where in the file its entry of the directory is.
    pub entry: usize,
}

/// How a member is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Compressed by deflate.
    Deflated,
    /// By this other method.
    Other(u16),
    /// Encrypted.
    Encrypted,
}

/// No archive that is read here has more.
const MOST_DIRECTORY_BYTES: u64 = 1 << 24;
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const END_64_BYTES: usize = 56;
const ENTRY_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    u16_at(bytes, at) | u16_at(bytes, at + 2) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u32_at(bytes, at) | u32_at(bytes, at + 4) << 32
}

fn wrong<T>(byte: impl TryInto<usize>, problem: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong {
        byte: byte.try_into().unwrap_or(usize::MAX),
        problem: problem.into(),
    })
}

/// The members of an archive, in the order of its directory.
///
/// # Errors
/// Where the file cannot be read, and, inside, where it is no archive.
pub fn members(file: &dyn ReadAt) -> io::Result<Result<Vec<Member>, ContentsError>> {
    Ok(members_of(file)?.map_err(Wrong::in_file))
}

pub(crate) fn members_of(file: &dyn ReadAt) -> io::Result<Result<Vec<Member>, Wrong>> {
    let length = file.length()?;
    let (offset, bytes) = match directory_place(file, length)? {
        Ok(place) => place,
        Err(wrong) => return Ok(Err(wrong)),
    };
    if bytes > MOST_DIRECTORY_BYTES || offset.checked_add(bytes).is_none_or(|end| end > length) {
        let problem = format!("the archive's directory of {bytes} bytes is not in the file");
        return Ok(wrong(offset, problem));
    }
    let directory = bytes_at(file, offset, bytes as usize)?;
    Ok(entries(&directory, offset as usize))
}

/// Where the directory is, and how many bytes it has.
fn directory_place(file: &dyn ReadAt, length: u64) -> io::Result<Result<(u64, u64), Wrong>> {
    // Behind the end stands a comment of 65,535 bytes at most.
    let tail_bytes = length.min(65_535 + (END_BYTES + LOCATOR_BYTES) as u64);
    let tail_start = length - tail_bytes;
    let tail = bytes_at(file, tail_start, tail_bytes as usize)?;
    let is_end = |at: &usize| {
        tail[*at..].starts_with(b"PK\x05\x06")
            && u16_at(&tail, at + 20) as usize == tail.len() - at - END_BYTES
    };
    let last = tail.len().checked_sub(END_BYTES);
    let Some(end) = last.and_then(|last| (0..=last).rev().find(is_end)) else {
        return Ok(wrong(
            length,
            "no zip archive ends here; the file is none, or is cut off",
        ));
    };
    let (bytes, offset) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16));
    if u64::from(u32::MAX) != offset && u64::from(u32::MAX) != bytes {
        return Ok(Ok((offset, bytes)));
    }
    // Its sizes have 64 bits: a locator stands before the end, and says where they are.
    let locator = end.checked_sub(LOCATOR_BYTES);
    let Some(locator) = locator.filter(|at| tail[*at..].starts_with(b"PK\x06\x07")) else {
        return Ok(wrong(
            tail_start + end as u64,
            "the archive's end lacks its sizes of 64 bits",
        ));
    };
    let at = u64_at(&tail, locator + 8).min(length);
    let end = bytes_at(file, at, END_64_BYTES)?;
    if end.len() < END_64_BYTES || !end.starts_with(b"PK\x06\x06") {
        return Ok(wrong(at, "the archive's end of 64 bits is not here"));
    }
    Ok(Ok((u64_at(&end, 48), u64_at(&end, 40))))
}

fn entries(directory: &[u8], first_byte: usize) -> Result<Vec<Member>, Wrong> {
    let mut members = Vec::new();
    let mut at = 0;
    while at < directory.len() {
        let entry = &directory[at..];
        if entry.len() < ENTRY_BYTES || !entry.starts_with(b"PK\x01\x02") {
            return wrong(
                first_byte + at,
                "an entry of the archive's directory should begin here",
            );
        }
        let [name, extra, comment] = [28, 30, 32].map(|place| u16_at(entry, place) as usize);
        let bytes = ENTRY_BYTES + name + extra + comment;
        if entry.len() < bytes {
            return wrong(
                first_byte + at,
                "an entry of the archive's directory ends too early",
            );
        }
        let extra = &entry[ENTRY_BYTES + name..][..extra];
        let name = &entry[ENTRY_BYTES..][..name];
        members.push(member(entry, extra, name, first_byte + at)?);
        at += bytes;
    }
    Ok(members)
}

fn member(entry: &[u8], extra: &[u8], name: &[u8], byte: usize) -> Result<Member, Wrong> {
    let method = match (u16_at(entry, 8) & 1, u16_at(entry, 10)) {
        (1, _) => Method::Encrypted,
        (_, 0) => Method::Stored,
        (_, 8) => Method::Deflated,
        (_, other) => Method::Other(other as u16),
    };
    let shown = || String::from_utf8_lossy(name);
    let mut sizes = [u32_at(entry, 24), u32_at(entry, 20), u32_at(entry, 42)];
    let mut wide = wide_sizes(extra);
    for size in &mut sizes {
        if *size == u64::from(u32::MAX) {
            let Some(found) = wide.split_first_chunk() else {
                let problem = format!("{:?} lacks its sizes of 64 bits", shown());
                return wrong(byte, problem);
            };
            *size = u64::from_le_bytes(*found.0);
            wide = found.1;
        }
    }
    let [length, compressed, offset] = sizes;
    if method == Method::Stored && compressed != length {
        let problem = format!("{:?} is stored, but has two lengths", shown());
        return wrong(byte, problem);
    }
    Ok(Member {
        name: name.to_vec(),
        method,
        crc: u32_at(entry, 16) as u32,
        compressed,
        length,
        offset,
        entry: byte,
    })
}

/// What an entry has of sizes that 32 bits cannot hold, in their order.
fn wide_sizes(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let bytes = u16_at(extra, 2) as usize;
        let Some(field) = extra[4..].get(..bytes) else {
            break;
        };
        if u16_at(extra, 0) == 1 {
            return field;
        }
        extra = &extra[4 + bytes..];
    }
    &[]
}

impl Member {
    /// Where in the file its bytes begin; all of them are in the file.
    ///
    /// # Errors
    /// Where the file cannot be read, and, inside, where they are not.
    pub fn start(&self, file: &dyn ReadAt) -> io::Result<Result<u64, ContentsError>> {
        Ok(self.start_in(file)?.map_err(Wrong::in_file))
    }

    pub(crate) fn start_in(&self, file: &dyn ReadAt) -> io::Result<Result<u64, Wrong>> {
        let shown = || String::from_utf8_lossy(&self.name);
        let length = file.length()?;
        let offset = self.offset.min(length);
        let local = bytes_at(file, offset, LOCAL_BYTES)?;
        if local.len() < LOCAL_BYTES || !local.starts_with(b"PK\x03\x04") {
            let problem = format!("{:?} should begin here", shown());
            return Ok(wrong(offset, problem));
        }
        let start = offset + LOCAL_BYTES as u64 + u16_at(&local, 26) + u16_at(&local, 28);
        let end = start.checked_add(self.compressed);
        if end.is_none_or(|end| end > length) {
            let problem = format!(
                "{:?} would have {} bytes from here, and the file ends before",
                shown(),
                self.compressed
            );
            return Ok(wrong(start, problem));
        }
        Ok(Ok(start))
    }
}
