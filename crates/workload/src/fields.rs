//! Reads a TOML table key by key, with errors that point at the text.

use std::ops::{Range, RangeInclusive};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    spec_error::{Problem, SourceText, SpecError, quoted},
    suggest::advice,
};

/// A table of the spec, all of whose keys are known.
pub(crate) struct Fields<'a> {
    source: &'a SourceText,
    /// How messages call the table: `[data]`, or `a "dense" layer`.
    what: String,
    table: &'a DeTable<'a>,
    /// What is marked where a key is missing.
    span: Range<usize>,
}

pub(crate) type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Fields<'a> {
    pub(crate) fn new(
        source: &'a SourceText,
        what: impl Into<String>,
        table: &'a DeTable<'a>,
        span: Range<usize>,
    ) -> Self {
        Self {
            source,
            what: what.into(),
            table,
            span,
        }
    }

    /// Refuses every key that is not among `known`; the first in the text is the one named.
    pub(crate) fn deny_unknown(&self, known: &[&str]) -> Result<(), SpecError> {
        let unknown = self.table.keys();
        let unknown = unknown.filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let name = key.get_ref();
                let what = format!("unknown key {} in {}", quoted(name), self.what);
                Err(self.error(key.span(), what, advice(name, known)))
            }
        }
    }

    pub(crate) fn error(
        &self,
        span: Range<usize>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> SpecError {
        self.source.error(span, Problem::new(what, advice))
    }

    /// Where each key's value stands.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (String, Range<usize>)> {
        let table = self.table.iter();
        table.map(|(key, value)| (key.get_ref().to_string(), value.span()))
    }

    /// The value under `key`, if there is one.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'a>> {
        self.table.get(key)
    }

    pub(crate) fn required(&self, key: &str, example: &str) -> Result<Value<'a>, SpecError> {
        self.table.get(key).ok_or_else(|| {
            let what = format!("{} has no {key:?}", self.what);
            self.error(self.span.clone(), what, format!("add {key} = {example}"))
        })
    }

    pub(crate) fn wrong_type(&self, key: &str, value: Value, example: &str) -> SpecError {
        let found = value.get_ref().type_str();
        let what = format!("{key:?} cannot be a value of type {found}");
        self.error(value.span(), what, format!("write {key} = {example}"))
    }

    pub(crate) fn string(&self, key: &str, example: &str) -> Result<Spanned<String>, SpecError> {
        let value = self.required(key, example)?;
        self.as_string(key, value, example)
    }

    pub(crate) fn optional_string(
        &self,
        key: &str,
        example: &str,
    ) -> Result<Option<Spanned<String>>, SpecError> {
        let value = self.table.get(key);
        value.map(|v| self.as_string(key, v, example)).transpose()
    }

    pub(crate) fn optional_strings(
        &self,
        key: &str,
        example: &str,
    ) -> Result<Option<Spanned<Vec<Spanned<String>>>>, SpecError> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        let Some(array) = value.get_ref().as_array() else {
            return Err(self.wrong_type(key, value, example));
        };
        let strings = array.iter().map(|v| self.as_string(key, v, example));
        let strings = strings.collect::<Result<_, _>>()?;
        Ok(Some(Spanned::new(value.span(), strings)))
    }

    fn as_string(
        &self,
        key: &str,
        value: Value,
        example: &str,
    ) -> Result<Spanned<String>, SpecError> {
        match value.get_ref().as_str() {
            Some(text) => Ok(Spanned::new(value.span(), text.to_owned())),
            None => Err(self.wrong_type(key, value, example)),
        }
    }

    pub(crate) fn boolean(&self, key: &str, example: &str) -> Result<bool, SpecError> {
        let value = self.required(key, example)?;
        let boolean = value.get_ref().as_bool();
        boolean.ok_or_else(|| self.wrong_type(key, value, example))
    }

    /// A whole number, 0 or more.
    pub(crate) fn whole(&self, key: &str, example: &str) -> Result<Spanned<u64>, SpecError> {
        let value = self.required(key, example)?;
        self.as_whole(key, value, example)
    }

    pub(crate) fn as_whole(
        &self,
        key: &str,
        value: Value,
        example: &str,
    ) -> Result<Spanned<u64>, SpecError> {
        let Some(integer) = value.get_ref().as_integer() else {
            return Err(self.wrong_type(key, value, example));
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(whole) => Ok(Spanned::new(value.span(), whole)),
            Err(_) => {
                let what = format!("{key:?} must be a whole number from 0 to {}", u64::MAX);
                Err(self.error(value.span(), what, format!("write {key} = {example}")))
            }
        }
    }

    /// A size from 1 to `most`.
    pub(crate) fn size(&self, key: &str, example: &str, most: u64) -> Result<usize, SpecError> {
        let value = self.required(key, example)?;
        self.as_size(key, value, example, 1..=most)
    }

    pub(crate) fn as_size(
        &self,
        key: &str,
        value: Value,
        example: &str,
        range: RangeInclusive<u64>,
    ) -> Result<usize, SpecError> {
        let whole = self.as_whole(key, value, example)?;
        match usize::try_from(*whole.get_ref()) {
            Ok(size) if range.contains(&(size as u64)) => Ok(size),
            _ => {
                let (least, most) = (range.start(), range.end());
                let what = format!("{key:?} must be at least {least} and at most {most}");
                Err(self.error(whole.span(), what, format!("write {key} = {example}")))
            }
        }
    }

    /// A number in `range`.
    pub(crate) fn number(
        &self,
        key: &str,
        example: &str,
        range: &NumberRange,
    ) -> Result<f64, SpecError> {
        let value = self.required(key, example)?;
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => return Err(self.wrong_type(key, value, example)),
        };
        match number {
            Some(number) if (range.allows)(number) => Ok(number),
            _ => {
                let what = format!("{key:?} must be {}", range.description);
                Err(self.error(value.span(), what, format!("write {key} = {example}")))
            }
        }
    }

    /// The table under `key`.
    pub(crate) fn table(&self, key: &str, known: &[&str]) -> Result<Fields<'a>, SpecError> {
        let Some(value) = self.table.get(key) else {
            let what = format!("{} has no [{key}]", self.what);
            let advice = format!("add a table [{key}] with {}", known.join(", "));
            return Err(self.error(self.span.clone(), what, advice));
        };
        let Some(table) = value.get_ref().as_table() else {
            let what = format!("{key:?} must be a table");
            let advice = format!("write [{key}] on a line of its own");
            return Err(self.error(value.span(), what, advice));
        };
        let fields = Fields::new(self.source, format!("[{key}]"), table, value.span());
        fields.deny_unknown(known)?;
        Ok(fields)
    }

    /// The tables written as `[[key]]`.
    pub(crate) fn tables(&self, key: &str) -> Result<Vec<Fields<'a>>, SpecError> {
        let advice = format!("write [[{key}]] on a line of its own, once for each");
        let Some(value) = self.table.get(key) else {
            let what = format!("{} has no [[{key}]]", self.what);
            return Err(self.error(self.span.clone(), what, advice));
        };
        let wrong = |span| self.error(span, format!("{key:?} must be a list of tables"), &*advice);
        let array = value.get_ref().as_array();
        let array = array.ok_or_else(|| wrong(value.span()))?;
        let tables = array.iter().map(|element| {
            let table = element.get_ref().as_table();
            let table = table.ok_or_else(|| wrong(element.span()))?;
            let what = format!("a [[{key}]]");
            Ok(Fields::new(self.source, what, table, element.span()))
        });
        tables.collect()
    }

    /// The same table, called by a better name in messages.
    pub(crate) fn called(self, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ..self
        }
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }
}

/// Which numbers a key takes.
pub(crate) struct NumberRange {
    pub(crate) description: &'static str,
    pub(crate) allows: fn(f64) -> bool,
}

/// Engines compute in `f32`, so that a number must still be one there.
pub(crate) const POSITIVE: NumberRange = NumberRange {
    description: "a number greater than 0 that single precision can hold",
    allows: |number| number >= f64::from(f32::MIN_POSITIVE) && number <= f64::from(f32::MAX),
};

/// At 1 (in single precision too) an average would never move, and its bias correction divide by 0.
pub(crate) const DECAY: NumberRange = NumberRange {
    description: "a number from 0 to less than 1",
    allows: |number| number >= 0.0 && (number as f32) < 1.0,
};

/// At 1 the moving statistics would stay as they began: of little use, but well defined.
pub(crate) const FRACTION: NumberRange = NumberRange {
    description: "a number from 0 to 1",
    allows: |number| (0.0..=1.0).contains(&number),
};
