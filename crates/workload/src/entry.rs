//! What a spec can choose by a `kind`: a layer, an optimizer, a schedule, an initializer.

use crate::{choices::kind_of, fields::Fields, foreign::Foreign, key::Key, spec_error::SpecError};

/// One of the things that a spec can choose, and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct Entry<T> {
    /// What the spec writes after `kind =`.
    pub kind: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The keys it needs beside `kind`.
    pub keys: &'static [Key],
    /// The keys that may be left out.
    pub optional: &'static [Key],
    pub(crate) read: fn(&Fields) -> T,
}

/// What a spec writes for a thing that it chooses.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// As of [`Entry`], and so are the others.
    pub kind: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The keys it needs beside `kind`.
    pub keys: &'static [Key],
    /// The keys that may be left out.
    pub optional: &'static [Key],
}

impl<T> Entry<T> {
    /// One without keys.
    pub(crate) const fn plain(
        kind: &'static str,
        summary: &'static str,
        read: fn(&Fields) -> T,
    ) -> Self {
        Self {
            kind,
            summary,
            keys: &[],
            optional: &[],
            read,
        }
    }

    /// What a spec writes for it.
    pub fn choice(&self) -> Choice {
        Choice {
            kind: self.kind,
            summary: self.summary,
            keys: self.keys,
            optional: self.optional,
        }
    }
}

/// Reads what a table has chosen, if it is one of these.
pub(crate) fn read<T>(entries: &[Entry<T>], kind: &str, fields: &Fields) -> Option<T> {
    let mut entries = entries.iter();
    let entry = entries.find(|entry| entry.kind == kind)?;
    Some((entry.read)(fields))
}

/// What a table chooses of these entries, read, and the table, for what all of them can have.
pub(crate) fn choose<'a, T>(
    fields: Fields<'a>,
    what: &str,
    entries: &[Entry<T>],
    common: &[&'static str],
    foreign: &Foreign,
) -> Result<(T, Fields<'a>), SpecError> {
    let choices = entries.iter().map(Entry::choice);
    let (kind, fields) = chosen(fields, what, choices, common, foreign)?;
    let value = read(entries, kind, &fields).expect("a kind that has an entry");
    Ok((value, fields))
}

/// The kind that a table chooses, and the table, called by it. It has no keys but those of that kind, and those
/// that all kinds can have.
pub(crate) fn chosen<'a>(
    fields: Fields<'a>,
    what: &str,
    choices: impl IntoIterator<Item = Choice>,
    common: &[&'static str],
    foreign: &Foreign,
) -> Result<(&'static str, Fields<'a>), SpecError> {
    let choices: Vec<_> = choices.into_iter().map(|it| (it.kind, it)).collect();
    let choice = kind_of(&fields, &choices, foreign)?;
    let fields = fields.called(
        what.replace("{}", &format!("{:?}", choice.kind)),
        choice.keys,
    );
    let own = choice.optional.iter().map(|key| key.name);
    let optional: Vec<_> = ["kind"]
        .into_iter()
        .chain(own)
        .chain(common.iter().copied())
        .collect();
    let keys: Vec<_> = choices
        .iter()
        .flat_map(|(kind, it)| [(*kind, it.keys), (*kind, it.optional)])
        .collect();
    fields.check_keys(&optional, &keys);
    Ok((choice.kind, fields))
}
