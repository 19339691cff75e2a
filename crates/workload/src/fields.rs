//! Reads a TOML table key by key, with errors that point at the text.

use std::{
    cell::{Cell, RefCell},
    ops::{Range, RangeInclusive},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{
    key::Key,
    spec_error::{Faults, Problem, SourceText, SpecError},
};

/// A table of the spec. What is wrong with a value is kept until [`Self::finish`], and a stand-in read, so
/// that all wrong values are told at once.
pub(crate) struct Fields<'a> {
    source: &'a SourceText,
    /// How messages call the table: `[data]`, or `a "dense" layer`.
    pub(crate) what: String,
    pub(crate) table: &'a DeTable<'a>,
    /// The keys it must have.
    pub(crate) keys: &'static [Key],
    /// What is marked where a key is missing; `None` for the whole file.
    pub(crate) span: Option<Range<usize>>,
    faults: RefCell<Faults>,
    /// Whether missing keys have been told: [`Self::check_keys`].
    pub(crate) keys_are_checked: Cell<bool>,
}

pub(crate) type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Fields<'a> {
    /// The whole of a spec.
    pub(crate) fn whole(
        source: &'a SourceText,
        table: &'a DeTable<'a>,
        keys: &'static [Key],
    ) -> Self {
        Self {
            source,
            what: "the spec".into(),
            table,
            keys,
            span: None,
            faults: RefCell::default(),
            keys_are_checked: Cell::new(false),
        }
    }

    /// What was read, or where that is wrong a stand-in: [`Self::finish`] will tell.
    pub(crate) fn noted<T>(&self, read: Result<T, SpecError>, stand_in: T) -> T {
        self.faults.borrow_mut().note(read).unwrap_or(stand_in)
    }

    /// What was made of this table's values, or all that is wrong with them.
    pub(crate) fn finish<T>(&self, made: T) -> Result<T, SpecError> {
        self.faults.take().result().map(|()| made)
    }

    /// The same table, called by a better name in messages, with the keys that it must have.
    pub(crate) fn called(self, what: impl Into<String>, keys: &'static [Key]) -> Self {
        Self {
            what: what.into(),
            keys,
            ..self
        }
    }

    pub(crate) fn error(
        &self,
        span: Range<usize>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> SpecError {
        self.error_at(Some(span), what, advice)
    }

    pub(crate) fn error_at(
        &self,
        span: Option<Range<usize>>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> SpecError {
        let problem = Problem::new(what, advice);
        match span {
            Some(span) => self.source.error(span, problem),
            None => SpecError::file(&self.source.file_name, problem),
        }
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

    /// The text of the whole number or numbers under `key`, if that is what is there.
    pub(crate) fn sizes_text(&self, key: &str) -> Option<&'a str> {
        let text = self.source.text.get(self.table.get(key)?.span())?;
        let is_sizes = |c: char| c.is_ascii_digit() || "_[], ".contains(c);
        (text.len() <= 20 && text.chars().all(is_sizes)).then_some(text)
    }

    pub(crate) fn required(&self, key: &str) -> Result<Value<'a>, SpecError> {
        self.table.get(key).ok_or_else(|| {
            if self.keys_are_checked.get() || self.has_slip_of(key) {
                return SpecError::told();
            }
            let of_name: Vec<&Key> = self.keys.iter().filter(|it| it.name == key).collect();
            self.missing(&of_name)
        })
    }

    /// What a message shows as a value of `key`.
    pub(crate) fn example(&self, key: &str) -> String {
        let known = self.keys.iter().find(|known| known.name == key);
        known.map_or("1".into(), |key| self.offered(key))
    }

    pub(crate) fn wrong_type(&self, key: &str, value: Value, example: &str) -> SpecError {
        let found = value.get_ref().type_str();
        let what = format!("{key:?} cannot be a value of type {found}");
        self.error(value.span(), what, format!("write {key} = {example}"))
    }

    pub(crate) fn string(&self, key: &str) -> Result<Spanned<String>, SpecError> {
        let value = self.required(key)?;
        self.as_string(key, value, &self.example(key))
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

    pub(crate) fn boolean(&self, key: &str) -> bool {
        let read = self.required(key);
        let read = read.and_then(|value| self.as_boolean(key, value, &self.example(key)));
        self.noted(read, false)
    }

    /// `without` where the key is left out.
    pub(crate) fn optional_boolean(&self, key: &str, without: bool) -> bool {
        let value = self.table.get(key);
        let example = (!without).to_string();
        let read = value.map(|value| self.as_boolean(key, value, &example));
        self.noted(read.unwrap_or(Ok(without)), without)
    }

    fn as_boolean(&self, key: &str, value: Value, example: &str) -> Result<bool, SpecError> {
        let boolean = value.get_ref().as_bool();
        boolean.ok_or_else(|| self.wrong_type(key, value, example))
    }

    /// A whole number, 0 or more.
    pub(crate) fn whole_number(&self, key: &str) -> Spanned<u64> {
        let read = self.required(key);
        let read = read.and_then(|value| self.as_whole(key, value, &self.example(key)));
        self.noted(read, Spanned::new(0..0, 1))
    }

    pub(crate) fn optional_whole_number(&self, key: &str, example: &str) -> Option<Spanned<u64>> {
        let value = self.table.get(key)?;
        self.noted(self.as_whole(key, value, example).map(Some), None)
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
    pub(crate) fn size(&self, key: &str, most: u64) -> usize {
        let read = self.required(key);
        let read = read.and_then(|value| self.as_size(key, value, &self.example(key), 1..=most));
        self.noted(read, 1)
    }

    /// `without` where the key is left out.
    pub(crate) fn optional_size(&self, key: &str, most: u64, without: usize) -> usize {
        let value = self.table.get(key);
        let read = value.map(|value| self.as_size(key, value, &without.to_string(), 1..=most));
        self.noted(read.unwrap_or(Ok(without)), without)
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
    pub(crate) fn number(&self, key: &str, range: &NumberRange) -> f64 {
        let read = self.required(key);
        let read = read.and_then(|value| self.as_number(key, value, &self.example(key), range));
        self.noted(read, 1.0)
    }

    /// A number in `range`, if there is one.
    pub(crate) fn optional_number(
        &self,
        key: &str,
        example: &str,
        range: &NumberRange,
    ) -> Option<f64> {
        let value = self.table.get(key)?;
        self.noted(self.as_number(key, value, example, range).map(Some), None)
    }

    fn as_number(
        &self,
        key: &str,
        value: Value,
        example: &str,
        range: &NumberRange,
    ) -> Result<f64, SpecError> {
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

    fn inner(
        &self,
        what: String,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        keys: &'static [Key],
    ) -> Fields<'a> {
        Fields {
            what,
            span: Some(span),
            ..Fields::whole(self.source, table, keys)
        }
    }

    /// The table under `key`, which must have these keys.
    pub(crate) fn table(&self, key: &str, keys: &'static [Key]) -> Result<Fields<'a>, SpecError> {
        let Some(value) = self.table.get(key) else {
            return Err(self.missing_table(key, &format!("[{key}]"), keys));
        };
        let Some(table) = value.get_ref().as_table() else {
            let what = format!("{key:?} must be a table");
            let advice = format!("write [{key}] on a line of its own");
            return Err(self.error(value.span(), what, advice));
        };
        Ok(self.inner(format!("[{key}]"), table, value.span(), keys))
    }

    /// The tables written as `[[key]]`, each with these keys.
    pub(crate) fn tables(
        &self,
        key: &str,
        keys: &'static [Key],
    ) -> Result<Vec<Fields<'a>>, SpecError> {
        let Some(value) = self.table.get(key) else {
            return Err(self.missing_table(key, &format!("[[{key}]]"), keys));
        };
        let wrong = |span| {
            let advice = format!("write [[{key}]] on a line of its own, once for each");
            self.error(span, format!("{key:?} must be a list of tables"), advice)
        };
        let array = value.get_ref().as_array();
        let array = array.ok_or_else(|| wrong(value.span()))?;
        let tables = array.iter().map(|element| {
            let table = element.get_ref().as_table();
            let table = table.ok_or_else(|| wrong(element.span()))?;
            Ok(self.inner(format!("a [[{key}]]"), table, element.span(), keys))
        });
        tables.collect()
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone().unwrap_or_default()
    }
}

/// Which numbers a key takes.
pub(crate) struct NumberRange {
    pub(crate) description: &'static str,
    pub(crate) allows: fn(f64) -> bool,
}

/// Engines compute in `f32`, so that a number must still be one there.
pub(crate) const ANY: NumberRange = NumberRange {
    description: "a number that single precision can hold",
    allows: |number| number == 0.0 || (POSITIVE.allows)(number.abs()),
};

/// As [`ANY`].
pub(crate) const POSITIVE: NumberRange = NumberRange {
    description: "a number greater than 0 that single precision can hold",
    allows: |number| number >= f64::from(f32::MIN_POSITIVE) && number <= f64::from(f32::MAX),
};

/// As [`POSITIVE`], or nothing at all.
pub(crate) const NOT_NEGATIVE: NumberRange = NumberRange {
    description: "0, or a number greater than 0 that single precision can hold",
    allows: |number| number == 0.0 || (POSITIVE.allows)(number),
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
