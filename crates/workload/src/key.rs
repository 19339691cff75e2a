//! What a key of a spec's table is called, and the value to offer where it is missing.

/// Where an offered value comes from, where two libraries agree.
pub(crate) const BOTH: &str = "the default in PyTorch and Keras";

/// A key that a table must have.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// What the spec writes before the `=`.
    pub name: &'static str,
    /// An example of its value, as TOML.
    pub(crate) offered: &'static str,
    /// The key whose value is offered in place of `offered`, where the table has it.
    pub(crate) same_as: Option<&'static str>,
    /// Where `offered` comes from.
    pub(crate) why: &'static str,
}

impl Key {
    /// A key for which `offered` is an example.
    pub(crate) const fn new(name: &'static str, offered: &'static str) -> Self {
        Self {
            name,
            offered,
            same_as: None,
            why: "",
        }
    }

    /// Says where the offered value comes from.
    pub(crate) const fn why(self, why: &'static str) -> Self {
        Self { why, ..self }
    }

    /// Offers the value of another key.
    pub(crate) const fn same_as(self, other: &'static str) -> Self {
        Self {
            same_as: Some(other),
            ..self
        }
    }
}
