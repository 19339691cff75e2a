//! An array as a file has it: of more types than engines read.

use super::{OwnError, error::wrong, sum::FileSum};
use crate::{
    contents_error::Wrong,
    dataset::{Array, Column, Dtype},
};

/// How a file stores a value, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    U8,
    U16,
    I32,
    I64,
    F32,
    F64,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::U8,
        Self::U16,
        Self::I32,
        Self::I64,
        Self::F32,
        Self::F64,
    ];

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::I32 | Self::F32 => 4,
            Self::I64 | Self::F64 => 8,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    pub(super) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }
}

/// The first extent is the number of samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    /// What messages call it: the file, and what in it.
    pub(crate) place: String,
    /// Where in the file the values begin.
    pub(crate) first_byte: usize,
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// All values, row-major.
    pub(crate) bytes: Vec<u8>,
    /// The sums of their blocks, where they were made on the way.
    pub(super) block_sums: Option<Vec<FileSum>>,
}

impl Raw {
    pub(super) fn samples(&self) -> usize {
        self.shape[0]
    }

    pub(super) fn sample_shape(&self) -> &[usize] {
        &self.shape[1..]
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> OwnError {
        OwnError::new(&self.place, problem)
    }

    /// All values as numbers.
    pub(super) fn numbers(&self) -> Vec<f64> {
        fn each<const BYTES: usize>(bytes: &[u8], of: impl Fn([u8; BYTES]) -> f64) -> Vec<f64> {
            let (values, _) = bytes.as_chunks();
            values.iter().map(|it| of(*it)).collect()
        }
        let bytes = &self.bytes;
        match self.kind {
            Kind::U8 => bytes.iter().map(|byte| f64::from(*byte)).collect(),
            Kind::U16 => each(bytes, |it| u16::from_le_bytes(it).into()),
            Kind::I32 => each(bytes, |it| i32::from_le_bytes(it).into()),
            Kind::I64 => each(bytes, |it| i64::from_le_bytes(it) as f64),
            Kind::F32 => each(bytes, |it| f32::from_le_bytes(it).into()),
            Kind::F64 => each(bytes, f64::from_le_bytes),
        }
    }

    /// The values as floats of single precision.
    ///
    /// # Errors
    /// Where a value is not finite there, or an integer that it cannot hold.
    pub(super) fn into_floats(self) -> Result<Vec<u8>, OwnError> {
        let place = self.place.clone();
        self.floats().map_err(|wrong| OwnError::at(place, wrong))
    }

    fn floats(self) -> Result<Vec<u8>, Wrong> {
        let Self {
            first_byte,
            kind,
            bytes,
            ..
        } = self;
        match kind {
            Kind::U8 => converted(first_byte, &bytes, |[byte]: [u8; 1]| f32::from(byte)),
            Kind::U16 => converted(first_byte, &bytes, |it| f32::from(u16::from_le_bytes(it))),
            Kind::I32 => integers(first_byte, &bytes, |it| i32::from_le_bytes(it).into()),
            Kind::I64 => integers(first_byte, &bytes, i64::from_le_bytes),
            Kind::F64 => converted(first_byte, &bytes, |it| f64::from_le_bytes(it) as f32),
            Kind::F32 => {
                const EXPONENT: u32 = 0x7f80_0000;
                let (values, _) = bytes.as_chunks();
                let is_wild = |it: &[u8; 4]| u32::from_le_bytes(*it) & EXPONENT == EXPONENT;
                // All of them first: that takes vectors of them at a time.
                let any = values.iter().fold(false, |any, it| any | is_wild(it));
                match values.iter().position(|it| any && is_wild(it)) {
                    Some(index) => not_finite(first_byte + 4 * index),
                    None => Ok(bytes),
                }
            }
        }
    }

    /// The class of each sample.
    ///
    /// # Errors
    /// Where they are not single integers from 0 to [`super::MOST_CLASSES`].
    pub(super) fn classes(&self) -> Result<Vec<u16>, OwnError> {
        let is_single = self.sample_shape().iter().all(|extent| *extent == 1);
        if self.kind.is_float() || !is_single {
            let problem = format!(
                "classes are one integer a sample, and these are {} {:?}; store them as integers, or learn \
                 numbers with loss = \"mean-squared-error\"",
                self.kind.as_str(),
                self.sample_shape()
            );
            return Err(self.error(problem));
        }
        let bytes = &self.bytes;
        let classes = match self.kind {
            Kind::U8 => Ok(bytes.iter().map(|byte| u16::from(*byte)).collect()),
            Kind::U16 => class_numbers(self.first_byte, bytes, |it| u16::from_le_bytes(it).into()),
            Kind::I32 => class_numbers(self.first_byte, bytes, |it| i32::from_le_bytes(it).into()),
            _ => class_numbers(self.first_byte, bytes, i64::from_le_bytes),
        };
        classes.map_err(|wrong| OwnError::at(&self.place, wrong))
    }

    /// The sums of the blocks of what [`Self::into_input`] gives, where they are known.
    pub(super) fn take_block_sums(&mut self, as_floats: bool) -> Option<Vec<FileSum>> {
        let sums = self.block_sums.take();
        sums.filter(|_| self.kind == Kind::U8 && !as_floats)
    }

    /// What engines read as their input: bytes as they are, all else in single precision.
    pub(super) fn into_input(self, as_floats: bool) -> Result<Array, OwnError> {
        let shape = input_shape(&self)?;
        let dtype = match self.kind {
            Kind::U8 if !as_floats => Dtype::U8,
            _ => Dtype::F32,
        };
        Ok(Array {
            column: Column::new("inputs", dtype, &shape),
            bytes: match dtype {
                Dtype::U8 => self.bytes,
                _ => self.into_floats()?,
            },
        })
    }

    /// What a net learns to give: a row of numbers a sample.
    pub(super) fn into_values(self) -> Result<Array, OwnError> {
        let values = self.sample_shape().iter().product();
        Ok(Array {
            column: Column::new("targets", Dtype::F32, &[values]),
            bytes: self.into_floats()?,
        })
    }
}

/// Rows of values, images of one channel, or images.
fn input_shape(raw: &Raw) -> Result<Vec<usize>, OwnError> {
    match *raw.sample_shape() {
        [] => Ok(vec![1]),
        [values] => Ok(vec![values]),
        [height, width] => Ok(vec![height, width, 1]),
        [height, width, channels] => Ok(vec![height, width, channels]),
        _ => Err(raw.error(format!(
            "a sample has the shape {:?}; inputs are rows of values, or images of [height, width] or [height, \
             width, channels]",
            raw.sample_shape()
        ))),
    }
}

fn converted<const BYTES: usize>(
    first_byte: usize,
    bytes: &[u8],
    float: impl Fn([u8; BYTES]) -> f32,
) -> Result<Vec<u8>, Wrong> {
    let (values, _) = bytes.as_chunks();
    let mut floats = Vec::with_capacity(4 * values.len());
    let mut is_finite = true;
    for value in values {
        let value = float(*value);
        is_finite &= value.is_finite();
        floats.extend_from_slice(&value.to_le_bytes());
    }
    match values
        .iter()
        .position(|it| !is_finite && !float(*it).is_finite())
    {
        Some(index) => not_finite(first_byte + BYTES * index),
        None => Ok(floats),
    }
}

fn integers<const BYTES: usize>(
    first_byte: usize,
    bytes: &[u8],
    integer: impl Fn([u8; BYTES]) -> i64,
) -> Result<Vec<u8>, Wrong> {
    let (values, _) = bytes.as_chunks();
    let is_kept = |it: &[u8; BYTES]| (integer(*it) as f32) as i128 == i128::from(integer(*it));
    if let Some(index) = values.iter().position(|it| !is_kept(it)) {
        let problem = format!(
            "single precision cannot hold {}; store such values as floats, scaled to what a net can learn from",
            integer(values[index])
        );
        return wrong(first_byte + BYTES * index, problem);
    }
    converted(first_byte, bytes, |it| integer(it) as f32)
}

fn class_numbers<const BYTES: usize>(
    first_byte: usize,
    bytes: &[u8],
    integer: impl Fn([u8; BYTES]) -> i64,
) -> Result<Vec<u16>, Wrong> {
    let (values, _) = bytes.as_chunks();
    let classes = values.iter().enumerate().map(|(index, it)| {
        let class = integer(*it);
        match u16::try_from(class) {
            Ok(class) if usize::from(class) < super::MOST_CLASSES => Ok(class),
            _ => wrong(
                first_byte + BYTES * index,
                format!(
                    "{class} is no class: they are numbered from 0 to {} at most",
                    super::MOST_CLASSES - 1
                ),
            ),
        }
    });
    classes.collect()
}

fn not_finite<T>(byte: usize) -> Result<T, Wrong> {
    wrong(
        byte,
        "this value is not finite in single precision; remove the sample, or fill in a number",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(kind: Kind, shape: &[usize], bytes: Vec<u8>) -> Raw {
        Raw {
            block_sums: None,
            place: "x.npy".into(),
            first_byte: 100,
            kind,
            shape: shape.to_vec(),
            bytes,
        }
    }

    fn floats(raw: Raw) -> Result<Vec<f32>, String> {
        let bytes = raw.into_floats().map_err(|error| error.to_string())?;
        let (values, _) = bytes.as_chunks();
        Ok(values.iter().map(|it| f32::from_le_bytes(*it)).collect())
    }

    #[test]
    fn every_type_becomes_floats_where_they_can_hold_it() {
        let bytes = |values: &[i64]| values.iter().flat_map(|it| it.to_le_bytes()).collect();
        let read = |kind, bytes: Vec<u8>| {
            let count = bytes.len() / Kind::bytes(kind);
            floats(raw(kind, &[count], bytes))
        };
        assert_eq!(read(Kind::U8, vec![0, 255]), Ok(vec![0.0, 255.0]));
        assert_eq!(read(Kind::U16, vec![1, 2]), Ok(vec![513.0]));
        assert_eq!(
            read(Kind::I64, bytes(&[-3, 1 << 40])),
            Ok(vec![-3.0, 1_099_511_627_776.0])
        );
        let message = read(Kind::I64, bytes(&[1, (1 << 24) + 1])).unwrap_err();
        assert!(
            message.starts_with("x.npy: at byte 108: single precision cannot hold 16777217"),
            "{message}"
        );
        let message = read(Kind::I64, bytes(&[i64::MAX])).unwrap_err();
        assert!(
            message.contains("cannot hold 9223372036854775807"),
            "{message}"
        );
        let doubles = |values: &[f64]| values.iter().flat_map(|it| it.to_le_bytes()).collect();
        assert_eq!(read(Kind::F64, doubles(&[0.1])), Ok(vec![0.1]));
        let message = read(Kind::F64, doubles(&[0.0, 1e300])).unwrap_err();
        assert!(
            message.contains("at byte 108: this value is not finite"),
            "{message}"
        );
        let singles = [1.0f32, f32::NAN].map(f32::to_le_bytes).concat();
        let message = read(Kind::F32, singles).unwrap_err();
        assert!(
            message.contains("at byte 104: this value is not finite"),
            "{message}"
        );
    }

    #[test]
    fn classes_are_single_integers_from_0() {
        let of = |kind, shape: &[usize], bytes: Vec<u8>| {
            let classes = raw(kind, shape, bytes).classes();
            classes.map_err(|error| error.to_string())
        };
        assert_eq!(of(Kind::U8, &[2], vec![7, 0]), Ok(vec![7, 0]));
        assert_eq!(of(Kind::I32, &[1, 1], vec![5, 0, 0, 0]), Ok(vec![5]));
        let message = of(Kind::I32, &[1], vec![255; 4]).unwrap_err();
        assert!(message.contains("at byte 100: -1 is no class"), "{message}");
        let message = of(Kind::F32, &[1], vec![0; 4]).unwrap_err();
        assert!(message.contains("one integer a sample"), "{message}");
        assert!(of(Kind::U8, &[1, 2], vec![0; 2]).is_err());
    }
}
