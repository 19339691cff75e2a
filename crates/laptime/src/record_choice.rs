//! Which results a command line means: files, stored records, published results.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use laptime_results::{
    Read, Record, Store,
    number::counted,
    published::{self, Published},
    read, short_id,
};
use laptime_workload::{Shown, directories::data_dir, escaped};

use crate::{failure::Failure, output};

/// Nobody's record is as long.
const MOST_BYTES: u64 = 64 << 20;

/// Records that a mistake is answered with, at most.
const MOST_NAMED: usize = 8;

/// The stored records.
pub struct Library {
    /// Their ids and files, the oldest first.
    files: Vec<(String, PathBuf)>,
    /// Why there is no store.
    missing: Option<String>,
}

/// What a word of the command line means.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file: the user's own, or one of the store.
    File(PathBuf),
    /// Published results that the word fits; one of them is meant.
    Published(String, Vec<&'static Published>),
}

/// A file with its text; nothing where a published result is meant.
pub type Text<'a> = Option<(&'a Path, Vec<u8>)>;

impl Library {
    /// Lists the store. Where there is none, files and published results can be had all the same.
    pub fn open() -> Self {
        let listed = match data_dir() {
            Err(error) => Err(error.to_string()),
            Ok(folder) => {
                let files = Store::below(&folder).files();
                files.map_err(|error| error.to_string())
            }
        };
        match listed {
            Ok(files) => Self {
                files,
                missing: None,
            },
            Err(error) => Self {
                files: Vec::new(),
                missing: Some(error),
            },
        }
    }

    /// The files of all records, the oldest first.
    ///
    /// # Errors
    /// Where there is no store.
    pub fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        match &self.missing {
            Some(why) => Err(Failure::Usage(why.clone())),
            None => Ok(self.files.iter().map(|(_, path)| path.clone()).collect()),
        }
    }

    /// All records, the newest first. A file that cannot be read is told of, and left out.
    ///
    /// # Errors
    /// Where there is no store.
    pub fn all(&self) -> Result<Vec<Record>, Failure> {
        if let Some(why) = &self.missing {
            return Err(Failure::Usage(why.clone()));
        }
        let mut records = Vec::new();
        for (_, path) in self.files.iter().rev() {
            match read_file(path) {
                Ok(found) => records.extend(found.into_iter().map(|read| read.record)),
                Err(failure) => output::warning(&format!("{failure}; left out")),
            }
        }
        Ok(records)
    }

    /// The file of the stored record that this word means; `None` where it means none.
    ///
    /// # Errors
    /// Where it could mean several, or `last` goes too far back.
    pub fn stored(&self, word: &str) -> Result<Option<&Path>, Failure> {
        let back = match word.strip_prefix("last") {
            Some("") => Some(Some(0)),
            // Digits alone: a sign would be taken too.
            Some(rest) => rest
                .strip_prefix('~')
                .map(|back| match back.starts_with('+') {
                    true => None,
                    false => back.parse::<usize>().ok(),
                }),
            None => None,
        };
        if let Some(back) = back {
            let count = self.files.len();
            let place = back.and_then(|back| count.checked_sub(1)?.checked_sub(back));
            return match (place, &self.missing) {
                (Some(place), _) => Ok(Some(&self.files[place].1)),
                (None, Some(why)) => Err(Failure::Usage(format!("{word}: {why}"))),
                (None, None) if count == 0 => Err(Failure::Usage(format!(
                    "{}: no record is stored yet; `laptime run` stores one",
                    escaped(word)
                ))),
                (None, None) => Err(Failure::Usage(format!(
                    "{}: the store has {}; last is the newest, last~1 the one before; \
                     `laptime records list` shows them",
                    escaped(word),
                    counted(count as u64, "record")
                ))),
            };
        }
        let is_meant =
            |id: &str| !word.is_empty() && (id.starts_with(word) || short_id(id) == word);
        let found: Vec<&(String, PathBuf)> =
            self.files.iter().filter(|(id, _)| is_meant(id)).collect();
        match found.as_slice() {
            [] => Ok(None),
            [(_, path)] => Ok(Some(path)),
            several => {
                let ids = several.iter().take(MOST_NAMED).map(|(id, _)| id.as_str());
                let mut ids = ids.collect::<Vec<_>>().join(", ");
                if several.len() > MOST_NAMED {
                    ids += " …";
                }
                Err(Failure::Usage(format!(
                    "{}: {} records have such an id: {ids}; give more of it",
                    escaped(word),
                    several.len()
                )))
            }
        }
    }

    /// What a word means: `last`, a file, a stored record, a published result, in this order.
    ///
    /// # Errors
    /// Where it means nothing, or could mean several stored records.
    pub fn find(&self, word: &str) -> Result<Source, Failure> {
        let path = Path::new(word);
        let is_last = word == "last" || word.starts_with("last~");
        if !is_last && path.exists() {
            return Ok(Source::File(path.to_owned()));
        }
        if let Some(path) = self.stored(word)? {
            return Ok(Source::File(path.to_owned()));
        }
        let published = published::named(word);
        if !published.is_empty() {
            return Ok(Source::Published(word.to_owned(), published));
        }
        let mut names: Vec<&str> = published::results()
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        names.sort();
        names.dedup();
        Err(Failure::Usage(format!(
            "{}: no such file, no stored record with such an id (`laptime records list` shows \
             them), and no published result; published are: {}",
            escaped(word),
            names.join("; ")
        )))
    }
}

/// The records of a file.
///
/// # Errors
/// Where it cannot be read, or has anything else than records in it that can be right.
pub fn read_file(path: &Path) -> Result<Vec<Read>, Failure> {
    records_in(path, &read_bytes(path)?)
}

/// The records in a file's text.
///
/// # Errors
/// Where it has anything else than records that can be right.
pub fn records_in(path: &Path, text: &[u8]) -> Result<Vec<Read>, Failure> {
    read(text).map_err(|error| Failure::Usage(format!("{}: {error}", Shown(path))))
}

/// A file's text, once: it may be a pipe.
///
/// # Errors
/// Where it cannot be read, or is too long for a record.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", Shown(path)));
    let unreadable = |error: io::Error| wrong(format!("cannot be read: {error}"));
    if path.is_dir() {
        return Err(wrong("this is a folder; give a record's file".into()));
    }
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let mut file = file.take(MOST_BYTES + 1);
    file.read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST_BYTES {
        let mebibytes = MOST_BYTES >> 20;
        return Err(wrong(format!(
            "longer than {mebibytes} MiB, which no record is; give a record's file"
        )));
    }
    Ok(text)
}

/// Of the published results that a word fits, the one that is of the same workload as the others.
///
/// # Errors
/// Where that leaves several.
pub fn one_published(
    word: &str,
    fitting: &[&'static Published],
    workloads: &[&str],
) -> Result<&'static Published, Failure> {
    let of_workload = |it: &&&'static Published| workloads.contains(&it.workload.as_str());
    let mut left: Vec<&'static Published> = fitting.iter().filter(of_workload).copied().collect();
    if left.is_empty() {
        // The comparison says that it is of another workload.
        left = fitting.to_vec();
        if !workloads.is_empty() {
            left.truncate(1);
        }
    }
    match left.as_slice() {
        [one] => Ok(one),
        several => {
            let names = several
                .iter()
                .map(|it| format!("{} {}", it.name, it.workload));
            Err(Failure::Usage(format!(
                "{}: several published results fit: {}; name one of them",
                escaped(word),
                names.collect::<Vec<_>>().join("; ")
            )))
        }
    }
}
