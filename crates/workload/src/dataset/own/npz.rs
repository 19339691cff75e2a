//! NumPy's archive of arrays, `.npz`: a zip archive of `.npy` files, stored or deflated.
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>)
//!
//! The directory at its end is read; a size that it states is compared with the file's own before memory is
//! taken for it, and of what is deflated memory is taken as it comes. Stored values are read once, into
//! the memory that they stay in.

use std::io::{self, Read, Seek, SeekFrom};

use flate2::{Crc, read::DeflateDecoder};

use super::{error::wrong, npy, raw::Raw};
use crate::dataset::contents_error::{Wrong, read_up_to};

/// One array of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Without `.npy`.
    pub(super) name: String,
    is_deflated: bool,
    crc: u32,
    compressed: u64,
    length: u64,
    /// Of its local header.
    offset: u64,
}

/// What an archive is read from.
pub(super) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// No archive of arrays has more.
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

/// Bytes at a place of the file, as many as there are.
fn bytes_at(file: &mut dyn Source, offset: u64, count: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = vec![0; count];
    let filled = read_up_to(file, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The arrays of an archive, in the order of its directory.
pub(super) fn members(file: &mut dyn Source) -> io::Result<Result<Vec<Member>, Wrong>> {
    let length = file.seek(SeekFrom::End(0))?;
    let (offset, bytes) = match directory_place(file, length)? {
        Ok(place) => place,
        Err(wrong) => return Ok(Err(wrong)),
    };
    if bytes > MOST_DIRECTORY_BYTES || offset.checked_add(bytes).is_none_or(|end| end > length) {
        let problem = format!("the archive's directory of {bytes} bytes is not in the file");
        return Ok(wrong(offset as usize, problem));
    }
    let directory = bytes_at(file, offset, bytes as usize)?;
    Ok(entries(&directory, offset as usize))
}

/// Where the directory is, and how many bytes it has.
fn directory_place(file: &mut dyn Source, length: u64) -> io::Result<Result<(u64, u64), Wrong>> {
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
            length as usize,
            "this is no .npz file: no zip archive ends here",
        ));
    };
    let (bytes, offset) = (u32_at(&tail, end + 12), u32_at(&tail, end + 16));
    if u32::MAX as u64 != offset && u32::MAX as u64 != bytes {
        return Ok(Ok((offset, bytes)));
    }
    // Its sizes have 64 bits: a locator stands before the end, and says where they are.
    let locator = end.checked_sub(LOCATOR_BYTES);
    let Some(locator) = locator.filter(|at| tail[*at..].starts_with(b"PK\x06\x07")) else {
        return Ok(wrong(
            tail_start as usize + end,
            "the archive's end lacks its sizes of 64 bits",
        ));
    };
    let at = u64_at(&tail, locator + 8);
    let end = bytes_at(file, at.min(length), END_64_BYTES)?;
    if end.len() < END_64_BYTES || !end.starts_with(b"PK\x06\x06") {
        return Ok(wrong(
            at.min(length) as usize,
            "the archive's end of 64 bits is not here",
        ));
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
        if let Some(name) = name.strip_suffix(b".npy") {
            members.push(member(entry, extra, name, first_byte + at)?);
        }
        at += bytes;
    }
    Ok(members)
}

