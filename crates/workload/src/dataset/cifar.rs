//! The binary version of CIFAR-10 and CIFAR-100 (<https://www.cs.toronto.edu/~kriz/cifar.html>): records
//! of a label (CIFAR-100: a coarse and a fine one) and the pixels of a sample, one plane for each channel,
//! row by row.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::contents_error::{Wrong, read_up_to};
use crate::hexadecimal;

/// Where the samples of one file go.
pub(crate) struct Batch<'a> {
    /// Labels of a record, the last of which is learnt.
    pub(crate) record_labels: usize,
    /// Of one sample.
    pub(crate) sample_bytes: usize,
    pub(crate) channels: usize,
    pub(crate) classes: usize,
    pub(crate) pixels: &'a mut [u8],
    pub(crate) labels: &'a mut [u8],
}

/// A file as far as it was read: never further than one byte after what it must hold.
#[derive(Debug)]
pub(crate) struct ReadBatch {
    pub(crate) sha256: String,
    pub(crate) wrong: Option<Wrong>,
}

/// So few that they are still in the cache when they are put in order after they were hashed.
const RECORDS_AT_ONCE: usize = 64;

/// Fills the batch from a file, which must have exactly as many records as the batch has labels.
pub(crate) fn read(file: &mut dyn Read, batch: Batch) -> io::Result<ReadBatch> {
    let sample_bytes = batch.sample_bytes;
    let record_labels = batch.record_labels;
    let record_bytes = record_labels + sample_bytes;
    let file_bytes = batch.labels.len() * record_bytes;
    let mut sum = Sha256::new();
    let mut wrong = None;
    let mut note = |byte, problem| {
        wrong.get_or_insert(Wrong { byte, problem });
    };
    let mut buffer = vec![0; RECORDS_AT_ONCE * record_bytes];
    let mut byte = 0;
    let pixels = batch.pixels.chunks_mut(RECORDS_AT_ONCE * sample_bytes);
    for (labels, pixels) in batch.labels.chunks_mut(RECORDS_AT_ONCE).zip(pixels) {
        let records = &mut buffer[..labels.len() * record_bytes];
        let filled = read_up_to(file, records)?;
        sum.update(&records[..filled]);
        if filled < records.len() {
            byte += filled;
            let missing = file_bytes - byte;
            note(byte, format!("it ends here, {missing} bytes too early"));
            break;
        }
        let records = records.chunks_exact(record_bytes);
        let samples = pixels.chunks_exact_mut(sample_bytes).zip(labels);
        for (record, (pixels, label)) in records.zip(samples) {
            let (names, planes) = record.split_at(record_labels);
            let place = record_labels - 1;
            *label = names[place];
            if usize::from(*label) >= batch.classes {
                note(
                    byte + place,
                    format!("label {label} is not below {}", batch.classes),
                );
            }
            interleave(planes, batch.channels, pixels);
            byte += record_bytes;
        }
    }
    // One byte too many is hashed too: with it, the sum is not the official one.
    let more = &mut [0];
    if byte == file_bytes && read_up_to(file, more)? > 0 {
        sum.update(more);
        note(byte, "more bytes follow than there should be".into());
    }
    Ok(ReadBatch {
        sha256: hexadecimal(&sum.finalize()),
        wrong,
    })
}

/// Planes, one a channel, to pixels that have their channels together.
fn interleave(planes: &[u8], channels: usize, pixels: &mut [u8]) {
    for (channel, plane) in planes.chunks_exact(planes.len() / channels).enumerate() {
        for (pixel, &value) in pixels.chunks_exact_mut(channels).zip(plane) {
            pixel[channel] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three samples of 1×2 pixels in three channels.
    const GOOD: [u8; 21] = [
        9, 1, 2, 3, 4, 5, 6, //
        0, 11, 12, 13, 14, 15, 16, //
        5, 21, 22, 23, 24, 25, 26,
    ];

    fn read_all(file: &[u8]) -> (Vec<u8>, Vec<u8>, ReadBatch) {
        let (mut pixels, mut labels) = (vec![0; 18], vec![0; 3]);
        let batch = Batch {
            record_labels: 1,
            sample_bytes: 6,
            channels: 3,
            classes: 10,
            pixels: &mut pixels,
            labels: &mut labels,
        };
        let read = read(&mut &file[..], batch).unwrap();
        (pixels, labels, read)
    }

    #[test]
    fn planes_become_pixels_with_their_channels_together() {
        let (pixels, labels, read) = read_all(&GOOD);
        assert_eq!(labels, [9, 0, 5]);
        assert_eq!(pixels[..6], [1, 3, 5, 2, 4, 6]);
        assert_eq!(pixels[12..], [21, 23, 25, 22, 24, 26]);
        assert_eq!(read.sha256, crate::dataset::sum::sha256(&GOOD));
        assert_eq!(read.wrong, None);
    }

    #[test]
    fn of_two_labels_the_last_one_is_read() {
        let file = [
            19, 99, 1, 2, 3, 4, 5, 6, //
            200, 3, 11, 12, 13, 14, 15, 16, //
            0, 100, 21, 22, 23, 24, 25, 26,
        ];
        let (mut pixels, mut labels) = (vec![0; 18], vec![0; 3]);
        let batch = Batch {
            record_labels: 2,
            sample_bytes: 6,
            channels: 3,
            classes: 100,
            pixels: &mut pixels,
            labels: &mut labels,
        };
        let read = read(&mut &file[..], batch).unwrap();
        assert_eq!(labels, [99, 3, 100]);
        assert_eq!(pixels[6..12], [11, 13, 15, 12, 14, 16]);
        let wrong = read.wrong.expect("the last label is too large");
        assert_eq!(wrong.byte, 17);
        assert_eq!(wrong.problem, "label 100 is not below 100");
    }

    #[test]
    fn wrong_contents_are_refused_with_their_place_and_change_the_sum() {
        let with = |byte: usize, value: u8| {
            let mut bytes = GOOD;
            bytes[byte] = value;
            bytes.to_vec()
        };
        let table = [
            (vec![], 0, "it ends here, 21 bytes too early"),
            (GOOD[..20].to_vec(), 20, "it ends here, 1 bytes too early"),
            (with(7, 10), 7, "label 10 is not below 10"),
            (with(14, 255), 14, "label 255 is not below 10"),
            ([&GOOD[..], &[0; 9]].concat(), 21, "more bytes follow"),
        ];
        for (file, byte, expected) in table {
            let read = read_all(&file).2;
            let wrong = read.wrong.expect(expected);
            assert_eq!(wrong.byte, byte, "{expected}");
            assert!(wrong.problem.starts_with(expected), "{}", wrong.problem);
            assert_ne!(read.sha256, crate::dataset::sum::sha256(&GOOD));
        }
    }
}
