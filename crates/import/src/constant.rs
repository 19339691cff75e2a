//! Numbers that a model has in its file or in one beside it: weights, sizes, scalars. Nothing is allocated by what
//! a shape claims: it must agree with the bytes that are there.

use std::{borrow::Cow, rc::Rc};

use crate::{
    messages::{Entry, Tensor},
    problem::Problem,
};

/// Reads bytes of a file beside the model: its name there, the first byte, how many.
pub type Beside<'a> = &'a dyn Fn(&str, u64, u64) -> Result<Vec<u8>, String>;

/// ONNX's numbers for types.
pub(crate) const FLOAT: i32 = 1;
const INT32: i32 = 6;
const INT64: i32 = 7;
const BOOL: i32 = 9;
const DOUBLE: i32 = 11;
const FLOAT16: i32 = 10;
const BFLOAT16: i32 = 16;

/// A tensor of constants, as stored or in another shape or order.
#[derive(Debug, Clone)]
pub(crate) struct Constant<'a> {
    /// The shape that it has now.
    pub dims: Vec<usize>,
    data: Data<'a>,
    /// What was done with it since it was stored, in order.
    views: Vec<View>,
}

#[derive(Debug, Clone)]
enum Data<'a> {
    Stored(&'a Tensor),
    Made(Rc<[f64]>),
    /// One number at all places.
    Filled(f64),
}

#[derive(Debug, Clone)]
enum View {
    /// The axes as they stand now, and by which order of them.
    Transposed(Vec<usize>, Vec<usize>),
}

impl<'a> Constant<'a> {
    /// A stored tensor.
    pub fn stored(tensor: &'a Tensor) -> Result<Self, Problem> {
        Ok(Self {
            dims: dims_of(tensor)?,
            data: Data::Stored(tensor),
            views: Vec::new(),
        })
    }

    /// Numbers that were computed.
    pub fn made(dims: Vec<usize>, values: Vec<f64>) -> Self {
        Self {
            dims,
            data: Data::Made(values.into()),
            views: Vec::new(),
        }
    }

    /// One number, as often as the shape says.
    pub fn filled(dims: Vec<usize>, value: f64) -> Self {
        Self {
            dims,
            data: Data::Filled(value),
            views: Vec::new(),
        }
    }

    /// Whether it is no weight, but zeros that an exporter has filled in.
    pub fn is_nothing(&self) -> bool {
        matches!(self.data, Data::Filled(0.0))
    }

    /// The name it is stored under.
    pub fn name(&self) -> Option<&'a str> {
        match self.data {
            Data::Stored(tensor) => Some(tensor.name.as_str()).filter(|name| !name.is_empty()),
            Data::Made(_) | Data::Filled(_) => None,
        }
    }

    /// Whether it has whole numbers.
    pub fn is_whole(&self) -> bool {
        match &self.data {
            Data::Stored(tensor) => [INT32, INT64, BOOL].contains(&tensor.data_type),
            Data::Made(_) | Data::Filled(_) => false,
        }
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The same numbers in another shape.
    pub fn reshaped(mut self, dims: Vec<usize>) -> Self {
        self.dims = dims;
        self
    }

    /// Its axes in another order.
    pub fn transposed(mut self, order: &[usize]) -> Self {
        let dims = order.iter().map(|axis| self.dims[*axis]).collect();
        let before = std::mem::replace(&mut self.dims, dims);
        self.views.push(View::Transposed(before, order.to_vec()));
        self
    }

    /// The numbers.
    pub fn values(&self, beside: Beside) -> Result<Vec<f32>, Problem> {
        Ok(self
            .doubles(beside)?
            .iter()
            .map(|one| *one as f32)
            .collect())
    }

    /// The numbers in double precision, so that whole ones keep their digits up to 2⁵³.
    pub fn doubles(&self, beside: Beside) -> Result<Vec<f64>, Problem> {
        let mut values = match &self.data {
            Data::Made(values) => values.to_vec(),
            Data::Filled(value) if self.len() <= MOST_FILLED => vec![*value; self.len()],
            Data::Filled(_) => {
                let what = format!("a tensor of the shape {:?} has one number alone", self.dims);
                return Err(Problem::new(what, "laptime has weights, which differ"));
            }
            Data::Stored(tensor) => stored_values(tensor, beside)
                .map_err(|problem| problem.of(&format!("tensor {:?}", tensor.name)))?,
        };
        for View::Transposed(dims, order) in &self.views {
            values = transposed(&values, dims, order);
        }
        Ok(values)
    }

    /// Its only number, where it has one.
    pub fn scalar(&self, beside: Beside) -> Result<Option<f64>, Problem> {
        match self.len() {
            1 => Ok(Some(self.doubles(beside)?[0])),
            _ => Ok(None),
        }
    }
}

/// More than a layer has channels.
const MOST_FILLED: usize = 1 << 16;

/// Far beyond any net; products of it cannot overflow.
const MOST_VALUES: usize = 1 << 40;

/// Whether a shape is one that a net may have.
pub(crate) fn is_possible(dims: &[usize]) -> bool {
    let values = dims.iter().try_fold(1_usize, |all, dim| {
        all.checked_mul(*dim).filter(|all| *all <= MOST_VALUES)
    });
    values.is_some()
}

