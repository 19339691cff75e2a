//! The layer that gives each symbol of a text a vector: what a spec says of it, and what it can read.

use serde::{Deserialize, Serialize};

use crate::{
    dataset::Column,
    fields::{Fields, POSITIVE},
    key::Key,
    misfits::article,
    spec_error::Problem,
    windows::Misfit,
};

/// `y = table[symbol]` at each place of a sample (Bengio et al. 2003).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Embedding {
    /// Values of a symbol's vector.
    pub dimension: usize,
    /// The standard deviation of the normal distribution, of mean 0, that the table is drawn from.
    pub deviation: f64,
    /// The rows of the table: how many symbols the data has.
    pub symbols: usize,
}

pub(crate) const SUMMARY: &str = "a vector of `dimension` values for each symbol of a text, drawn from a normal distribution; the first \
                                  layer of a net on a text";

pub(crate) const KEYS: &[Key] = &[
    Key::new("dimension", "64"),
    Key::new("deviation", "1.0").why("the default in PyTorch"),
];

/// The symbols are not known before the data.
pub(crate) fn read(fields: &Fields, most: u64) -> Embedding {
    Embedding {
        dimension: fields.size("dimension", most),
        deviation: fields.number("deviation", &POSITIVE),
        symbols: 0,
    }
}

impl Embedding {
    /// A sequence, which is an image of height 1, of a sample of so many symbols; and how many parameters there are.
    pub(crate) fn output_shape(&self, input: &[usize]) -> (Vec<usize>, u64) {
        let output = vec![1, input.iter().product(), self.dimension];
        let parameters = (self.symbols as u64).saturating_mul(self.dimension as u64);
        (output, parameters)
    }
}

/// Whether a layer of this kind can read the data's input, where that is what it reads: symbols are for an embedding
/// alone, and an embedding for nothing else. It is told how many there are.
pub(crate) fn fit(
    kind: &str,
    embedding: Option<&mut Embedding>,
    input: Option<&Column>,
) -> Result<(), Misfit> {
    let symbols = input.and_then(|column| column.symbols);
    match (embedding, symbols) {
        (Some(embedding), Some(symbols)) => {
            embedding.symbols = symbols;
            Ok(())
        }
        (Some(_), None) => {
            let what = "an embedding layer reads the symbols of a text, and its input has none";
            let advice = "put it first, and write [data] with train = \"FILE.txt\", unit, context and stride";
            Err(("kind", Problem::new(what, advice)))
        }
        (None, Some(symbols)) => {
            let what = format!(
                "{} {kind} layer reads numbers, but the input is a text: each value is one of {symbols} symbols",
                article(kind)
            );
            let advice = "put a layer with kind = \"embedding\" before it";
            Err(("kind", Problem::new(what, advice)))
        }
        (None, None) => Ok(()),
    }
}
