//! Texts: a sample is a window of so many symbols, and what is learnt is the symbol behind it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{OwnError, Test, array_file, error::wrong};
use crate::{
    Shown,
    contents_error::Wrong,
    dataset::{Array, Column, Dtype, Samples},
};

/// Symbols are stored as bytes.
const MOST_SYMBOLS: usize = 256;

/// The most bytes that windows may take: each symbol is in as many of them as a window has symbols for each that it
/// moves on.
const MOST_BYTES: usize = 1 << 32;

/// What the symbols of a text are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Characters of Unicode, in UTF-8; those of the training text, in their order.
    Character,
    /// The 256 bytes.
    Byte,
}

/// What samples a text becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextForm {
    /// What its symbols are.
    pub unit: Unit,
    /// The symbols of a sample.
    pub context: usize,
    /// From the beginning of a sample to that of the next, in symbols.
    pub stride: usize,
}

impl Unit {
    fn plural(self) -> &'static str {
        match self {
            Self::Character => "characters",
            Self::Byte => "bytes",
        }
    }
}

/// The symbols that there are.
enum Vocabulary {
    /// In their order.
    Characters(Vec<char>),
    Bytes,
}

/// Samples to train and to test on, and the names of their classes, which are the symbols.
pub(super) fn samples(
    folder: &Path,
    file: &str,
    form: TextForm,
    test: &Test,
) -> Result<([Samples; 2], Vec<String>), OwnError> {
    let (place, text) = read(&folder.join(file))?;
    let vocabulary = Vocabulary::of(&text, form.unit);
    let vocabulary = vocabulary.map_err(|wrong| OwnError::at(&place, wrong))?;
    let symbols = vocabulary.count();
    let numbers = |text: &[u8], place: &str| {
        let numbers = vocabulary.numbers(text);
        numbers.map_err(|wrong| OwnError::at(place, wrong))
    };
    let train = numbers(&text, &place)?;
    let both = match test {
        Test::Files(super::Part::Text { file, .. }) => {
            let (test_place, text) = read(&folder.join(file))?;
            let test = numbers(&text, &test_place)?;
            [(place, train), (test_place, test)]
        }
        Test::End { fraction } => {
            let mut train = train;
            let trained = (train.len() as f64 * (1.0 - fraction)) as usize;
            let test = train.split_off(trained.min(train.len()));
            let tested = test.len();
            let unit = form.unit.plural();
            [
                (format!("{place}, before the test's part"), train),
                (format!("{place}, the last {tested} {unit}"), test),
            ]
        }
        Test::Files(_) | Test::Fraction { .. } => {
            let problem = "a text is tested on another text, or on its own end";
            return Err(OwnError::new(place, problem));
        }
    };
    let [train, test] = both.map(|(place, numbers)| {
        windows(&numbers, form, symbols).map_err(|problem| OwnError::new(place, problem))
    });
    Ok(([train?, test?], vocabulary.names()))
}

/// The contents of a file, and what messages call it.
fn read(path: &Path) -> Result<(String, Vec<u8>), OwnError> {
    let mut text = Vec::new();
    let read = array_file::open(path)?.read_to_end(&mut text);
    read.map_err(|error: io::Error| OwnError::io(path, &error))?;
    Ok((Shown(path).to_string(), text))
}

/// The characters of a text.
fn characters(text: &[u8]) -> Result<&str, Wrong> {
    let read = str::from_utf8(text);
    read.or_else(|error| {
        wrong(
            error.valid_up_to(),
            "these bytes are no character in UTF-8; convert the file, or read bytes with unit = \"byte\"",
        )
    })
}

/// How often each character is there.
fn counts(text: &str) -> BTreeMap<char, usize> {
    let mut ascii = [0; 128];
    let mut others = BTreeMap::new();
    for character in text.chars() {
        match ascii.get_mut(character as usize) {
            Some(count) => *count += 1,
            None => *others.entry(character).or_default() += 1,
        }
    }
    let ascii = (0u8..).map(char::from).zip(ascii);
    others.extend(ascii.filter(|(_, count)| *count > 0));
    others
}

impl Vocabulary {
    fn of(text: &[u8], unit: Unit) -> Result<Self, Wrong> {
        match unit {
            Unit::Byte => Ok(Self::Bytes),
            Unit::Character => {
                let all: Vec<char> = counts(characters(text)?).into_keys().collect();
                if let Some(extra) = all.get(MOST_SYMBOLS) {
                    let at = String::from_utf8_lossy(text).find(*extra);
                    let problem = format!(
                        "it has {} different characters, of which {extra:?} here is one too many: {MOST_SYMBOLS} \
                         are possible; read bytes with unit = \"byte\"",
                        all.len()
                    );
                    return wrong(at.unwrap_or(0), problem);
                }
                if all.len() < 2 {
                    let problem = format!(
                        "it has {} different characters; two are needed to tell apart",
                        all.len()
                    );
                    return wrong(0, problem);
                }
                Ok(Self::Characters(all))
            }
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Characters(all) => all.len(),
            Self::Bytes => MOST_SYMBOLS,
        }
    }

