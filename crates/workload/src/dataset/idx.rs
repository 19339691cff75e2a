//! The IDX format of the MNIST family (<http://yann.lecun.com/exdb/mnist/>), in gzip: a magic
//! number (two zero bytes, 8 for bytes, the number of dimensions), each dimension as a big-endian
//! 32-bit number, then the values.
//!
//! What a file must hold is known beforehand. The header is compared with it, never believed, so
//! that no file can ask for more memory than the official one needs.

use std::io::{ErrorKind, Read};

use flate2::bufread::GzDecoder;

use super::ContentsError;

fn contents(byte: usize, problem: impl Into<String>) -> ContentsError {
    let problem = problem.into();
    ContentsError::Decompressed { byte, problem }
}

/// The values of an IDX file, which must have exactly these dimensions.
pub(crate) fn read(gzip: &[u8], dimensions: &[usize]) -> Result<Vec<u8>, ContentsError> {
    let mut decoder = GzDecoder::new(gzip);
    let header_bytes = 4 + 4 * dimensions.len();
    let mut header = vec![0; header_bytes];
    fill(&mut decoder, &mut header, gzip, 0)?;
    check_header(&header, dimensions)?;
    let mut values = vec![0; dimensions.iter().product()];
    fill(&mut decoder, &mut values, gzip, header_bytes)?;
    // This read also has the decoder check the sum at the end of the gzip data.
    if read_some(&mut decoder, &mut [0], gzip)? != 0 {
        let end = header_bytes + values.len();
        return Err(contents(end, "more values follow than there should be"));
    }
    let rest = decoder.get_ref().len();
    if rest > 0 {
        return Err(ContentsError::File {
            byte: gzip.len() - rest,
            problem: format!("{rest} more bytes follow the end of the gzip data"),
        });
    }
    Ok(values)
}

fn check_header(header: &[u8], dimensions: &[usize]) -> Result<(), ContentsError> {
    let magic = [0, 0, 8, dimensions.len() as u8];
    if header[..4] != magic {
        let problem = format!(
            "the magic number is {:02x?}, not {magic:02x?}",
            &header[..4]
        );
        return Err(contents(0, problem));
    }
    for (index, &expected) in dimensions.iter().enumerate() {
        let byte = 4 + 4 * index;
        let stated = header[byte..byte + 4]
            .iter()
            .fold(0u32, |n, &b| n << 8 | u32::from(b));
        if stated as usize != expected {
            let problem = format!("dimension {} is {stated}, not {expected}", index + 1);
            return Err(contents(byte, problem));
        }
    }
    Ok(())
}

/// Refuses a label that names no class. `labels` are the values of an IDX file.
pub(crate) fn check_labels(labels: &[u8], classes: usize) -> Result<(), ContentsError> {
    const HEADER_BYTES: usize = 8;
    match labels
        .iter()
        .position(|&label| usize::from(label) >= classes)
    {
        None => Ok(()),
        Some(index) => {
            let problem = format!("label {} is not below {classes}", labels[index]);
            Err(contents(HEADER_BYTES + index, problem))
        }
    }
}

/// Fills `buffer`, which begins at `start` in the decompressed contents.
fn fill(
    decoder: &mut GzDecoder<&[u8]>,
    buffer: &mut [u8],
    gzip: &[u8],
    start: usize,
) -> Result<(), ContentsError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(decoder, &mut buffer[filled..], gzip)? {
            0 => {
                let missing = buffer.len() - filled;
                let problem = format!("they end here, {missing} bytes too early");
                return Err(contents(start + filled, problem));
            }
            read => filled += read,
        }
    }
    Ok(())
}

fn read_some(
    decoder: &mut GzDecoder<&[u8]>,
    buffer: &mut [u8],
    gzip: &[u8],
) -> Result<usize, ContentsError> {
    decoder.read(buffer).map_err(|error| ContentsError::File {
        byte: gzip.len() - decoder.get_ref().len(),
        problem: match error.kind() {
            ErrorKind::UnexpectedEof => "the file ends within its gzip data".into(),
            _ => format!("this is not sound gzip data: {error}"),
        },
    })
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

    /// Two images of 2×3.
    const GOOD: [u8; 28] = [
        0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, //
        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    ];

    fn message(file: &[u8]) -> String {
        read(file, &[2, 2, 3]).unwrap_err().to_string()
    }

    #[test]
    fn a_sound_file_gives_its_values() {
        assert_eq!(read(&gzip(&GOOD), &[2, 2, 3]).unwrap(), GOOD[16..]);
    }

    #[test]
    fn wrong_contents_are_refused_with_their_place() {
        let with = |byte: usize, value: u8| {
            let mut bytes = GOOD;
            bytes[byte] = value;
            bytes.to_vec()
        };
        let table = [
            (
                vec![],
                "at byte 0 of its decompressed contents: they end here, 16 bytes too early",
            ),
            (
                GOOD[..7].to_vec(),
                "at byte 7 of its decompressed contents: they end here, 9 bytes",
            ),
            (
                GOOD[..27].to_vec(),
                "at byte 27 of its decompressed contents: they end here, 1 bytes",
            ),
            (
                [&GOOD[..], &[0]].concat(),
                "at byte 28 of its decompressed contents: more values",
            ),
            (
                with(2, 13),
                "at byte 0 of its decompressed contents: the magic number is [00, 00, 0d, 03]",
            ),
            (
                with(3, 1),
                "at byte 0 of its decompressed contents: the magic number is",
            ),
            (
                with(7, 3),
                "at byte 4 of its decompressed contents: dimension 1 is 3, not 2",
            ),
            (
                with(4, 255),
                "at byte 4 of its decompressed contents: dimension 1 is 4278190082, not 2",
            ),
            (
                with(15, 4),
                "at byte 12 of its decompressed contents: dimension 3 is 4, not 3",
            ),
        ];
        for (bytes, expected) in table {
            let message = message(&gzip(&bytes));
            assert!(
                message.starts_with(expected),
                "{message}\nexpected: {expected}"
            );
        }
    }

    #[test]
    fn a_file_cut_or_changed_anywhere_is_refused() {
        let sound = gzip(&GOOD);
        for end in 0..sound.len() {
            let message = message(&sound[..end]);
            assert!(
                message.contains("the file ends within its gzip data"),
                "{end}: {message}"
            );
        }
        // Bytes 4 to 9 are the time, the compression level and the system: they change nothing.
        for byte in (0..4).chain(10..sound.len()) {
            let mut changed = sound.clone();
            changed[byte] ^= 0x55;
            assert!(read(&changed, &[2, 2, 3]).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn bytes_after_the_gzip_data_are_refused() {
        let sound = gzip(&GOOD);
        let expected = format!("at byte {}: 3 more bytes follow", sound.len());
        let message = message(&[&sound[..], b"abc"].concat());
        assert!(message.starts_with(&expected), "{message}");
    }

    #[test]
    fn a_file_that_decompresses_to_a_thousandfold_is_refused_at_the_end_of_what_is_needed() {
        let mut bomb = GOOD.to_vec();
        bomb.resize(50_000_000, 0);
        assert!(message(&gzip(&bomb)).starts_with("at byte 28 of its decompressed contents"));
    }

    #[test]
    fn a_label_out_of_range_is_refused_with_its_place() {
        assert_eq!(check_labels(&[0, 9, 3], 10), Ok(()));
        let error = check_labels(&[0, 9, 10, 255], 10).unwrap_err().to_string();
        assert_eq!(
            error,
            "at byte 10 of its decompressed contents: label 10 is not below 10"
        );
    }
}
