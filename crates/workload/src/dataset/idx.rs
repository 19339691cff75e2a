//! The IDX format of the MNIST family (<http://yann.lecun.com/exdb/mnist/>), in gzip or not: a magic
//! number (two zero bytes, 8 for bytes, the number of dimensions), each dimension as a big-endian
//! 32-bit number, then the values.
//!
//! What a file must hold is known beforehand. The header is compared with it, never believed, so
//! that no file can ask for more memory than the official one needs.

use std::io::{self, Read};

use crate::contents_error::{Wrong, read_up_to};

/// The values of an IDX file, which must have exactly these dimensions; with one dimension they are
/// labels, which must name one of the classes.
pub(crate) fn read(
    contents: &mut dyn Read,
    dimensions: &[usize],
    classes: usize,
) -> io::Result<Result<Vec<u8>, Wrong>> {
    let header_bytes = 4 + 4 * dimensions.len();
    let mut bytes = vec![0; header_bytes];
    if let Err(wrong) = fill(contents, &mut bytes, 0)? {
        return Ok(Err(wrong));
    }
    if let Err(wrong) = check_header(&bytes, dimensions) {
        return Ok(Err(wrong));
    }
    let mut values = vec![0; dimensions.iter().product()];
    if let Err(wrong) = fill(contents, &mut values, header_bytes)? {
        return Ok(Err(wrong));
    }
    // This read also has the sum at the end of gzip data checked.
    if contents.read(&mut [0])? != 0 {
        let end = header_bytes + values.len();
        return Ok(wrong(end, "more values follow than there should be"));
    }
    Ok(match dimensions {
        [_] => check_labels(&values, classes).map(|()| values),
        _ => Ok(values),
    })
}

fn wrong<T>(byte: usize, problem: impl Into<String>) -> Result<T, Wrong> {
    let problem = problem.into();
    Err(Wrong { byte, problem })
}

fn check_header(header: &[u8], dimensions: &[usize]) -> Result<(), Wrong> {
    let magic = [0, 0, 8, dimensions.len() as u8];
    if header[..4] != magic {
        let found = &header[..4];
        return wrong(
            0,
            format!("the magic number is {found:02x?}, not {magic:02x?}"),
        );
    }
    for (index, &expected) in dimensions.iter().enumerate() {
        let byte = 4 + 4 * index;
        let stated = header[byte..byte + 4]
            .iter()
            .fold(0u32, |n, &b| n << 8 | u32::from(b));
        if stated as usize != expected {
            let dimension = index + 1;
            return wrong(
                byte,
                format!("dimension {dimension} is {stated}, not {expected}"),
            );
        }
    }
    Ok(())
}

/// Refuses a label that names no class. `labels` are the values of an IDX file.
pub(crate) fn check_labels(labels: &[u8], classes: usize) -> Result<(), Wrong> {
    const HEADER_BYTES: usize = 8;
    let is_wrong = |&label: &u8| usize::from(label) >= classes;
    match labels.iter().position(is_wrong) {
        None => Ok(()),
        Some(index) => wrong(
            HEADER_BYTES + index,
            format!("label {} is not below {classes}", labels[index]),
        ),
    }
}

/// Fills `buffer`, which begins at `start` in the contents.
fn fill(contents: &mut dyn Read, buffer: &mut [u8], start: usize) -> io::Result<Result<(), Wrong>> {
    let filled = read_up_to(contents, buffer)?;
    Ok(match buffer.len() - filled {
        0 => Ok(()),
        missing => wrong(
            start + filled,
            format!("it ends here, {missing} bytes too early"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two images of 2×3.
    const GOOD: [u8; 28] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, //
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    fn read_all(mut file: &[u8]) -> Result<Vec<u8>, Wrong> {
        read(&mut file, &[2, 2, 3], 10).unwrap()
    }

    #[test]
    fn a_sound_file_gives_its_values() {
        assert_eq!(read_all(&GOOD).unwrap(), GOOD[16..]);
    }

    #[test]
    fn wrong_contents_are_refused_with_their_place() {
        let with = |byte: usize, value: u8| {
            let mut bytes = GOOD;
            bytes[byte] = value;
            bytes.to_vec()
        };
        let table = [
            (vec![], 0, "it ends here, 16 bytes too early"),
            (GOOD[..7].to_vec(), 7, "it ends here, 9 bytes"),
            (GOOD[..27].to_vec(), 27, "it ends here, 1 bytes"),
            ([&GOOD[..], &[0]].concat(), 28, "more values"),
            (
                with(2, 13),
                0,
                "the magic number is [00, 00, 0d, 03], not [00, 00, 08, 03]",
            ),
            (with(3, 1), 0, "the magic number is"),
            (with(7, 3), 4, "dimension 1 is 3, not 2"),
            (with(4, 255), 4, "dimension 1 is 4278190082, not 2"),
            (with(15, 4), 12, "dimension 3 is 4, not 3"),
        ];
        for (bytes, byte, expected) in table {
            let wrong = read_all(&bytes).unwrap_err();
            assert_eq!(wrong.byte, byte, "{expected}");
            assert!(wrong.problem.starts_with(expected), "{}", wrong.problem);
        }
    }

    #[test]
    fn a_label_out_of_range_is_refused_with_its_place() {
        let read_labels = |last| {
            let file = [0, 0, 8, 1, 0, 0, 0, 3, 0, 9, last];
            read(&mut &file[..], &[3], 10).unwrap()
        };
        assert_eq!(read_labels(3), Ok(vec![0, 9, 3]));
        let wrong = read_labels(10).unwrap_err();
        assert_eq!(wrong.byte, 10);
        assert_eq!(wrong.problem, "label 10 is not below 10");
    }
}