    /// The number of each symbol of a text.
    fn numbers(&self, text: &[u8]) -> Result<Vec<u8>, Wrong> {
        let all = match self {
            Self::Bytes => return Ok(text.to_vec()),
            Self::Characters(all) => all,
        };
        let numbers = characters(text)?.char_indices().map(|(at, character)| {
            let number = all.binary_search(&character).ok();
            number.map(|number| number as u8).ok_or_else(|| Wrong {
                byte: at,
                problem: format!(
                    "the character {character:?} is not in the training text; leave it out, or read bytes with \
                     unit = \"byte\""
                ),
            })
        });
        numbers.collect()
    }

    /// As they are shown.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Characters(all) => all.iter().map(|one| format!("{one:?}")).collect(),
            Self::Bytes => Vec::new(),
        }
    }
}

/// The windows of a text of these symbols, each with the symbol behind it.
fn windows(text: &[u8], form: TextForm, symbols: usize) -> Result<Samples, String> {
    let TextForm {
        unit,
        context,
        stride,
    } = form;
    let Some(last) = text.len().checked_sub(context + 1) else {
        return Err(format!(
            "it has {} {}, and one sample needs {}: context = {context} and the next; take a longer text, or a \
             smaller context",
            text.len(),
            unit.plural(),
            context + 1
        ));
    };
    let count = last / stride + 1;
    let bytes = count.checked_mul(context).filter(|it| *it <= MOST_BYTES);
    let too_large = || {
        format!(
            "{count} samples of {context} {} are more than {} GiB; take a larger stride",
            unit.plural(),
            MOST_BYTES >> 30
        )
    };
    if u32::try_from(count).is_err() {
        return Err(too_large());
    }
    let mut inputs = Vec::new();
    let bytes = bytes.ok_or_else(too_large)?;
    inputs
        .try_reserve_exact(bytes)
        .map_err(|_| format!("there is no memory for {count} samples of {context}"))?;
    let mut targets = Vec::with_capacity(count);
    for first in (0..=last).step_by(stride) {
        inputs.extend_from_slice(&text[first..][..context]);
        targets.push(text[first + context]);
    }
    let inputs = Array {
        column: Column::new("inputs", Dtype::U8, &[context]).of_symbols(symbols),
        bytes: inputs,
    };
    let targets = Array {
        column: Column::new("targets", Dtype::U8, &[]),
        bytes: targets,
    };
    Ok(Samples {
        arrays: vec![inputs, targets],
    })
}

/// What is in a text, in numbers that are quickly looked over.
pub(super) struct Contents {
    pub(super) characters: usize,
    /// How often each is there.
    pub(super) counts: BTreeMap<char, usize>,
    pub(super) bytes: usize,
    pub(super) different_bytes: usize,
    pub(super) first_bytes: Vec<u8>,
    /// Its beginning.
    pub(super) start: String,
}

/// What is in this file.
pub(super) fn contents(path: &Path) -> Result<Contents, OwnError> {
    const START: usize = 24;
    let (place, text) = read(path)?;
    let characters = characters(&text).map_err(|wrong| OwnError::at(place, wrong))?;
    let counts = counts(characters);
    let mut seen = [false; MOST_SYMBOLS];
    text.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    let start: String = characters.chars().take(START).collect();
    Ok(Contents {
        characters: counts.values().sum(),
        counts,
        bytes: text.len(),
        first_bytes: text.iter().take(START).copied().collect(),
        different_bytes: seen.iter().filter(|it| **it).count(),
        start: format!("{start:?}"),
    })
}

