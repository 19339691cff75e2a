//! What is in files and datasets, in numbers that are quickly looked over.

use std::{collections::BTreeMap, path::Path};

use super::{OwnError, array_file, csv, images, raw::Raw, text};
use crate::{Shown, dataset::Array};

/// Values that are shown of an array, from the first on.
const FIRST: usize = 6;
/// Different values of a column of words that are shown.
const WORDS: usize = 10;

/// An array, or a column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Its name, empty where the file has one array alone.
    pub name: String,
    /// How values are stored.
    pub dtype: String,
    /// The number of samples.
    pub samples: usize,
    /// The extents of one sample.
    pub shape: Vec<usize>,
    /// What its values are: a range of numbers, or words with how often each occurs.
    pub values: String,
    /// The first of them.
    pub first: String,
}

impl Summary {
    /// Of an array of samples.
    pub fn of(which: &str, array: &Array) -> Self {
        let numbers = array.numbers();
        Self {
            name: format!("{which} {}", array.column.name),
            dtype: array.column.dtype.as_str().into(),
            samples: array.count(),
            shape: array.column.shape.clone(),
            values: range(&numbers),
            first: first(&numbers),
        }
    }

    fn of_raw(name: String, raw: &Raw) -> Self {
        let numbers = raw.numbers();
        Self {
            name,
            dtype: raw.kind.as_str().into(),
            samples: raw.samples(),
            shape: raw.sample_shape().to_vec(),
            values: range(&numbers),
            first: first(&numbers),
        }
    }
}

