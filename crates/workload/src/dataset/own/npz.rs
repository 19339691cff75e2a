//! NumPy's archive of arrays, `.npz`: a zip archive of `.npy` files, stored or deflated.
//!
//! Stored values are read once, on all cores, into the memory that they stay in; a size that the archive states is
//! compared with the file's own before memory is taken for it. Of what is deflated memory is taken as it comes.

use std::io::{self, BufReader, Read};

use flate2::{Crc, bufread::DeflateDecoder};

use super::{error::wrong, npy, raw::Raw};
use crate::{
    contents_error::Wrong,
    read_at::{Bytes, ReadAt},
    zip::{self, Method},
};

/// Of what is deflated, read at once.
const STORED_BYTES: usize = 1 << 17;

/// One array of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Without `.npy`.
    pub(super) name: String,
    is_deflated: bool,
    zipped: zip::Member,
}

/// The arrays of an archive, in the order of its directory.
pub(super) fn members(file: &dyn ReadAt) -> io::Result<Result<Vec<Member>, Wrong>> {
    let members = zip::members_of(file)?;
    Ok(members.and_then(|members| members.into_iter().filter_map(array).collect()))
}

/// A member that is an array; nothing where it is something else.
fn array(zipped: zip::Member) -> Option<Result<Member, Wrong>> {
    let name = zipped.name.strip_suffix(b".npy")?;
    let name = String::from_utf8_lossy(name).into_owned();
    let refused = |what: String| Some(wrong(zipped.entry, format!("the array {name:?} is {what}")));
    let is_deflated = match zipped.method {
        Method::Stored => false,
        Method::Deflated => true,
        Method::Encrypted => return refused("encrypted".into()),
        Method::Other(method) => {
            return refused(format!(
                "compressed by method {method}; save it with numpy.savez or savez_compressed"
            ));
        }
    };
    Some(Ok(Member {
        name,
        is_deflated,
        zipped,
    }))
}

/// What flate2 says of bytes that nobody deflated.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

/// Reads one array. Errors in the archive have the file's bytes; those in the array the array's own.
pub(super) fn read(
    file: &dyn ReadAt,
    member: &Member,
    place: &str,
) -> io::Result<Result<Raw, Wrong>> {
    let zipped = &member.zipped;
    let start = match zipped.start_in(file)? {
        Ok(start) => start,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let read = if member.is_deflated {
        let stored = Bytes {
            source: file,
            offset: start,
            left: zipped.compressed,
        };
        let mut contents = DeflateDecoder::new(BufReader::with_capacity(STORED_BYTES, stored));
        let read = npy::read(&mut contents, zipped.length, place);
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
        npy::read_at(file, start, zipped.length, place)?
    };
    Ok(read.and_then(|(header, raw, of_values)| {
        let mut crc = Crc::new();
        crc.update(&header.bytes);
        crc.combine(&of_values);
        match crc.sum() == zipped.crc {
            true => Ok(raw),
            false => wrong(
                0,
                format!(
                    "the sum of its bytes is {:08x}, and should be {:08x}",
                    crc.sum(),
                    zipped.crc
                ),
            ),
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::DeflateEncoder};

    use super::*;
    use crate::dataset::own::{OwnFiles, Part, Targets, Test};

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
        let text = |wrong: Wrong| format!("{}: {}", wrong.byte, wrong.problem);
        let members = members(&file).unwrap().map_err(text)?;
        let raws = members
            .iter()
            .map(|it| read(&file, it, "x").unwrap().map_err(text));
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

    /// Of what is deflated, sums are made on the way.
    #[test]
    fn a_stored_array_and_a_deflated_one_are_the_same_samples() {
        let folder = tempfile::tempdir().unwrap();
        let identity = |is_deflated: bool, standardize: bool| {
            let file = archive(&[Given("a.npy", &npy(), is_deflated)]);
            std::fs::write(folder.path().join("x.npz"), file).unwrap();
            let part = Part::Arrays {
                inputs: "x.npz:a".into(),
                targets: None,
            };
            let files = OwnFiles {
                folder: folder.path().into(),
                name: "x".into(),
                train: part.clone(),
                test: Test::Files(part),
                targets: Targets::Input,
                standardize,
            };
            files.read().unwrap().sha256
        };
        let stored = [false, true].map(|standardize| identity(false, standardize));
        let deflated = [false, true].map(|standardize| identity(true, standardize));
        assert_eq!(stored, deflated);
        assert_ne!(stored[0], stored[1]);
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
            (b"no archive".to_vec(), "10: no zip archive ends here"),
            (
                stored[..stored.len() - 1].to_vec(),
                "no zip archive ends here",
            ),
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
            (with(&stored, 27, 200), "\"a.npy\" would have"),
            (with(&stored, directory + 42, 9), "should begin here"),
            (with(&stored, 0, 0), "0: \"a.npy\" should begin here"),
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
