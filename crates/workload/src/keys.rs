//! The keys of a spec's tables: which are missing, with the values to offer, and which are unknown.

use std::borrow::Cow;

use toml::Spanned;

use crate::{
    fields::Fields,
    foreign,
    key::Key,
    spec_error::{Faults, SpecError, quoted},
    suggest::{advice, meant},
};

/// A list of kinds with the keys of each.
pub(crate) type Kinds<'k> = &'k [(&'static str, &'static [Key])];

impl<'a> Fields<'a> {
    /// The value to offer for a key of this table, as TOML.
    pub(crate) fn offered(&self, key: &Key) -> String {
        let other = key.same_as.and_then(|other| self.sizes_text(other));
        other.unwrap_or(key.offered).to_owned()
    }

    /// Notes all keys that are missing or unknown. The table may also have the keys of `optional`. `kinds`
    /// are other kinds of what the table describes.
    pub(crate) fn check_keys(&self, optional: &[&str], kinds: Kinds) {
        let mut faults = Faults::default();
        let known = [optional, &names(self.keys)].concat();
        let mut mended = Vec::new();
        for key in self.unknown(&known) {
            if faults.is_full() {
                break;
            }
            let name = key.get_ref();
            mended.extend(meant(name, &known, &foreign::KEYS));
            faults.add(self.unknown_key(key, &known, kinds));
        }
        // Whoever mends a slip has the key.
        let is_missing =
            |key: &&Key| !self.table.contains_key(key.name) && !mended.contains(&key.name);
        let missing: Vec<&Key> = self.keys.iter().filter(is_missing).collect();
        if !missing.is_empty() {
            faults.add(self.missing(&missing));
        }
        self.noted(faults.result(), ());
        self.keys_are_checked.set(true);
    }

    /// Refuses every unknown key.
    pub(crate) fn deny_unknown(&self) -> Result<(), SpecError> {
        let mut faults = Faults::default();
        let known = names(self.keys);
        for key in self.unknown(&known).into_iter().take(Faults::MOST) {
            faults.add(self.unknown_key(key, &known, &[]));
        }
        faults.result()
    }

    /// The keys that are not among `known`, in the order of the text.
    fn unknown(&self, known: &[&str]) -> Vec<&Spanned<Cow<'a, str>>> {
        let unknown = self.table.keys();
        let unknown = unknown.filter(|key| !known.contains(&key.get_ref().as_ref()));
        let mut unknown: Vec<_> = unknown.collect();
        unknown.sort_by_key(|key| key.span().start);
        unknown
    }

    fn unknown_key(&self, key: &Spanned<Cow<str>>, known: &[&str], kinds: Kinds) -> SpecError {
        let name = key.get_ref();
        let what = format!("unknown key {} in {}", quoted(name), self.what);
        let mut advice = advice(name, known, &foreign::KEYS);
        let have_it = kinds
            .iter()
            .filter(|(_, keys)| keys.iter().any(|key| key.name == *name));
        let owners: Vec<String> = have_it.map(|(kind, _)| format!("{kind:?}")).collect();
        if !owners.is_empty() && meant(name, known, &foreign::KEYS).is_none() {
            advice = format!("it is a key of {}; {advice}", owners.join(", "));
        }
        self.error(key.span(), what, advice)
    }

    /// These keys are missing.
    pub(crate) fn missing(&self, keys: &[&Key]) -> SpecError {
        let names: Vec<String> = keys.iter().map(|key| format!("{:?}", key.name)).collect();
        let what = format!("{} has no {}", self.what, names.join(", "));
        self.error_at(self.span.clone(), what, added(&lines(keys, self)))
    }

    /// Whether an unknown key of the whole spec is a slip for this one, which [`Self::deny_unknown`] tells.
    pub(crate) fn has_slip_of(&self, key: &str) -> bool {
        let known = names(self.keys);
        let mut unknown = self.unknown(&known).into_iter().take(Faults::MOST);
        self.span.is_none()
            && unknown.any(|it| meant(it.get_ref(), &known, &foreign::KEYS) == Some(key))
    }

    /// The table under this header is missing.
    pub(crate) fn missing_table(&self, key: &str, header: &str, keys: &'static [Key]) -> SpecError {
        if self.has_slip_of(key) {
            return SpecError::told();
        }
        let keys: Vec<&Key> = keys.iter().collect();
        let mut added_lines = vec![header.to_owned()];
        added_lines.extend(lines(&keys, self));
        let what = format!("{} has no {header}", self.what);
        self.error_at(self.span.clone(), what, added(&added_lines))
    }
}

fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// The lines that a table lacks, ready to be put into the file, with where their values come from.
fn lines(keys: &[&Key], fields: &Fields) -> Vec<String> {
    let assignment = |key: &&Key| format!("{} = {}", key.name, fields.offered(key));
    let assignments: Vec<String> = keys.iter().map(assignment).collect();
    let width = assignments.iter().map(String::len).max().unwrap_or(0);
    let lines = assignments.iter().zip(keys);
    let lines = lines.map(|(assignment, key)| match key.why {
        "" => assignment.clone(),
        why => format!("{assignment:<width$}  # {why}"),
    });
    lines.collect()
}

/// Advice to add these lines. Several stand below each other, so that they can be copied.
fn added(lines: &[String]) -> String {
    match lines {
        [line] => format!("add {line}"),
        lines => format!("add these:\n      {}", lines.join("\n      ")),
    }
}
