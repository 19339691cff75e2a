//! Reading the small text files of `/proc` and `/sys`.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    str::FromStr,
};

/// `/proc/stat` of a machine with a thousand cores has about 100 kB; nothing read here has more.
const BOUND_BYTES: u64 = 1 << 20;

/// The text of a file; bytes that are not UTF-8 (a process may have any name) are replaced.
pub(crate) fn text(path: &Path) -> Option<String> {
    bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a file, up to a bound.
pub(crate) fn bytes(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(BOUND_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The one number that a file holds.
pub(crate) fn number<T: FromStr>(path: &Path) -> Option<T> {
    text(path)?.trim().parse().ok()
}

/// The value behind `key` in lines of "key value" or "key: value".
pub(crate) fn value<T: FromStr>(text: &str, key: &str) -> Option<T> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        // "pswpin" is not the key of "pswpin_zero 3".
        let value = rest.strip_prefix(char::is_whitespace)?;
        value.split_whitespace().next()?.parse().ok()
    })
}

/// The entries of a folder whose names are `prefix` and a number, in the order of the numbers.
pub(crate) fn numbered(folder: &Path, prefix: &str) -> Vec<(u32, PathBuf)> {
    let mut found: Vec<_> = (names(folder).into_iter())
        .filter_map(|name| {
            let number = name.strip_prefix(prefix)?.parse().ok()?;
            Some((number, folder.join(name)))
        })
        .collect();
    found.sort();
    found
}

/// The names in a folder; none where it can't be read.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