/// Makes samples of a text in memory, for a fuzzer; how many there are.
pub(super) fn fuzzed(text: &[u8]) -> Result<usize, OwnError> {
    let mut count = 0;
    for (unit, context, stride) in [
        (Unit::Character, 3, 1),
        (Unit::Byte, 1, 5),
        (Unit::Byte, 9, 2),
    ] {
        let form = TextForm {
            unit,
            context,
            stride,
        };
        let at = |wrong| OwnError::at("fuzz", wrong);
        let vocabulary = Vocabulary::of(text, unit).map_err(at)?;
        let numbers = vocabulary.numbers(text).map_err(at)?;
        let samples = windows(&numbers, form, vocabulary.count());
        let samples = samples.map_err(|problem| OwnError::new("fuzz", problem))?;
        assert!(
            samples.arrays[0]
                .bytes
                .iter()
                .all(|it| usize::from(*it) < vocabulary.count())
        );
        count += samples.count();
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(
        train: &str,
        test: Option<&[u8]>,
        form: TextForm,
        end: f64,
    ) -> Result<([Samples; 2], Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.txt"), train).unwrap();
        let of_test = super::super::Part::Text {
            file: "b.txt".into(),
            form,
        };
        let test = match test {
            Some(text) => {
                std::fs::write(folder.path().join("b.txt"), text).unwrap();
                Test::Files(of_test)
            }
            None => Test::End { fraction: end },
        };
        let name = folder.path().to_string_lossy().into_owned();
        let made = samples(folder.path(), "a.txt", form, &test);
        made.map_err(|error| error.to_string().replace(&name, ""))
    }

    const BY_THREE: TextForm = TextForm {
        unit: Unit::Character,
        context: 3,
        stride: 2,
    };

    #[test]
    fn windows_have_the_symbol_behind_them() {
        // ' ' 0, 'a' 1, 'b' 2, 'é' 3.
        let ([train, test], names) =
            made("abé abba", Some("b a é".as_bytes()), BY_THREE, 0.0).unwrap();
        assert_eq!(names, ["' '", "'a'", "'b'", "'é'"]);
        let column = Column::new("inputs", Dtype::U8, &[3]).of_symbols(4);
        assert_eq!(train.arrays[0].column, column);
        assert_eq!(train.arrays[0].bytes, [1, 2, 3, 3, 0, 1, 1, 2, 2]);
        assert_eq!(train.arrays[1].bytes, [0, 2, 1]);
        assert_eq!(test.arrays[0].bytes, [2, 0, 1]);
        assert_eq!(test.arrays[1].bytes, [0]);
        let bytes = TextForm {
            unit: Unit::Byte,
            ..BY_THREE
        };
        let ([train, _], names) = made("abé a", Some(&[0, 255, 7, 8]), bytes, 0.0).unwrap();
        assert!(names.is_empty());
        assert_eq!(train.arrays[0].column.symbols, Some(256));
        assert_eq!(train.arrays[0].bytes, [97, 98, 0xc3, 0xc3, 0xa9, 32]);
    }

    #[test]
    fn the_end_of_a_text_is_kept_to_test_on() {
        let text = "abcdefghij".repeat(10);
        let ([train, test], _) = made(&text, None, BY_THREE, 0.2).unwrap();
        // Of 80 and 20 characters; no window lies across.
        assert_eq!([train.count(), test.count()], [39, 9]);
        assert_eq!(train.arrays[1].bytes[38], 9);
        assert_eq!(test.arrays[0].bytes[..3], [0, 1, 2]);
    }

    #[test]
    fn what_is_wrong_is_told_with_file_and_byte() {
        let many: String = ('一'..).take(257).collect();
        let table = [
            (
                "abcabc",
                Some(&b"abxabc"[..]),
                "/b.txt: at byte 2: the character 'x' is not in the training text",
            ),
            (
                "abcabc",
                Some(b"ab\xffabc"),
                "/b.txt: at byte 2: these bytes are no character",
            ),
            (
                "abcabc",
                Some(b"abc"),
                "/b.txt: it has 3 characters, and one sample needs 4",
            ),
            (
                "abc",
                Some(b"abcabc"),
                "/a.txt: it has 3 characters, and one sample needs 4",
            ),
            (
                "",
                Some(b""),
                "/a.txt: at byte 0: it has 0 different characters",
            ),
            (
                "aaaaaa",
                None,
                "/a.txt: at byte 0: it has 1 different characters",
            ),
            (
                "abcabc",
                None,
                "/a.txt, before the test's part: it has 3 characters",
            ),
            (
                &many,
                None,
                "/a.txt: at byte 768: it has 257 different characters",
            ),
        ];
        for (train, test, expected) in table {
            let message = made(train, test, BY_THREE, 0.5).unwrap_err();
            // Windows' separator too.
            let message = message.replace('\\', "/");
            assert!(message.starts_with(expected), "{message}\n{expected}");
        }
    }

    #[test]
    fn windows_beyond_all_memory_are_refused() {
        let form = TextForm {
            context: 1 << 18,
            stride: 1,
            ..BY_THREE
        };
        let problem = windows(&vec![0; 1 << 19], form, 2).unwrap_err();
        assert!(problem.contains("take a larger stride"), "{problem}");
    }
}
