//! NumPy's file of one array, `.npy`, versions 1 to 3, C order, little-endian.
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>)
//!
//! The header says how many bytes follow; that is compared with how many there are, so that no header can
//! ask for more memory than the file has.

use std::io::{self, Read};

use flate2::Crc;

use super::{
    error::wrong,
    raw::{Kind, Raw},
    sum::BlockSums,
};
use crate::{
    contents_error::{Wrong, read_up_to},
    memory,
    read_at::{Bytes, ReadAt, fill_side_by_side},
    threads::piped,
};

/// Of what is read by one thread and kept by another.
const BLOCK_BYTES: usize = 1 << 18;

const MAGIC: &[u8] = b"\x93NUMPY";
/// NumPy itself refuses headers of more than 10,000 bytes.
const MOST_HEADER_BYTES: usize = 1 << 16;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
    /// All bytes of the header, of which a zip archive has a sum.
    pub(super) bytes: Vec<u8>,
}

impl Header {
    /// The bytes of all values; `None` where no file could have so many.
    pub(super) fn value_bytes(&self) -> Option<usize> {
        let mut extents = self.shape.iter();
        extents.try_fold(self.kind.bytes(), |bytes, extent| {
            bytes.checked_mul(*extent)
        })
    }
}

/// Reads the header.
pub(super) fn header(contents: &mut dyn Read) -> io::Result<Result<Header, Wrong>> {
    let mut start = [0; 12];
    let filled = read_up_to(contents, &mut start[..10])?;
    if filled < 10 {
        return Ok(wrong(filled, "it ends here, inside of its header"));
    }
    if start[..6] != *MAGIC {
        return Ok(wrong(
            0,
            "this is no .npy file: it does not begin with \\x93NUMPY",
        ));
    }
    let (start_bytes, header_bytes) = match start[6] {
        1 => (10, usize::from(u16::from_le_bytes([start[8], start[9]]))),
        2 | 3 => {
            let filled = read_up_to(contents, &mut start[10..])?;
            if filled < 2 {
                return Ok(wrong(10 + filled, "it ends here, inside of its header"));
            }
            let stated = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
            (12, stated as usize)
        }
        version => {
            let problem =
                format!("version {version} of .npy is not known; save it with NumPy's save");
            return Ok(wrong(6, problem));
        }
    };
    if header_bytes > MOST_HEADER_BYTES {
        return Ok(wrong(
            8,
            format!("a header of {header_bytes} bytes is no array's"),
        ));
    }
    let mut bytes = start[..start_bytes].to_vec();
    bytes.resize(start_bytes + header_bytes, 0);
    let filled = read_up_to(contents, &mut bytes[start_bytes..])?;
    if filled < header_bytes {
        return Ok(wrong(
            start_bytes + filled,
            "it ends here, inside of its header",
        ));
    }
    let text = Text {
        text: &bytes[start_bytes..],
        first_byte: start_bytes,
        at: 0,
    };
    Ok(text
        .header()
        .map(|(kind, shape)| Header { kind, shape, bytes }))
}

/// What was read of an array: its header, the array, and CRC-32 of the values.
type Whole = (Header, Raw, Crc);

