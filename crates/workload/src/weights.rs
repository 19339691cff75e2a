//! Weights as a file: safetensors in single precision, row-major, under PyTorch's names: `fc1.weight` of
//! shape (outputs, inputs), `bn1.running_mean`. What `--save` and `--initial` write, and `--init` reads.
//!
//! Format: 8 bytes with the length of a JSON header (little-endian), the header with type, shape and place of
//! each tensor, then the tensors. (huggingface.co/docs/safetensors)

use std::collections::HashMap;

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightTensor {
    /// `LAYER.weight`, `LAYER.bias`, `LAYER.running_mean` or `LAYER.running_var`.
    pub name: String,
    /// Extents; empty for a scalar.
    pub shape: Vec<usize>,
    /// Row-major, one for each place of the shape.
    pub values: Vec<f32>,
}

/// What a file has.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileWeights {
    /// The tensors of single precision, by name.
    pub tensors: Vec<WeightTensor>,
    /// The names of the others, each with its type as safetensors writes it: `F16`, `BF16`, `I64`.
    pub of_other_types: Vec<(String, String)>,
}

/// The bytes of a file with these tensors. The same tensors give the same bytes.
///
/// # Errors
/// Where a shape has another number of places than there are values, or two tensors have one name.
pub fn to_safetensors(tensors: &[WeightTensor]) -> Result<Vec<u8>, SafeTensorError> {
    let bytes = tensors.iter().map(|tensor| {
        let values = tensor.values.iter();
        values.flat_map(|value| value.to_le_bytes()).collect()
    });
    let bytes: Vec<Vec<u8>> = bytes.collect();
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes)?;
        Ok((tensor.name.as_str(), view))
    });
    // One word alone: two would stand in an order that is another each time.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize(
        views.collect::<Result<Vec<_>, SafeTensorError>>()?,
        Some(about),
    )
}

/// The tensors of a file's bytes. PyTorch's counters of batches (`LAYER.num_batches_tracked`), which decide
/// nothing here, are left out.
///
/// # Errors
/// Where this is not a whole safetensors file. Nothing is allocated that only a header claims.
pub fn of_safetensors(bytes: &[u8]) -> Result<FileWeights, SafeTensorError> {
    let file = SafeTensors::deserialize(bytes)?;
    let mut found = FileWeights::default();
    let mut views = file.tensors();
    views.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, view) in views {
        if name.ends_with(".num_batches_tracked") {
            continue;
        }
        if view.dtype() != Dtype::F32 {
            found.of_other_types.push((name, view.dtype().to_string()));
            continue;
        }
        let (values, _) = view.data().as_chunks();
        found.tensors.push(WeightTensor {
            name,
            shape: view.shape().to_vec(),
            values: values.iter().map(|v| f32::from_le_bytes(*v)).collect(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], values: &[f32]) -> WeightTensor {
        WeightTensor {
            name: name.into(),
            shape: shape.into(),
            values: values.into(),
        }
    }

    #[test]
    fn what_is_written_reads_back_bit_for_bit() {
        let tensors = [
            tensor("a.bias", &[2], &[-0.0, f32::MIN_POSITIVE / 2.0]),
            tensor("a.weight", &[1, 3], &[1.5, f32::INFINITY, 1e-38]),
            tensor("b", &[], &[7.0]),
        ];
        let bytes = to_safetensors(&tensors).unwrap();
        assert_eq!(bytes, to_safetensors(&tensors).unwrap());
        let read = of_safetensors(&bytes).unwrap();
        assert_eq!(read.tensors, tensors);
        assert_eq!(
            read.tensors[0].values[0].to_bits(),
            (-0.0f32).to_bits(),
            "signs of zero too"
        );
        assert!(read.of_other_types.is_empty());
        for length in 0..bytes.len() {
            assert!(of_safetensors(&bytes[..length]).is_err(), "{length} bytes");
        }
        assert!(to_safetensors(&[tensor("a", &[3], &[1.0])]).is_err());
    }

    #[test]
    fn a_header_that_claims_too_much_is_refused() {
        for claimed in [9, 1 << 20, 1 << 40, u64::MAX] {
            let bytes = [&u64::to_le_bytes(claimed)[..], b"{}"].concat();
            assert!(of_safetensors(&bytes).is_err(), "{claimed}");
        }
    }

    #[test]
    fn other_types_are_told_and_counters_left_out() {
        let view = |dtype, bytes| TensorView::new(dtype, vec![1], bytes).unwrap();
        let views = [
            ("a.weight", view(Dtype::F16, &[0; 2][..])),
            ("bn.num_batches_tracked", view(Dtype::I64, &[0; 8][..])),
        ];
        let read = of_safetensors(&safetensors::serialize(views, None).unwrap()).unwrap();
        assert_eq!(read.of_other_types, [("a.weight".into(), "F16".into())]);
        assert!(read.tensors.is_empty());
    }
}
