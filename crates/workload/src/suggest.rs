//! Names from a closed list: what to say when somebody writes another one.

use thiserror::Error;

use crate::foreign::Foreign;

/// A name that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {what} {given:?}; {advice}")]
pub struct UnknownName {
    what: &'static str,
    given: String,
    advice: String,
}

impl UnknownName {
    pub(crate) fn new(what: &'static str, given: &str, known: &[&str], foreign: &Foreign) -> Self {
        Self {
            what,
            given: shortened(given),
            advice: advice(given, known, foreign),
        }
    }
}

/// What was probably meant, or what to do instead, and all the known names.
pub fn advice(given: &str, known: &[&str], foreign: &Foreign) -> String {
    let plain = plain(given);
    let known_names = format!("known: {}", known.join(", "));
    if let Some(name) = renamed(&plain, known, foreign) {
        return format!("laptime calls it {name:?} ({known_names})");
    }
    let mut instead = foreign.instead.iter();
    if let Some((_, what)) = instead.find(|(theirs, _)| theirs.contains(&&*plain)) {
        return format!("{what} ({known_names})");
    }
    match closest(given, known, foreign) {
        Some(name) => format!("did you mean {name:?}? ({known_names})"),
        None if foreign.absent.contains(&&*plain) => {
            format!("laptime does not have it yet; {known_names}")
        }
        None => known_names,
    }
}

/// The known name that was probably meant.
pub(crate) fn meant<'a>(given: &str, known: &[&'a str], foreign: &Foreign) -> Option<&'a str> {
    renamed(&plain(given), known, foreign).or_else(|| closest(given, known, foreign))
}

/// Our name for what others call `plain`.
fn renamed<'a>(plain: &str, known: &[&'a str], foreign: &Foreign) -> Option<&'a str> {
    let mut renamed = foreign.renamed.iter();
    let (_, ours) = renamed.find(|(theirs, _)| theirs.contains(&plain))?;
    ours.iter()
        .find_map(|ours| known.iter().copied().find(|known| known == ours))
}

/// The known name that differs from `given` by a slip of the keyboard: one change for each four letters.
/// What everybody knows as something else is no slip.
fn closest<'a>(given: &str, known: &[&'a str], foreign: &Foreign) -> Option<&'a str> {
    // No name is that long; it also bounds the work on hostile text.
    if given.len() > 64 {
        return None;
    }
    let given = plain(given);
    let changes = |name: &str| strsim::damerau_levenshtein(&given, &plain(name));
    let (changes, name) = known.iter().map(|name| (changes(name), *name)).min()?;
    let is_slip = changes <= (name.len() / 4).max(1) && name.len() > changes + 1;
    let is_other = changes > 0 && foreign.absent.contains(&&*given);
    (is_slip && !is_other).then_some(name)
}

/// A name in lower case without separators, which everybody sets in a way of their own.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !['_', '-', ' '].contains(c));
    letters.flat_map(char::to_lowercase).collect()
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
    use crate::foreign::{self, NONE};

    #[test]
    fn slips_are_mended_and_other_names_are_not() {
        let known = ["flatten", "dense", "relu", "learning_rate", "fp32", "add"];
        let table = [
            ("dens", Some("dense")),
            ("Dense", Some("dense")),
            ("ReLU", Some("relu")),
            ("flaten", Some("flatten")),
            ("learning-rate", Some("learning_rate")),
            ("learningrat", Some("learning_rate")),
            ("fp23", Some("fp32")),
            ("sense", Some("dense")),
            ("lens", None),
            ("platter", None),
            ("lr", None),
            ("a", None),
            ("transformer", None),
            ("", None),
        ];
        for (given, expected) in table {
            assert_eq!(closest(given, &known, &NONE), expected, "{given}");
        }
    }

    #[test]
    fn names_of_other_libraries_get_ours_or_are_said_to_be_missing() {
        let known = [
            "flatten",
            "dense",
            "relu",
            "conv2d",
            "batch_norm",
            "dropout",
            "leaky_relu",
        ];
        let table = [
            ("Linear", "laptime calls it \"dense\" (known: flatten"),
            ("conv", "laptime calls it \"conv2d\""),
            ("Conv2D", "did you mean \"conv2d\"?"),
            ("BatchNorm2d", "laptime calls it \"batch_norm\""),
            ("batchnorm", "did you mean \"batch_norm\"?"),
            ("dropout2d", "drops single values, not whole channels"),
            ("softmax", "leave it out"),
            ("selu", "laptime does not have it yet; known: flatten"),
            ("LeakyReLU", "did you mean \"leaky_relu\"?"),
            ("conv3d", "laptime does not have it yet"),
            ("group_norm", "laptime does not have it yet"),
            ("quux", "known: flatten"),
        ];
        for (given, expected) in table {
            let advice = advice(given, &known, &foreign::LAYERS);
            assert!(advice.contains(expected), "{given}: {advice}");
        }
    }
}