fn member(entry: &[u8], extra: &[u8], name: &[u8], byte: usize) -> Result<Member, Wrong> {
    let name = String::from_utf8_lossy(name).into_owned();
    if u16_at(entry, 8) & 1 != 0 {
        return wrong(byte, format!("the array {name:?} is encrypted"));
    }
    let is_deflated = match u16_at(entry, 10) {
        0 => false,
        8 => true,
        method => {
            let problem = format!(
                "the array {name:?} is compressed by method {method}; save it with numpy.savez or \
                 savez_compressed"
            );
            return wrong(byte, problem);
        }
    };
    let mut sizes = [u32_at(entry, 24), u32_at(entry, 20), u32_at(entry, 42)];
    let mut wide = wide_sizes(extra);
    for size in &mut sizes {
        if *size == u64::from(u32::MAX) {
            let Some(found) = wide.split_first_chunk() else {
                return wrong(
                    byte,
                    format!("the array {name:?} lacks its sizes of 64 bits"),
                );
            };
            *size = u64::from_le_bytes(*found.0);
            wide = found.1;
        }
    }
    let [length, compressed, offset] = sizes;
    if !is_deflated && compressed != length {
        return wrong(
            byte,
            format!("the array {name:?} is stored, but has two lengths"),
        );
    }
    Ok(Member {
        name,
        is_deflated,
        crc: u32_at(entry, 16) as u32,
        compressed,
        length,
        offset,
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

/// Where in the file a member's bytes begin.
fn start_of(file: &mut dyn Source, member: &Member) -> io::Result<Result<u64, Wrong>> {
    let length = file.seek(SeekFrom::End(0))?;
    let offset = member.offset.min(length);
    let local = bytes_at(file, offset, LOCAL_BYTES)?;
    if local.len() < LOCAL_BYTES || !local.starts_with(b"PK\x03\x04") {
        let problem = format!("the array {:?} should begin here", member.name);
        return Ok(wrong(offset as usize, problem));
    }
    let start = offset + LOCAL_BYTES as u64 + u16_at(&local, 26) + u16_at(&local, 28);
    if start
        .checked_add(member.compressed)
        .is_none_or(|end| end > length)
    {
        let problem = format!(
            "the array {:?} would have {} bytes from here, and the file ends before",
            member.name, member.compressed
        );
        return Ok(wrong(start as usize, problem));
    }
    Ok(Ok(start))
}

/// What flate2 says of bytes that nobody deflated.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// Reads one array. Errors in the archive have the file's bytes; those in the array the array's own.
pub(super) fn read(
    file: &mut dyn Source,
    member: &Member,
    place: &str,
) -> io::Result<Result<Raw, Wrong>> {
    let start = match start_of(file, member)? {
        Ok(start) => start,
        Err(wrong) => return Ok(Err(wrong)),
    };
    file.seek(SeekFrom::Start(start))?;
    let stored = Read::take(&mut *file, member.compressed);
    let read = if member.is_deflated {
        let mut contents = DeflateDecoder::new(stored);
        let read = npy::read(&mut contents, member.length, false, place);
        // Nothing may follow; and this read sees the end.
        match read.and_then(|read| Ok((read, contents.read(&mut [0])?))) {
            Ok((read, 0)) => read,
            Ok((Err(wrong), _)) => return Ok(Err(wrong)),
            Ok(_) => {
                return Ok(wrong(
                    start as usize,
                    "more is deflated here than there should be",
                ));
            }
            Err(error) if is_damage(&error) => {
                return Ok(wrong(start as usize, "what is deflated here is damaged"));
            }
            Err(error) => return Err(error),
        }
    } else {
        let mut stored = stored;
        npy::read(&mut stored, member.length, true, place)?
    };
    Ok(read.and_then(|(header, raw)| {
        let mut crc = Crc::new();
        crc.update(&header.bytes);
        // It takes no more than 32 bits of them at once.
        raw.bytes
            .chunks(1 << 20)
            .for_each(|bytes| crc.update(bytes));
        match crc.sum() == member.crc {
            true => Ok(raw),
            false => wrong(
                0,
                format!(
                    "the sum of its bytes is {:08x}, and should be {:08x}",
                    crc.sum(),
                    member.crc
                ),
            ),
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;

    /// One member: its name, its bytes, whether deflated.
    struct Given<'a>(&'a str, &'a [u8], bool);

    fn archive(members: &[Given]) -> Vec<u8> {
        let (mut file, mut directory) = (Vec::new(), Vec::new());
        for Given(name, bytes, is_deflated) in members {
            let mut crc = Crc::new();
            crc.update(bytes);
            let mut stored = bytes.to_vec();
            if *is_deflated {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(bytes).unwrap();
                stored = encoder.finish().unwrap();
            }
            let method = if *is_deflated { [8, 0] } else { [0, 0] };
            let mut common = [&[20, 0, 0, 0], &method[..], &[0; 4]].concat();
            common.extend(crc.sum().to_le_bytes());
            common.extend((stored.len() as u32).to_le_bytes());
            common.extend((bytes.len() as u32).to_le_bytes());
            common.extend((name.len() as u16).to_le_bytes());
            common.extend([0, 0]);
            let offset = (file.len() as u32).to_le_bytes();
            let parts = [
                b"PK\x01\x02\x14\x00",
                &common[..],
                &[0; 10],
                &offset,
                name.as_bytes(),
            ];
            directory.extend(parts.concat());
            file.extend([b"PK\x03\x04", &common[..], name.as_bytes(), &stored].concat());
        }
        let count = (members.len() as u16).to_le_bytes();
        let end = [
            b"PK\x05\x06\x00\x00\x00\x00",
            &count[..],
            &count,
            &(directory.len() as u32).to_le_bytes(),
            &(file.len() as u32).to_le_bytes(),
            &[0, 0],
        ];
        [file, directory, end.concat()].concat()
    }

    fn npy() -> Vec<u8> {
        let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (300,), }";
        let length = [text.len() as u8, 0];
        let head = [b"\x93NUMPY\x01\x00", &length[..], text.as_bytes()].concat();
        [head, vec![7; 300]].concat()
    }

    fn read_all(file: &[u8]) -> Result<Vec<Raw>, String> {
        let mut file = Cursor::new(file);
        let text = |wrong: Wrong| format!("{}: {}", wrong.byte, wrong.problem);
        let members = members(&mut file).unwrap().map_err(text)?;
        let raws = members
            .iter()
            .map(|it| read(&mut file, it, "x").unwrap().map_err(text));
        raws.collect()
    }

    #[test]
    fn stored_and_deflated_arrays_are_read() {
        let file = archive(&[
            Given("a.npy", &npy(), false),
            Given("notes.txt", b"none", false),
            Given("b.npy", &npy(), true),
        ]);
        let mut with_comment = file.clone();
        let at = with_comment.len() - 2;
        with_comment[at] = 3;
        with_comment.extend(b"abc");
        for file in [file, with_comment] {
            let raws = read_all(&file).unwrap();
            assert_eq!(raws.len(), 2);
            assert!(raws.iter().all(|raw| raw.bytes == [7; 300]));
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let npy = npy();
        let stored = archive(&[Given("a.npy", &npy, false)]);
        let deflated = archive(&[Given("a.npy", &npy, true)]);
        let long = archive(&[Given("a.npy", &[&npy[..], &[0]].concat(), true)]);
        let with = |file: &[u8], place: usize, value: u8| {
            let mut file = file.to_vec();
            file[place] = value;
            file
        };
        let directory = stored.len() - 22 - 51;
        let table = [
            (b"no archive".to_vec(), "10: this is no .npz file"),
            (stored[..stored.len() - 1].to_vec(), "this is no .npz file"),
            (
                with(&stored, directory, 0),
                "an entry of the archive's directory should begin",
            ),
            (
                with(&stored, stored.len() - 10, 255),
                "the archive's directory of 255 bytes is not in",
            ),
            (with(&stored, directory + 28, 99), "ends too early"),
            (
                with(&stored, directory + 8, 1),
                "the array \"a\" is encrypted",
            ),
            (
                with(&stored, directory + 10, 12),
                "is compressed by method 12",
            ),
            (
                with(&stored, directory + 24, 1),
                "is stored, but has two lengths",
            ),
            (with(&stored, 27, 200), "the array \"a\" would have"),
            (with(&stored, directory + 42, 9), "should begin here"),
            (with(&stored, 0, 0), "0: the array \"a\" should begin here"),
            (with(&stored, 200, 8), "0: the sum of its bytes is"),
            (with(&deflated, 40, 0xff), ""),
            (
                with(&deflated, deflated.len() - 22 - 51 + 24, 1),
                "bytes of values follow",
            ),
            (long, "values follow"),
        ];
        for (file, expected) in table {
            let message = read_all(&file).unwrap_err();
            assert!(message.contains(expected), "{message}\n{expected}");
        }
    }
}
