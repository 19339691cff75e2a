//! The members of a zip archive that lie in it as they are, as Keras writes them.
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>)

use crate::problem::Problem;

const END: &[u8] = b"PK\x05\x06";
const ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";

/// The bytes at a place, or why there are none.
pub(super) fn bytes_at(bytes: &[u8], at: u64, count: u64) -> Option<&[u8]> {
    let from = usize::try_from(at).ok()?;
    let to = from.checked_add(usize::try_from(count).ok()?)?;
    bytes.get(from..to)
}

/// A little-endian number of so many bytes, at most eight.
pub(super) fn number_at(bytes: &[u8], at: u64, count: u64) -> Option<u64> {
    let mut number = [0; 8];
    number[..count as usize].copy_from_slice(bytes_at(bytes, at, count)?);
    Some(u64::from_le_bytes(number))
}

/// The member of this name.
pub(super) fn member<'a>(archive: &'a [u8], name: &str) -> Result<&'a [u8], Problem> {
    let advice = "save it with Keras 3: model.save(\"model.keras\"), or export it as ONNX";
    let problem = |what: &str| Problem::new(format!("it is a zip archive {what}"), advice);
    let last = archive.windows(4).rposition(|it| it == END);
    let end = last.ok_or_else(|| problem("that is cut off"))? as u64;
    find(archive, end, name)
        .ok_or_else(|| problem("that cannot be read"))?
        .map_err(|what| problem(&what))
}

fn find<'a>(archive: &'a [u8], end: u64, name: &str) -> Option<Result<&'a [u8], String>> {
    let count = number_at(archive, end + 10, 2)?;
    let mut at = number_at(archive, end + 16, 4)?;
    for _ in 0..count {
        if bytes_at(archive, at, 4)? != ENTRY {
            return None;
        }
        let field = |offset, bytes| number_at(archive, at + offset, bytes);
        let (method, crc) = (field(10, 2)?, field(16, 4)?);
        let (bytes, name_bytes) = (field(24, 4)?, field(28, 2)?);
        if bytes_at(archive, at + 46, name_bytes)? != name.as_bytes() {
            at += 46 + name_bytes + field(30, 2)? + field(32, 2)?;
            continue;
        }
        if method != 0 {
            return Some(Err(format!(
                "whose {name} is compressed, as Keras never does"
            )));
        }
        let local = field(42, 4)?;
        if bytes_at(archive, local, 4)? != LOCAL {
            return None;
        }
        let names = number_at(archive, local + 26, 2)? + number_at(archive, local + 28, 2)?;
        let contents = bytes_at(archive, local + 30 + names, bytes)?;
        let mut sum = flate2::Crc::new();
        sum.update(contents);
        if u64::from(sum.sum()) != crc {
            return Some(Err(format!("whose {name} is damaged")));
        }
        return Some(Ok(contents));
    }
    Some(Err(format!(
        "without {name}, so it is none of Keras's (PyTorch's .pt is one, too)"
    )))
}
