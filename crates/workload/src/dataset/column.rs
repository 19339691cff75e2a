//! Columns: what a dataset has of every sample, and the values themselves.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a value is stored, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// An unsigned byte.
    U8,
    /// An unsigned integer of 16 bits.
    U16,
    /// A signed integer of 32 bits.
    I32,
    /// IEEE single precision.
    F32,
}

impl Dtype {
    /// The bytes of a value.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::I32 | Self::F32 => 4,
        }
    }

    /// The name in messages and job folders.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::F32 => "f32",
        }
    }
}

/// What a dataset has of every sample under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Unique in the dataset.
    pub name: String,
    /// How its values are stored.
    pub dtype: Dtype,
    /// The extents of one sample's values, channels last; empty for one value a sample.
    pub shape: Vec<usize>,
    /// Of how many symbols each value is one, by its number from 0 on; `None` where values are no symbols.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbols: Option<usize>,
}

impl Column {
    /// A column of this name.
    pub fn new(name: &str, dtype: Dtype, shape: &[usize]) -> Self {
        Self {
            name: name.to_owned(),
            dtype,
            shape: shape.to_vec(),
            symbols: None,
        }
    }

    /// The same, each value of it one of so many symbols.
    #[must_use]
    pub fn of_symbols(self, symbols: usize) -> Self {
        Self {
            symbols: Some(symbols),
            ..self
        }
    }

    /// The values of one sample.
    pub fn values(&self) -> usize {
        self.shape.iter().product()
    }

    /// The bytes of one sample.
    pub fn bytes(&self) -> usize {
        self.values() * self.dtype.bytes()
    }
}

/// As `pixels u8 [28, 28, 1]`, or `inputs u8 [16] of 65 symbols`.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {} {:?}", self.name, self.dtype.as_str(), self.shape)?;
        match self.symbols {
            Some(symbols) => write!(f, " of {symbols} symbols"),
            None => Ok(()),
        }
    }
}

/// The values of a column, one sample after another, each row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Array {
    /// What they are.
    pub column: Column,
    /// [`Column::bytes`] for each sample.
    pub bytes: Vec<u8>,
}

impl Array {
    /// How many whole samples there are.
    pub fn count(&self) -> usize {
        self.bytes.len() / self.column.bytes()
    }

    /// The bytes of one sample.
    pub fn sample(&self, sample: usize) -> &[u8] {
        let bytes = self.column.bytes();
        &self.bytes[sample * bytes..][..bytes]
    }

    /// The class of a sample, of which it has one integer.
    ///
    /// # Panics
    /// If there is no such sample.
    #[inline]
    pub fn class(&self, sample: usize) -> usize {
        let bytes = &self.bytes[sample * self.column.dtype.bytes()..];
        match self.column.dtype {
            Dtype::U8 => usize::from(bytes[0]),
            Dtype::U16 => usize::from(u16::from_le_bytes([bytes[0], bytes[1]])),
            Dtype::I32 => i32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize,
            Dtype::F32 => f32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize,
        }
    }

    /// All values as numbers.
    pub fn numbers(&self) -> Vec<f64> {
        match self.column.dtype {
            Dtype::U8 => self.bytes.iter().map(|byte| f64::from(*byte)).collect(),
            Dtype::U16 => self.read(|bytes| f64::from(u16::from_le_bytes(bytes))),
            Dtype::I32 => self.read(|bytes| f64::from(i32::from_le_bytes(bytes))),
            Dtype::F32 => self.read(|bytes| f64::from(f32::from_le_bytes(bytes))),
        }
    }

    fn read<const BYTES: usize>(&self, number: impl Fn([u8; BYTES]) -> f64) -> Vec<f64> {
        let (values, _) = self.bytes.as_chunks();
        values.iter().map(|bytes| number(*bytes)).collect()
    }
}

/// Samples, as stored: an array for each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// In the order of the dataset's columns.
    pub arrays: Vec<Array>,
}

impl Samples {
    /// So many samples, all values 0.
    pub fn zeros(columns: &[Column], count: usize) -> Self {
        let array = |column: &Column| Array {
            column: column.clone(),
            bytes: vec![0; count * column.bytes()],
        };
        Self {
            arrays: columns.iter().map(array).collect(),
        }
    }

    /// How many samples there are.
    pub fn count(&self) -> usize {
        self.arrays.first().map_or(0, Array::count)
    }

    /// The array of the column of this name.
    ///
    /// # Panics
    /// If there is none.
    pub fn array(&self, name: &str) -> &Array {
        let found = self.arrays.iter().find(|one| one.column.name == name);
        found.unwrap_or_else(|| panic!("no column `{name}`"))
    }

    /// As [`Self::array`], to change.
    ///
    /// # Panics
    /// If there is none.
    pub fn array_mut(&mut self, name: &str) -> &mut Array {
        let found = self.arrays.iter_mut().find(|one| one.column.name == name);
        found.unwrap_or_else(|| panic!("no column `{name}`"))
    }

    /// These samples in this order.
    pub fn gather(&self, samples: &[u32]) -> Self {
        let array = |array: &Array| {
            let rows = samples.iter();
            let rows = rows.flat_map(|sample| array.sample(*sample as usize));
            Array {
                column: array.column.clone(),
                bytes: rows.copied().collect(),
            }
        };
        Self {
            arrays: self.arrays.iter().map(array).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_type_are_read_as_numbers() {
        let numbers = |dtype, bytes: &[u8]| {
            let column = Column::new("x", dtype, &[2]);
            let bytes = bytes.to_vec();
            Array { column, bytes }.numbers()
        };
        assert_eq!(numbers(Dtype::U8, &[7, 255]), [7.0, 255.0]);
        assert_eq!(numbers(Dtype::U16, &[1, 2, 255, 255]), [513.0, 65_535.0]);
        let integers = [[-2i32, 9].map(i32::to_le_bytes)].concat().concat();
        assert_eq!(numbers(Dtype::I32, &integers), [-2.0, 9.0]);
        let floats = [[0.5f32, -3.0].map(f32::to_le_bytes)].concat().concat();
        assert_eq!(numbers(Dtype::F32, &floats), [0.5, -3.0]);
    }

    #[test]
    fn samples_are_gathered_from_all_columns() {
        let columns = [
            Column::new("a", Dtype::U8, &[2]),
            Column::new("b", Dtype::U16, &[]),
        ];
        let mut samples = Samples::zeros(&columns, 3);
        samples.array_mut("a").bytes = vec![1, 2, 3, 4, 5, 6];
        samples.array_mut("b").bytes = vec![1, 0, 2, 0, 3, 0];
        let gathered = samples.gather(&[2, 0]);
        assert_eq!(gathered.count(), 2);
        assert_eq!(gathered.array("a").bytes, [5, 6, 1, 2]);
        assert_eq!(gathered.array("b").bytes, [3, 0, 1, 0]);
    }
}