fn dims_of(tensor: &Tensor) -> Result<Vec<usize>, Problem> {
    let wrong = || {
        let what = format!("tensor {:?} has the shape {:?}", tensor.name, tensor.dims);
        Problem::new(what, "export the model again")
    };
    let dims = tensor.dims.iter().map(|dim| usize::try_from(*dim).ok());
    let dims: Vec<usize> = dims.collect::<Option<_>>().ok_or_else(wrong)?;
    is_possible(&dims).then_some(dims).ok_or_else(wrong)
}

fn transposed(values: &[f64], dims: &[usize], order: &[usize]) -> Vec<f64> {
    let strides = strides(dims);
    let (sizes, steps): (Vec<usize>, Vec<usize>) = order
        .iter()
        .map(|axis| (dims[*axis], strides[*axis]))
        .unzip();
    positions(&sizes, &steps).map(|at| values[at]).collect()
}

/// How far apart neighbours of each axis are.
pub(crate) fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// Where all elements lie, the last axis fastest.
pub(crate) fn positions(sizes: &[usize], strides: &[usize]) -> impl Iterator<Item = usize> {
    let count = sizes.iter().product::<usize>();
    let axes: Vec<(usize, usize)> = sizes.iter().copied().zip(strides.iter().copied()).collect();
    (0..count).map(move |mut number| {
        let mut at = 0;
        for (size, stride) in axes.iter().rev() {
            at += number % size * stride;
            number /= size;
        }
        at
    })
}

fn stored_values(tensor: &Tensor, beside: Beside) -> Result<Vec<f64>, Problem> {
    let count = dims_of(tensor)?.iter().product::<usize>();
    let width = match tensor.data_type {
        FLOAT | INT32 => 4,
        INT64 | DOUBLE => 8,
        FLOAT16 | BFLOAT16 => 2,
        BOOL => 1,
        other => {
            let what = format!("its numbers have the type {other} of ONNX");
            return Err(Problem::new(what, "export the model in single precision"));
        }
    };
    const EXTERNAL: i32 = 1;
    let bytes: Cow<[u8]> = match tensor.data_location == EXTERNAL {
        true => external(&tensor.external_data, count as u64 * width, beside)?.into(),
        false => (&*tensor.raw_data).into(),
    };
    let values: Vec<f64> = match (bytes.is_empty(), tensor.data_type) {
        (true, FLOAT) => tensor
            .float_data
            .iter()
            .map(|one| f64::from(*one))
            .collect(),
        (true, DOUBLE) => tensor.double_data.clone(),
        (true, INT64) => tensor.int64_data.iter().map(|one| *one as f64).collect(),
        (true, INT32 | BOOL) => tensor
            .int32_data
            .iter()
            .map(|one| f64::from(*one))
            .collect(),
        (true, FLOAT16 | BFLOAT16) => {
            let halves = tensor.int32_data.iter();
            halves
                .map(|bits| half(*bits as u16, tensor.data_type))
                .collect()
        }
        _ => {
            let chunks = bytes.chunks_exact(width as usize);
            if !chunks.remainder().is_empty() {
                let what = format!("its {} bytes are not a whole number of values", bytes.len());
                return Err(Problem::new(what, "export the model again"));
            }
            chunks
                .map(|chunk| number(chunk, tensor.data_type))
                .collect()
        }
    };
    if values.len() != count {
        let what = format!(
            "it has {} values, but its shape {:?} has {count}",
            values.len(),
            tensor.dims
        );
        return Err(Problem::new(what, "export the model again"));
    }
    Ok(values)
}

fn number(bytes: &[u8], data_type: i32) -> f64 {
    match (data_type, bytes) {
        (FLOAT, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
        (INT32, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])),
        (INT64, bytes) => bytes
            .try_into()
            .map_or(0.0, |bytes| i64::from_le_bytes(bytes) as f64),
        (DOUBLE, bytes) => bytes.try_into().map_or(0.0, f64::from_le_bytes),
        (FLOAT16 | BFLOAT16, &[a, b]) => half(u16::from_le_bytes([a, b]), data_type),
        (_, bytes) => f64::from(bytes[0]),
    }
}

/// A number of 16 bits, of IEEE's format or of bfloat16's.
fn half(bits: u16, data_type: i32) -> f64 {
    if data_type == BFLOAT16 {
        return f64::from(f32::from_bits(u32::from(bits) << 16));
    }
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

/// The bytes that lie in a file beside the model.
fn external(entries: &[Entry], bytes: u64, beside: Beside) -> Result<Vec<u8>, Problem> {
    let entry = |key: &str| {
        let found = entries.iter().find(|entry| entry.key == key);
        found.map(|entry| entry.value.as_str())
    };
    let number = |key: &str| {
        let text = entry(key);
        text.map(|text| {
            text.parse::<u64>().map_err(|_| {
                let what = format!("its {key} in the file beside the model is {text:?}");
                Problem::new(what, "export the model again")
            })
        })
        .transpose()
    };
    let location = entry("location").unwrap_or_default();
    let offset = number("offset")?.unwrap_or(0);
    let length = number("length")?.unwrap_or(bytes);
    if length != bytes {
        let what = format!("it has {length} bytes beside the model, but its shape needs {bytes}");
        return Err(Problem::new(what, "export the model again"));
    }
    beside(location, offset, bytes).map_err(|what| Problem::new(what, ""))
}
