//! Names and choices in a spec: what may be a name, and which of several known things a text names.

use toml::Spanned;

use crate::{
    fields::Fields,
    foreign::Foreign,
    spec_error::{SpecError, quoted},
    suggest::{advice, meant},
};

/// Names become file names, keys of records and names of parameters.
pub(crate) fn is_name(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(is_allowed)
}

pub(crate) fn check_name(
    fields: &Fields,
    what: &str,
    name: &Spanned<String>,
) -> Result<(), SpecError> {
    let text = name.get_ref();
    if is_name(text) {
        return Ok(());
    }
    let what = format!("{what} cannot be {}", quoted(text));
    let advice = "use 1 to 64 letters, digits, '-', '_' and '.'";
    Err(fields.error(name.span(), what, advice))
}

/// The value that the text under `key` names, or the first of the known ones as a stand-in.
pub(crate) fn one_of<T: Clone>(
    fields: &Fields,
    key: &str,
    known: &[(&str, T)],
    foreign: &Foreign,
) -> T {
    fields.noted(named(fields, key, known, foreign), known[0].1.clone())
}

/// The value that the text under `key` names.
fn named<T: Clone>(
    fields: &Fields,
    key: &str,
    known: &[(&str, T)],
    foreign: &Foreign,
) -> Result<T, SpecError> {
    let text = fields.string(key)?;
    if let Some((_, value)) = known.iter().find(|(name, _)| name == text.get_ref()) {
        return Ok(value.clone());
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let what = format!("unknown {key} {}", quoted(text.get_ref()));
    let advice = advice(text.get_ref(), &names, foreign);
    Err(fields.error(text.span(), what, advice))
}

/// What the table is; where its kind is another library's name or a slip, what was meant, so that its keys
/// and values can be looked at all the same.
pub(crate) fn kind_of<T: Copy>(
    fields: &Fields,
    known: &[(&str, T)],
    foreign: &Foreign,
) -> Result<T, SpecError> {
    let wrong = match named(fields, "kind", known, foreign) {
        Ok(entry) => return Ok(entry),
        Err(wrong) => wrong,
    };
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let given = fields.get("kind").and_then(|kind| kind.get_ref().as_str());
    let name = given.and_then(|given| meant(given, &names, foreign));
    match known.iter().find(|(known, _)| Some(*known) == name) {
        None => Err(wrong),
        Some((_, entry)) => Ok(fields.noted(Err(wrong), *entry)),
    }
}