/// Reads an array of which `contents` should have `length` bytes. Memory is taken as they come.
pub(super) fn read(
    contents: &mut (dyn Read + Send),
    length: u64,
    place: &str,
) -> io::Result<Result<Whole, Wrong>> {
    let (header, stated) = match believed(contents, length)? {
        Ok(believed) => believed,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let (mut bytes, mut crc, mut sums) = (Vec::new(), Crc::new(), BlockSums::default());
    let mut contents = contents.take(stated as u64);
    // Making the pages of `bytes` and its sums takes nearly as long as unpacking what goes there.
    let mut fill = |block: &mut Vec<u8>| {
        block.resize(stated.min(BLOCK_BYTES), 0);
        read_up_to(&mut contents, block).map(|filled| block.truncate(filled))
    };
    let mut take = |block: &[u8]| {
        crc.update(block);
        sums.add(block);
        bytes.extend_from_slice(block);
    };
    if stated > BLOCK_BYTES {
        piped(fill, take)?;
    } else {
        // Not worth a thread.
        let mut all = Vec::new();
        fill(&mut all)?;
        take(&all);
    }
    Ok(whole(header, bytes, stated, place).map(|(header, raw)| {
        let block_sums = Some(sums.finish());
        (header, Raw { block_sums, ..raw }, crc)
    }))
}

/// Reads an array that is `length` bytes of a file, from an offset on, which the file has.
pub(super) fn read_at(
    file: &dyn ReadAt,
    offset: u64,
    length: u64,
    place: &str,
) -> io::Result<Result<Whole, Wrong>> {
    let mut contents = Bytes {
        source: file,
        offset,
        left: length,
    };
    let (header, stated) = match believed(&mut contents, length)? {
        Ok(believed) => believed,
        Err(wrong) => return Ok(Err(wrong)),
    };
    if let Err(shortage) = memory::check(stated as u64) {
        return Ok(wrong(header.bytes.len(), format!("the array {shortage}")));
    }
    let mut bytes = vec![0; stated];
    let (filled, crc) = fill_side_by_side(file, &mut bytes, contents.offset)?;
    bytes.truncate(filled);
    Ok(whole(header, bytes, stated, place).map(|(header, raw)| (header, raw, crc)))
}

/// The header, and how many bytes of values follow, as it says and `length` has it.
fn believed(contents: &mut dyn Read, length: u64) -> io::Result<Result<(Header, usize), Wrong>> {
    let header = match header(contents)? {
        Ok(header) => header,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let first_byte = header.bytes.len();
    let stated = header.value_bytes();
    let there = length.saturating_sub(first_byte as u64);
    let Some(stated) = stated.filter(|stated| *stated as u64 == there) else {
        let needed = stated.map_or("more bytes than there can be".into(), |it| {
            format!("{it} bytes")
        });
        let problem = format!(
            "{there} bytes of values follow, but {} {:?} are {needed}",
            header.kind.as_str(),
            header.shape
        );
        return Ok(wrong(first_byte, problem));
    };
    Ok(Ok((header, stated)))
}

/// The array, where all of its bytes are there.
fn whole(
    header: Header,
    bytes: Vec<u8>,
    stated: usize,
    place: &str,
) -> Result<(Header, Raw), Wrong> {
    let first_byte = header.bytes.len();
    if bytes.len() < stated {
        let missing = stated - bytes.len();
        let problem = format!("it ends here, {missing} bytes too early");
        return wrong(first_byte + bytes.len(), problem);
    }
    let raw = Raw {
        block_sums: None,
        place: place.to_owned(),
        first_byte,
        kind: header.kind,
        shape: header.shape.clone(),
        bytes,
    };
    Ok((header, raw))
}

/// The literal of a Python dictionary: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Text<'a> {
    text: &'a [u8],
    first_byte: usize,
    at: usize,
}

impl Text<'_> {
    fn header(mut self) -> Result<(Kind, Vec<usize>), Wrong> {
        let (mut kind, mut order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.takes(b'}') {
            let at = self.place();
            let key = self.string()?;
            self.expect(b':')?;
            match key.as_str() {
                "descr" if kind.is_none() => kind = Some(self.kind()?),
                "fortran_order" if order.is_none() => order = Some(self.order()?),
                "shape" if shape.is_none() => shape = Some(self.shape()?),
                _ => return wrong(at, format!("{key:?} is unknown here, or stands here again")),
            }
            if !self.takes(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.spaces();
        if self.at < self.text.len() {
            return wrong(self.place(), "the header should end here");
        }
        match (kind, order, shape) {
            (Some(kind), Some(()), Some(shape)) => Ok((kind, shape)),
            _ => wrong(
                self.first_byte,
                "the header lacks one of descr, fortran_order and shape",
            ),
        }
    }

    fn kind(&mut self) -> Result<Kind, Wrong> {
        self.spaces();
        let at = self.place();
        if self.text.get(self.at) == Some(&b'[') {
            return wrong(
                at,
                "this is an array of records; save each field as an array of its own",
            );
        }
        let name = self.string()?;
        let known = match name.as_str() {
            "|u1" | "<u1" => Some(Kind::U8),
            "<u2" => Some(Kind::U16),
            "<i4" => Some(Kind::I32),
            "<i8" => Some(Kind::I64),
            "<f4" => Some(Kind::F32),
            "<f8" => Some(Kind::F64),
            _ => None,
        };
        match known {
            Some(kind) => Ok(kind),
            None => {
                let names = Kind::ALL.map(Kind::as_str).join(", ");
                let problem = format!(
                    "the type {name:?} is not read, but {names}, little-endian; save it with .astype(\"<f4\"), say"
                );
                wrong(at, problem)
            }
        }
    }

    fn order(&mut self) -> Result<(), Wrong> {
        self.spaces();
        let at = self.place();
        let rest = &self.text[self.at..];
        if rest.starts_with(b"False") {
            self.at += 5;
            return Ok(());
        }
        wrong(
            at,
            "the array is in Fortran's order; save it with numpy.ascontiguousarray",
        )
    }

    fn shape(&mut self) -> Result<Vec<usize>, Wrong> {
        const MOST_AXES: usize = 32;
        self.expect(b'(')?;
        let at = self.place();
        let mut shape = Vec::new();
        while !self.takes(b')') {
            shape.push(self.whole()?);
            if shape.len() > MOST_AXES {
                return wrong(at, format!("no array has more than {MOST_AXES} axes"));
            }
            if !self.takes(b',') {
                self.expect(b')')?;
                break;
            }
        }
        if shape.is_empty() {
            return wrong(
                at,
                "this is one value; its first axis must be that of samples",
            );
        }
        Ok(shape)
    }

    fn whole(&mut self) -> Result<usize, Wrong> {
        self.spaces();
        let at = self.place();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let text = std::str::from_utf8(&rest[..digits]).unwrap_or_default();
        let Ok(number) = text.parse() else {
            return wrong(at, "an extent must stand here");
        };
        self.at += digits;
        Ok(number)
    }

    /// A text in quotes, without escapes.
    fn string(&mut self) -> Result<String, Wrong> {
        self.spaces();
        let at = self.place();
        let no_text = || wrong(at, "a text in quotes must stand here");
        let Some(quote @ (b'\'' | b'"')) = self.text.get(self.at).copied() else {
            return no_text();
        };
        let rest = &self.text[self.at + 1..];
        let Some(length) = rest.iter().position(|byte| *byte == quote) else {
            return no_text();
        };
        let text = &rest[..length];
        if !text
            .iter()
            .all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\')
        {
            return no_text();
        }
        self.at += length + 2;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn expect(&mut self, byte: u8) -> Result<(), Wrong> {
        if self.takes(byte) {
            return Ok(());
        }
        let problem = format!("a {:?} must stand here", char::from(byte));
        wrong(self.place(), problem)
    }

    fn takes(&mut self, byte: u8) -> bool {
        self.spaces();
        let is_there = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn spaces(&mut self) {
        let rest = self.text[self.at..].iter();
        self.at += rest.take_while(|byte| matches!(byte, b' ' | b'\n')).count();
    }

    fn place(&self) -> usize {
        self.first_byte + self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, text: &str, values: &[u8]) -> Vec<u8> {
        let length = text.len() as u32;
        let length = &length.to_le_bytes()[..if version == 1 { 2 } else { 4 }];
        [MAGIC, &[version, 0], length, text.as_bytes(), values].concat()
    }

    fn read_all(file: &[u8]) -> Result<Raw, Wrong> {
        let length = file.len() as u64;
        let one_by_one = read(&mut &file[..], length, "x.npy").unwrap();
        let at_once = read_at(&file, 0, length, "x.npy").unwrap();
        let [one_by_one, at_once] = [one_by_one, at_once].map(|it| {
            it.map(|(_, raw, _)| Raw {
                block_sums: None,
                ..raw
            })
        });
        assert_eq!(one_by_one, at_once);
        at_once
    }

    const TEXT: &str = "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }      \n";

    #[test]
    fn all_versions_are_read() {
        for version in [1, 2, 3] {
            let raw = read_all(&file(version, TEXT, &[7; 12])).unwrap();
            assert_eq!((raw.kind, &raw.shape[..]), (Kind::U16, &[2, 3][..]));
            assert_eq!(raw.bytes, [7; 12]);
        }
        let text = "{\"shape\":(4,),'fortran_order':False,'descr':'|u1'}";
        assert_eq!(read_all(&file(1, text, &[1, 2, 3, 4])).unwrap().shape, [4]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_byte() {
        let with = |from: &str, to: &str| file(1, &TEXT.replace(from, to), &[0; 12]);
        let table = [
            (vec![], 0, "it ends here, inside of its header"),
            (
                file(1, TEXT, &[])[..40].to_vec(),
                40,
                "it ends here, inside",
            ),
            (b"PK\x03\x04 and so on".to_vec(), 0, "this is no .npy file"),
            (file(4, TEXT, &[0; 12]), 6, "version 4 of .npy"),
            (
                file(2, &" ".repeat(70_000), &[]),
                8,
                "a header of 70000 bytes",
            ),
            (with("<u2", ">u2"), 20, "the type \">u2\" is not read"),
            (with("<u2", "|O"), 20, "the type \"|O\" is not read"),
            (
                with("'<u2'", "[('a', '<u2')]"),
                20,
                "this is an array of records",
            ),
            (with("False", "True"), 44, "the array is in Fortran's order"),
            (with("(2, 3)", "(2, -3)"), 64, "an extent must stand here"),
            (with("(2, 3)", "()"), 61, "this is one value"),
            (
                with("(2, 3)", "(2, 4)"),
                76,
                "12 bytes of values follow, but u16 [2, 4] are 16 bytes",
            ),
            (
                with("(2, 3)", "(4294967296, 4294967296, 8)"),
                97,
                "12 bytes of values follow, but u16 [4294967296, 4294967296, 8] are more bytes than there can be",
            ),
            (
                with("'shape'", "'descr'"),
                51,
                "\"descr\" is unknown here, or stands here again",
            ),
            (with("'shape': (2, 3), ", ""), 10, "the header lacks one of"),
            (with("}", "} 1"), 70, "the header should end here"),
        ];
        for (file, byte, expected) in table {
            let wrong = read_all(&file).unwrap_err();
            assert!(wrong.problem.starts_with(expected), "{wrong:?}\n{expected}");
            assert_eq!(wrong.byte, byte, "{expected}");
        }
        // A header that lies about a file that is shorter than it claims to be.
        let file = file(1, TEXT, &[0; 5]);
        let length = file.len() as u64 + 7;
        for read in [
            read(&mut &file[..], length, "x.npy").unwrap(),
            read_at(&&file[..], 0, length, "x.npy").unwrap(),
        ] {
            let problem = read.map(|_| ()).unwrap_err().problem;
            assert!(problem.contains("7 bytes too early"), "{problem}");
        }
    }
}
