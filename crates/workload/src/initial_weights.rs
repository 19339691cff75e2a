//! Weights that training starts from, given as a file.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf, absolute},
    sync::Arc,
};

use serde::Serializer;
use sha2::{Digest, Sha256};

use crate::{
    hexadecimal, memory, own_file,
    shown::Shown,
    weights::{WeightTensor, of_safetensors},
};

/// Weights that training starts from, as a file has them: whether they fit a network is asked by who knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialWeights {
    /// The file, from the root.
    pub path: PathBuf,
    /// `sha256:` and the digest of the file.
    pub digest: String,
    /// Its tensors of single precision, by name.
    pub tensors: BTreeMap<String, WeightTensor>,
    /// Its other tensors, by name, each with its type (`F16`).
    pub of_other_types: BTreeMap<String, String>,
}

/// Why a file of weights cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The system refused.
    #[error(
        "{}: cannot be read: {source}; give a safetensors file, such as `laptime run --save` writes",
        Shown(path)
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is not enough memory for it.
    #[error("{}: reading it {shortage}; allow more memory", Shown(path))]
    Memory {
        /// The file.
        path: PathBuf,
        /// What is missing.
        shortage: memory::Shortage,
    },
    /// It is another format, or damaged.
    #[error(
        "{}: this is not a whole safetensors file: {what}; give one such as `laptime run --save` writes",
        Shown(path)
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

impl InitialWeights {
    /// Reads a file. Links are followed; a pipe is refused, as other processes read the file again.
    ///
    /// # Errors
    /// Where it cannot be read, or is not safetensors.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| WeightsError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file = own_file::open_to_read(path).map_err(|error| {
            io(match path.exists() && !path.is_file() {
                true => io::Error::other("it is not a plain file"),
                false => error,
            })
        })?;
        let length = file.metadata().map_err(io)?.len();
        // The file as it is, and the values that are read out of it.
        memory::check(2 * length).map_err(|shortage| WeightsError::Memory {
            path: path.to_owned(),
            shortage,
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let found = of_safetensors(&bytes).map_err(|error| WeightsError::Format {
            path: path.to_owned(),
            what: error.to_string(),
        })?;
        let by_name = |tensor: WeightTensor| (tensor.name.clone(), tensor);
        Ok(Self {
            path: absolute(path).map_err(io)?,
            digest: format!("sha256:{}", hexadecimal(&Sha256::digest(&bytes))),
            tensors: found.tensors.into_iter().map(by_name).collect(),
            of_other_types: found.of_other_types.into_iter().collect(),
        })
    }
}

/// The digest says what the weights are.
pub(crate) fn serialize_digest<S: Serializer>(
    weights: &Option<Arc<InitialWeights>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match weights {
        Some(weights) => serializer.serialize_str(&weights.digest),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builtin, Overrides, Workload, weights::to_safetensors};

    #[test]
    fn weights_belong_to_what_is_written_of_a_workload() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let tensor = WeightTensor {
            name: "fc1.bias".into(),
            shape: vec![1],
            values: vec![0.5],
        };
        std::fs::write(&path, to_safetensors(&[tensor]).unwrap()).unwrap();
        let weights = InitialWeights::read(&path).unwrap();
        assert_eq!(weights.tensors["fc1.bias"].values, [0.5]);
        let builtin = Builtin::find("fashion-mnist").unwrap();
        let plain = builtin.spec().resolve(&Overrides::default()).unwrap();
        let given = Workload {
            initial_weights: Some(Arc::new(weights.clone())),
            ..plain.clone()
        };
        let text = |workload: &Workload| serde_json::to_value(workload).unwrap();
        assert_eq!(text(&plain).get("initial_weights"), None);
        assert_eq!(text(&given)["initial_weights"], weights.digest);
        // Who forgets the file has another workload, not the same one from other weights.
        let read: Workload = serde_json::from_value(text(&given)).unwrap();
        assert_eq!(read, plain);
    }

    #[test]
    fn what_is_no_file_of_weights_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let told = || InitialWeights::read(&path).unwrap_err().to_string();
        assert!(told().contains("cannot be read"), "{}", told());
        std::fs::write(&path, b"PK\x03\x04, as torch.save writes").unwrap();
        assert!(told().contains("not a whole safetensors"), "{}", told());
        let error = InitialWeights::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("not a plain file"), "{error}");
    }
}
