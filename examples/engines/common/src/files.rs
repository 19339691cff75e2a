//! Files of numbers and of tensors.

use std::{fs, io, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::Problem;

/// What lives across steps.
#[derive(Clone, Default)]
pub struct State {
    /// Steps done.
    pub steps: u64,
    /// Parameters and moments by name, with their shapes; single precision lies in float64 unchanged.
    pub tensors: Vec<(String, Vec<usize>, Vec<f64>)>,
}

impl State {
    /// Parameters, and moments that are 0.
    pub(crate) fn initial(path: &Path) -> Result<Self, Problem> {
        let mut state = Self::read(path)?;
        for place in 0..state.tensors.len() {
            let (name, shape, values) = &state.tensors[place];
            let zeros = vec![0.0; values.len()];
            let moments = ["m", "v"].map(|it| (format!("{name}.{it}"), shape.clone(), zeros.clone()));
            state.tensors.extend(moments);
        }
        Ok(state)
    }

    /// A file of laptime's.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let bytes = fs::read(path)?;
        let (_, header) = SafeTensors::read_metadata(&bytes)?;
        let metadata = header.metadata().as_ref();
        let steps = metadata.and_then(|it| it.get("steps")?.parse().ok());
        let tensors = SafeTensors::deserialize(&bytes)?;
        let mut read = Self {
            steps: steps.unwrap_or(0),
            tensors: Vec::new(),
        };
        for (name, tensor) in tensors.iter() {
            let values = floats(&tensor)?;
            read.tensors.push((name.to_owned(), tensor.shape().to_vec(), values));
        }
        Ok(read)
    }

    /// In single precision, or in float64 where `is_wide`.
    pub(crate) fn write(&self, path: &Path, is_wide: bool) -> Result<(), Problem> {
        let bytes = |values: &[f64]| -> Vec<u8> {
            match is_wide {
                true => values.iter().flat_map(|it| it.to_le_bytes()).collect(),
                false => values.iter().flat_map(|it| (*it as f32).to_le_bytes()).collect(),
            }
        };
        let dtype = if is_wide { Dtype::F64 } else { Dtype::F32 };
        let data: Vec<Vec<u8>> = self.tensors.iter().map(|it| bytes(&it.2)).collect();
        let mut views = Vec::new();
        for ((name, shape, _), data) in self.tensors.iter().zip(&data) {
            views.push((name, TensorView::new(dtype, shape.clone(), data)?));
        }
        let steps = [("steps".to_owned(), self.steps.to_string())];
        safetensors::serialize_to_file(views, Some(steps.into()), path)?;
        Ok(())
    }

    /// A tensor of this name.
    pub fn tensor(&self, name: &str) -> Result<(&[usize], &[f64]), Problem> {
        let found = self.tensors.iter().find(|it| it.0 == name);
        let (_, shape, values) =
            found.ok_or_else(|| io::Error::other(format!("the state has no {name}")))?;
        Ok((shape, values))
    }
}

fn floats(tensor: &TensorView) -> Result<Vec<f64>, Problem> {
    let bytes = tensor.data();
    match tensor.dtype() {
        Dtype::F32 => Ok(bytes.as_chunks().0.iter().map(|it| f64::from(f32::from_le_bytes(*it))).collect()),
        Dtype::F64 => Ok(bytes.as_chunks().0.iter().map(|it| f64::from_le_bytes(*it)).collect()),
        other => Err(io::Error::other(format!("a state has no {other:?}")).into()),
    }
}

/// Numbers of samples.
pub(crate) fn numbers(path: &Path) -> Result<Vec<u32>, Problem> {
    let bytes = fs::read(path)?;
    Ok(bytes.as_chunks().0.iter().map(|it| u32::from_le_bytes(*it)).collect())
}