/// What a file of the user's has: its arrays, or its columns; or the classes of a folder of images.
///
/// # Errors
/// Where it cannot be read.
pub fn summaries(path: &Path) -> Result<Vec<Summary>, OwnError> {
    if path.is_dir() {
        return classes(path);
    }
    if array_file::ending(path) == "csv" {
        return columns(path);
    }
    if array_file::ending(path) == "txt" {
        return symbols(path);
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let Some(file) = path.file_name().and_then(|it| it.to_str()) else {
        return Err(OwnError::new(Shown(path), "this is the name of no file"));
    };
    if array_file::ending(path) != "npz" {
        let raw = array_file::read(folder, file)?;
        return Ok(vec![Summary::of_raw(String::new(), &raw)]);
    }
    let names = array_file::names(&array_file::open(path)?, path)?;
    let of = |name: &String| -> Result<Summary, OwnError> {
        let raw = array_file::read(folder, &format!("{file}:{name}"))?;
        Ok(Summary::of_raw(name.clone(), &raw))
    };
    names.iter().map(of).collect()
}

/// The classes of a folder of images: how many images, and of which sizes.
fn classes(folder: &Path) -> Result<Vec<Summary>, OwnError> {
    let listing = images::list(folder)?;
    let sizes = images::sizes(&listing)?;
    let of = |(class, name): (usize, &String)| {
        let images = || listing.images.iter().zip(&sizes);
        let of_class = || images().filter(|(image, _)| image.class == class);
        let extents = |size: &[usize; 3]| size.map(|it| it.to_string()).join("×");
        let smallest = of_class().map(|(_, size)| size).min();
        let largest = of_class().map(|(_, size)| size).max();
        let first = of_class()
            .next()
            .and_then(|(image, _)| image.path.file_name());
        let [smallest, largest] = [smallest, largest].map(|it| it.map_or(String::new(), extents));
        Summary {
            name: name.clone(),
            dtype: "images".into(),
            samples: of_class().count(),
            shape: Vec::new(),
            values: match smallest == largest {
                true => smallest,
                false => format!("{smallest} to {largest}"),
            },
            first: first.unwrap_or_default().to_string_lossy().into_owned(),
        }
    };
    Ok(listing.classes.iter().enumerate().map(of).collect())
}

/// The symbols of a text, in both units.
fn symbols(path: &Path) -> Result<Vec<Summary>, OwnError> {
    let text = text::contents(path)?;
    let mut by_count: Vec<(char, usize)> = text.counts.into_iter().collect();
    by_count.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let different = by_count.len();
    let numbers: Vec<f64> = text.first_bytes.iter().map(|it| f64::from(*it)).collect();
    let most = by_count.iter().take(WORDS);
    let most = most.map(|(character, count)| format!("{character:?} ({count})"));
    let most = most.collect::<Vec<_>>().join(", ");
    let more = if different > WORDS { ", …" } else { "" };
    let of = |name: &str, samples, values, first| Summary {
        name: name.into(),
        dtype: "text".into(),
        samples,
        shape: Vec::new(),
        values,
        first,
    };
    Ok(vec![
        of(
            "characters",
            text.characters,
            format!("{different} different: {most}{more}"),
            text.start,
        ),
        of(
            "bytes",
            text.bytes,
            format!("{} different", text.different_bytes),
            first(&numbers),
        ),
    ])
}

/// The columns of a table: of numbers where all values are, else of words.
fn columns(path: &Path) -> Result<Vec<Summary>, OwnError> {
    let (names, columns) = csv::columns_of(array_file::open(path)?, path)?;
    let of = |(name, words): (String, Vec<String>)| {
        let numbers: Option<Vec<f64>> = words.iter().map(|word| word.parse().ok()).collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        words
            .iter()
            .for_each(|word| *counts.entry(word).or_default() += 1);
        let shown = counts
            .iter()
            .take(WORDS)
            .map(|(word, count)| format!("{word} ({count})"));
        let mut values = shown.collect::<Vec<_>>().join(", ");
        if counts.len() > WORDS {
            values = format!("{} different: {values}, …", counts.len());
        }
        Summary {
            name,
            dtype: if numbers.is_some() { "number" } else { "text" }.into(),
            samples: words.len(),
            shape: Vec::new(),
            first: numbers.as_ref().map_or_else(
                || {
                    words
                        .iter()
                        .take(FIRST)
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(" ")
                },
                |numbers| first(numbers),
            ),
            values: numbers.map_or(values, |numbers| range(&numbers)),
        }
    };
    Ok(names.into_iter().zip(columns).map(of).collect())
}

fn range(numbers: &[f64]) -> String {
    let finite = || numbers.iter().copied().filter(|it| it.is_finite());
    let (Some(least), Some(most)) = (finite().reduce(f64::min), finite().reduce(f64::max)) else {
        return "no finite value".into();
    };
    let wild = numbers.len() - finite().count();
    let wild = match wild {
        0 => String::new(),
        count => format!(", {count} not finite"),
    };
    format!("{} to {}{wild}", short(least), short(most))
}

fn first(numbers: &[f64]) -> String {
    let shown = numbers.iter().take(FIRST).map(|it| short(*it));
    let text = shown.collect::<Vec<_>>().join(" ");
    if numbers.len() > FIRST {
        return text + " …";
    }
    text
}

/// Six digits of it.
fn short(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 {
        return format!("{number}");
    }
    let text = format!("{number:.5e}");
    let rounded: f64 = text.parse().unwrap_or(number);
    match rounded.abs() {
        1e-4..1e9 => format!("{rounded}"),
        _ => format!("{rounded:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_told_column_by_column() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "a,kind\n1.5,cat\n-2,dog\n0.1234567,cat\n").unwrap();
        let of = |summary: &Summary| {
            let Summary {
                name,
                dtype,
                values,
                first,
                ..
            } = summary.clone();
            [name, dtype, values, first]
        };
        let told: Vec<_> = summaries(&path).unwrap().iter().map(of).collect();
        assert_eq!(told[0], ["a", "number", "-2 to 1.5", "1.5 -2 0.123457"]);
        assert_eq!(told[1], ["kind", "text", "cat (2), dog (1)", "cat dog cat"]);
    }

    #[test]
    fn a_text_is_told_by_its_characters() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.txt");
        std::fs::write(&path, "née\nnun").unwrap();
        let [characters, bytes] = &summaries(&path).unwrap()[..] else {
            panic!("two lines");
        };
        assert_eq!(characters.samples, 7);
        assert_eq!(
            characters.values,
            "5 different: 'n' (3), '\\n' (1), 'e' (1), 'u' (1), 'é' (1)"
        );
        assert_eq!(characters.first, "\"née\\nnun\"");
        assert_eq!((bytes.samples, &bytes.values[..]), (8, "6 different"));
        assert_eq!(bytes.first, "110 195 169 101 10 110 …");
        std::fs::write(&path, [b'a', 0xff]).unwrap();
        let message = summaries(&path).unwrap_err().to_string();
        assert!(
            message.contains("at byte 1: these bytes are no character"),
            "{message}"
        );
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(range(&[0.5, f64::NAN, 3e20]), "0.5 to 3e20, 1 not finite");
        assert_eq!(range(&[]), "no finite value");
        assert_eq!(first(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]), "1 2 3 4 5 6 …");
    }
}
