//! The IDX format of the MNIST family, of any dimensions and in gzip or not: MNIST, KMNIST, EMNIST, Fashion-MNIST.
//!
//! Four bytes (0, 0, 8 for bytes, the number of dimensions), each dimension as a big-endian number of 32 bits, and
//! the values. What the header says is compared with the bytes that follow, and of gzip memory is taken as they
//! come.

use std::io::{self, Read};

use super::{
    OwnError,
    error::wrong,
    raw::{Kind, Raw},
};
use crate::{
    contents_error::{Wrong, read_up_to},
    dataset::gzip::Gunzip,
};

/// Reads a whole file.
pub(super) fn read(mut file: Vec<u8>, place: &str) -> Result<Raw, OwnError> {
    if file.starts_with(&[0x1f, 0x8b]) {
        let mut contents = Gunzip::new(&file[..]);
        return match unpacked(&mut contents, place) {
            Ok(Ok(raw)) => Ok(raw),
            Ok(Err(wrong)) => Err(OwnError::new(place, wrong.in_decompressed().to_string())),
            Err(error) => Err(OwnError::new(place, contents.error(&error).to_string())),
        };
    }
    let at = |wrong| OwnError::at(place, wrong);
    let shape = header(&mut &file[..])
        .expect("memory can be read")
        .map_err(at)?;
    let first_byte = 4 + 4 * shape.len();
    check_length(&shape, file.len() - first_byte).map_err(at)?;
    file.drain(..first_byte);
    Ok(raw(shape, file, place))
}

fn unpacked(contents: &mut dyn Read, place: &str) -> io::Result<Result<Raw, Wrong>> {
    let shape = match header(contents)? {
        Ok(shape) => shape,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let most = stated(&shape).map_or(u64::MAX - 1, |it| it as u64);
    let mut bytes = Vec::new();
    // One more, to see that nothing follows; this read also has the sum at the end of gzip data checked.
    Read::take(&mut *contents, most + 1).read_to_end(&mut bytes)?;
    let checked = check_length(&shape, bytes.len());
    Ok(checked.map(|()| raw(shape, bytes, place)))
}

fn raw(shape: Vec<usize>, bytes: Vec<u8>, place: &str) -> Raw {
    Raw {
        block_sums: None,
        place: place.to_owned(),
        first_byte: 4 + 4 * shape.len(),
        kind: Kind::U8,
        shape,
        bytes,
    }
}

fn stated(shape: &[usize]) -> Option<usize> {
    let mut extents = shape.iter();
    extents.try_fold(1usize, |values, extent| values.checked_mul(*extent))
}

fn check_length(shape: &[usize], there: usize) -> Result<(), Wrong> {
    match stated(shape) {
        Some(stated) if stated == there => Ok(()),
        _ => wrong(
            4 + 4 * shape.len(),
            format!("{there} bytes of values follow, or more, which are not {shape:?}"),
        ),
    }
}

fn header(contents: &mut dyn Read) -> io::Result<Result<Vec<usize>, Wrong>> {
    let mut magic = [0; 4];
    let filled = read_up_to(contents, &mut magic)?;
    let [0, 0, kind, axes @ 1..=4] = magic else {
        let what = "this is no IDX file: it does not begin with 00 00 08 and 1 to 4 dimensions";
        return Ok(wrong(0, what));
    };
    if filled < 4 || kind != 8 {
        let what = format!("values of the type {kind:02x} are not read, but bytes (08)");
        return Ok(wrong(2, what));
    }
    let mut shape = vec![0; 4 * usize::from(axes)];
    let filled = read_up_to(contents, &mut shape)?;
    if filled < shape.len() {
        return Ok(wrong(4 + filled, "it ends here, inside of its header"));
    }
    let (extents, _) = shape.as_chunks();
    let extents = extents.iter().map(|it| u32::from_be_bytes(*it) as usize);
    Ok(Ok(extents.collect()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    /// Two images of 2×3.
    const GOOD: [u8; 28] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, //
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    #[test]
    fn files_are_read_in_gzip_or_not_and_wrong_ones_refused_with_the_byte() {
        let with = |byte: usize, value: u8| {
            let mut bytes = GOOD;
            bytes[byte] = value;
            bytes.to_vec()
        };
        let table = [
            (GOOD.to_vec(), ""),
            (vec![], "0: this is no IDX file"),
            (with(2, 13), "2: values of the type 0d are not read"),
            (with(3, 9), "0: this is no IDX file"),
            (GOOD[..9].to_vec(), "9: it ends here"),
            (GOOD[..27].to_vec(), "16: 11 bytes of values follow"),
            ([&GOOD[..], &[0]].concat(), "16: 13 bytes of values follow"),
            (with(4, 255), "16: 12 bytes of values follow"),
        ];
        for (bytes, expected) in table {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&bytes).unwrap();
            for file in [bytes, encoder.finish().unwrap()] {
                match read(file, "x") {
                    Ok(raw) => {
                        assert_eq!(expected, "");
                        assert_eq!((raw.shape, &raw.bytes[..]), (vec![2, 2, 3], &GOOD[16..]));
                    }
                    Err(error) => {
                        let (byte, problem) = expected.split_once(": ").unwrap();
                        let message = error.to_string();
                        assert!(message.contains(&format!("at byte {byte}")), "{message}");
                        assert!(message.contains(problem), "{message}");
                    }
                }
            }
        }
    }
}
