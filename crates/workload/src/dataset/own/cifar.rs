//! CIFAR's binary version: records of a label (CIFAR-100: a coarse and a fine one) and an image of 32×32, its red,
//! green and blue planes one after the other. (<https://www.cs.toronto.edu/~kriz/cifar.html>)

use std::path::Path;

use super::{
    OwnError,
    error::wrong,
    raw::{Kind, Raw},
};
use crate::{Shown, own_file};

const PIXELS: usize = 32 * 32;
const CHANNELS: usize = 3;

/// Where in a record a label is, and how many there are.
fn place_of(label: &str) -> Option<(usize, usize)> {
    match label {
        "label" => Some((0, 1)),
        "coarse" => Some((0, 2)),
        "fine" => Some((1, 2)),
        _ => None,
    }
}

/// The images and labels of files, one after the other.
pub(super) fn read(
    folder: &Path,
    files: &[String],
    label: Option<&str>,
) -> Result<(Raw, Raw), OwnError> {
    let first = Shown(&folder.join(files.first().map_or("", String::as_str))).to_string();
    let Some((place, labels)) = place_of(label.unwrap_or("")) else {
        let problem = "say which label is learnt: target = \"label\" of CIFAR-10, \"fine\" or \"coarse\" of \
                       CIFAR-100";
        return Err(OwnError::new(first, problem));
    };
    let record_bytes = labels + CHANNELS * PIXELS;
    let (mut images, mut classes) = (Vec::new(), Vec::new());
    for file in files {
        let path = folder.join(file);
        let bytes = own_file::read(&path).map_err(|error| OwnError::io(&path, &error))?;
        let records = bytes.chunks_exact(record_bytes);
        let rest = records.remainder().len();
        if rest > 0 || bytes.is_empty() {
            let problem = format!(
                "records have {record_bytes} bytes with this target, and {rest} are left at the end"
            );
            let at = wrong::<()>(bytes.len() - rest, problem);
            return Err(at.map_err(|it| OwnError::at(Shown(&path), it)).unwrap_err());
        }
        images.reserve(records.len() * CHANNELS * PIXELS);
        for record in records {
            classes.push(record[place]);
            let planes = &record[labels..];
            for pixel in 0..PIXELS {
                images.extend((0..CHANNELS).map(|channel| planes[channel * PIXELS + pixel]));
            }
        }
    }
    let raw = |shape: Vec<usize>, bytes| Raw {
        block_sums: None,
        place: first.clone(),
        first_byte: 0,
        kind: Kind::U8,
        shape,
        bytes,
    };
    let count = classes.len();
    Ok((
        raw(vec![count, 32, 32, CHANNELS], images),
        raw(vec![count], classes),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels_and_both_labels_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let record = |labels: &[u8], red: u8| {
            let planes = [[red; PIXELS], [50; PIXELS], [60; PIXELS]].concat();
            [labels, &planes].concat()
        };
        let write =
            |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("a.bin", &[record(&[3], 1), record(&[4], 2)].concat());
        write("b.bin", &record(&[5], 3));
        write("hundred.bin", &record(&[7, 99], 3));
        let read = |files: &[&str], label| {
            let files: Vec<String> = files.iter().map(|it| it.to_string()).collect();
            read(folder.path(), &files, label)
        };
        let (images, labels) = read(&["a.bin", "b.bin"], Some("label")).unwrap();
        assert_eq!(
            (images.shape, labels.bytes),
            (vec![3, 32, 32, 3], vec![3, 4, 5])
        );
        assert_eq!(images.bytes[..6], [1, 50, 60, 1, 50, 60]);
        assert_eq!(read(&["hundred.bin"], Some("coarse")).unwrap().1.bytes, [7]);
        assert_eq!(read(&["hundred.bin"], Some("fine")).unwrap().1.bytes, [99]);
        let message = read(&["hundred.bin"], Some("label"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("at byte 3073: records have 3073 bytes"),
            "{message}"
        );
        let message = read(&["a.bin"], None).unwrap_err().to_string();
        assert!(message.contains("say which label is learnt"), "{message}");
    }
}
