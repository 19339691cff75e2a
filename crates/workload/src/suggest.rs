//! Names from a closed list: what to say when somebody writes another one.

use thiserror::Error;

/// A name that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {what} {given:?}; {advice}")]
pub struct UnknownName {
    what: &'static str,
    given: String,
    advice: String,
}

impl UnknownName {
    pub(crate) fn new(what: &'static str, given: &str, known: &[&str]) -> Self {
        Self {
            what,
            given: shortened(given),
            advice: advice(given, known),
        }
    }
}

/// "did you mean …?", where one of the known names is near, and all the known names.
pub(crate) fn advice(given: &str, known: &[&str]) -> String {
    let known_names = format!("known: {}", known.join(", "));
    match closest(given, known) {
        Some(name) => format!("did you mean {name:?}? ({known_names})"),
        None => known_names,
    }
}

/// The known name that fewest changes of a letter away from `given`, if that is few.
fn closest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    // No name is that long; it also bounds the work on hostile text.
    if given.len() > 64 {
        return None;
    }
    let given = given.to_lowercase().replace('_', "-");
    let (changes, name) = known
        .iter()
        .map(|name| (letter_changes(&given, &name.replace('_', "-")), *name))
        .min()?;
    (changes <= name.len().div_ceil(3)).then_some(name)
}

/// The Levenshtein distance: how many letters must be put in, taken out or replaced.
fn letter_changes(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

/// As much of what somebody wrote as fits into a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let known = ["flatten", "dense", "relu", "learning_rate"];
        let table = [
            ("dens", Some("dense")),
            ("Dense", Some("dense")),
            ("ReLU", Some("relu")),
            ("flaten", Some("flatten")),
            ("learning-rate", Some("learning_rate")),
            ("lr", None),
            ("transformer", None),
            ("", None),
        ];
        for (given, expected) in table {
            assert_eq!(closest(given, &known), expected, "{given}");
        }
    }
}
