//! The job folder: all that a peer needs to do the same training, in files that NumPy alone can
//! read (`scripts/job.py` does).
//!
//! | file | holds |
//! |---|---|
//! | `workload.json` | the resolved workload |
//! | `init.safetensors` | the initial parameters, `F32`, named as in a saved model (`fc1.weight`, outputs × inputs) |
//! | `order.u32` | the samples in the order they are trained on, epoch after epoch, little-endian |
//! | `train.safetensors`, `test.safetensors` | the dataset's columns by name, as stored there: of Fashion-MNIST `pixels` (samples, height, width, channels) and `labels` (samples), `U8`; the metadata has the names of the columns that are `input` and `labels` (or the numbers to learn, in rows), and the dataset's `source` and `sha256` |
//!
//! A safetensors file is 8 bytes with the length of a JSON header (little-endian), the header with
//! type, shape and place of each tensor, then the tensors: it can be mapped into memory as it is.
//!
//! States come and go as safetensors too, `F32` or `F64`, with the count of steps in the metadata.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use laptime_graph::{State, StateTensor};
use laptime_workload::{
    Shown, Workload,
    dataset::{self, Array, Dataset, Origin, Samples},
};
use safetensors::{Dtype, SafeTensorError, SafeTensors, serialize_to_file, tensor::TensorView};

/// Why a job folder could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The file system refused.
    #[error("cannot write {}: {source}", Shown(path))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The tensors do not fit their shapes, or the file system refused.
    #[error("cannot write {}: {source}", Shown(path))]
    Tensors {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SafeTensorError,
    },
    /// What a peer wrote is no state.
    #[error("{} is no state: {what}", Shown(path))]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// The precision that a state is stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredAs {
    /// Single.
    F32,
    /// Double.
    F64,
}

/// Writes a job folder, made where there is none: `initial` are the parameters before the first
/// step, `orders` the samples of each epoch in order.
pub fn write_job(
    folder: &Path,
    workload: &Workload,
    dataset: &Dataset,
    initial: &[StateTensor],
    orders: &[Vec<u32>],
) -> Result<(), ExchangeError> {
    fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
    let json = serde_json::to_vec_pretty(workload).expect("a workload has no unusual keys");
    write(&folder.join("workload.json"), &json)?;
    write_order(&folder.join("order.u32"), &orders.concat())?;
    let path = folder.join("init.safetensors");
    write_values(&path, initial, StoredAs::F32, None)?;
    write_samples(&folder.join("train.safetensors"), dataset, &dataset.train)?;
    write_samples(&folder.join("test.safetensors"), dataset, &dataset.test)
}

/// Writes samples in the order in which they are to be used.
pub fn write_order(path: &Path, order: &[u32]) -> Result<(), ExchangeError> {
    let bytes: Vec<u8> = order
        .iter()
        .flat_map(|sample| sample.to_le_bytes())
        .collect();
    write(path, &bytes)
}

/// Writes a state.
pub fn write_state(path: &Path, state: &State, stored: StoredAs) -> Result<(), ExchangeError> {
    let metadata = HashMap::from([("steps".to_owned(), state.steps.to_string())]);
    write_values(path, &state.tensors, stored, Some(metadata))
}

/// Reads a state that a peer wrote.
pub fn read_state(path: &Path) -> Result<State, ExchangeError> {
    let wrong = |what: String| ExchangeError::State {
        path: path.to_owned(),
        what,
    };
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let (_, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| wrong(error.to_string()))?;
    let metadata = metadata.metadata().as_ref();
    let steps = metadata
        .and_then(|metadata| metadata.get("steps")?.parse().ok())
        .ok_or_else(|| wrong("it has no count of steps".into()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| wrong(error.to_string()))?;
    let tensors = file.iter().map(|(name, view)| {
        Ok(StateTensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            values: values_of(&view).ok_or_else(|| wrong(format!("{name} has another type")))?,
        })
    });
    Ok(State {
        steps,
        tensors: tensors.collect::<Result<_, _>>()?,
    })
}

fn values_of(view: &TensorView) -> Option<Vec<f64>> {
    let bytes = view.data();
    Some(match view.dtype() {
        Dtype::F32 => {
            let (values, _) = bytes.as_chunks();
            let values = values.iter().map(|value| f32::from_le_bytes(*value));
            values.map(f64::from).collect()
        }
        Dtype::F64 => {
            let (values, _) = bytes.as_chunks();
            values
                .iter()
                .map(|value| f64::from_le_bytes(*value))
                .collect()
        }
        _ => return None,
    })
}

fn write_values(
    path: &Path,
    tensors: &[StateTensor],
    stored: StoredAs,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), ExchangeError> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|tensor| {
            let values = tensor.values.iter();
            match stored {
                StoredAs::F32 => values.flat_map(|v| (*v as f32).to_le_bytes()).collect(),
                StoredAs::F64 => values.flat_map(|v| v.to_le_bytes()).collect(),
            }
        })
        .collect();
    let dtype = match stored {
        StoredAs::F32 => Dtype::F32,
        StoredAs::F64 => Dtype::F64,
    };
    let views = tensors.iter().zip(&bytes).map(|(tensor, bytes)| {
        let view = TensorView::new(dtype, tensor.shape.clone(), bytes)?;
        Ok((tensor.name.as_str(), view))
    });
    write_tensors(path, views, metadata)
}

fn write_samples(path: &Path, dataset: &Dataset, samples: &Samples) -> Result<(), ExchangeError> {
    let tensors = samples.arrays.iter().map(|Array { column, bytes }| {
        let dtype = match column.dtype {
            dataset::Dtype::U8 => Dtype::U8,
            dataset::Dtype::U16 => Dtype::U16,
            dataset::Dtype::I32 => Dtype::I32,
            dataset::Dtype::F32 => Dtype::F32,
        };
        let shape = [&[samples.count()], &column.shape[..]].concat();
        Ok((column.name.as_str(), TensorView::new(dtype, shape, bytes)?))
    });
    let mut metadata = HashMap::from([
        ("input".to_owned(), dataset.description.input().name.clone()),
        ("source".to_owned(), origin_name(dataset.origin).to_owned()),
        ("sha256".to_owned(), dataset.sha256.clone()),
    ]);
    let description = &dataset.description;
    if let Some(labels) = description.value_column().or(description.label_column()) {
        let name = dataset.description.columns[labels].name.clone();
        metadata.insert("labels".to_owned(), name);
    }
    write_tensors(path, tensors, Some(metadata))
}

fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Official => "official",
        Origin::Unverified => "unverified",
        Origin::Synthetic => "synthetic",
        Origin::Own => "own",
    }
}

fn write_tensors<'a>(
    path: &Path,
    tensors: impl Iterator<Item = Result<(&'a str, TensorView<'a>), SafeTensorError>>,
    metadata: Option<HashMap<String, String>>,
) -> Result<(), ExchangeError> {
    tensors
        .collect::<Result<Vec<_>, _>>()
        .and_then(|tensors| serialize_to_file(tensors, metadata, path))
        .map_err(|source| ExchangeError::Tensors {
            path: path.to_owned(),
            source,
        })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ExchangeError> {
    fs::write(path, bytes).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> ExchangeError {
    ExchangeError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use laptime_graph::{Mode, State, build};
    use laptime_workload::{
        Adam, AdamW, Builtin, Optimizer, Overrides, RmsProp, Sgd, dataset::synthetic, epoch_order,
    };
    use safetensors::SafeTensors;

    use super::*;

    #[test]
    fn a_job_folder_holds_all_that_was_given() {
        let spec = Builtin::find("fashion-mnist").expect("built in").spec();
        let workload = spec.resolve(&Overrides::default()).expect("resolves");
        let dataset = synthetic(workload.dataset.description(), 50, 20);
        let initial = State::initial(&build(&workload, Mode::Evaluation, 1), workload.seed);
        let orders = [0, 1].map(|epoch| epoch_order(workload.seed, epoch, 50, true));
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("deep/job");
        write_job(&folder, &workload, &dataset, &initial.tensors, &orders).expect("writes");
        let read = |name: &str| fs::read(folder.join(name)).expect("written");

        let json: serde_json::Value = serde_json::from_slice(&read("workload.json")).expect("JSON");
        assert_eq!(json["optimizer"]["kind"], "adam");
        assert_eq!(json["layers"][1]["units"], 128);
        assert_eq!(json["layers"][0]["inputs"][0], "input");
        assert_eq!(json["layers"][1]["inputs"][0]["layer"], 0);

        let order: Vec<u32> = read("order.u32")
            .chunks(4)
            .map(|bytes| u32::from_le_bytes(bytes.try_into().expect("4 bytes")))
            .collect();
        assert_eq!(order, orders.concat());

        let bytes = read("init.safetensors");
        let parameters = SafeTensors::deserialize(&bytes).expect("safetensors");
        assert_eq!(parameters.len(), 4);
        let weight = parameters.tensor("fc2.weight").expect("there");
        assert_eq!(weight.shape(), [10, 128]);
        let values = &initial.tensor("fc2.weight").expect("there").values;
        let expected: Vec<u8> = values
            .iter()
            .flat_map(|value| (*value as f32).to_le_bytes())
            .collect();
        assert_eq!(weight.data(), expected);

        let bytes = read("test.safetensors");
        let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a header");
        let metadata = metadata.metadata().as_ref().expect("metadata");
        assert_eq!(metadata["source"], "synthetic");
        assert_eq!(metadata["input"], "pixels");
        assert_eq!(metadata["labels"], "labels");
        assert_eq!(metadata["sha256"], dataset.sha256);
        let test = SafeTensors::deserialize(&bytes).expect("safetensors");
        let pixels = test.tensor("pixels").expect("there");
        assert_eq!(pixels.shape(), [20, 28, 28, 1]);
        assert_eq!(pixels.data(), dataset.test.array("pixels").bytes);
        assert_eq!(
            test.tensor("labels").expect("there").data(),
            dataset.test.array("labels").bytes
        );
    }

    /// Adam's and plain SGD's are what earlier builds wrote, so records and checkpoints of theirs are read.
    #[test]
    fn optimizers_are_written_as_adapters_read_them() {
        let adam = Adam {
            learning_rate: 0.001,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            corrected_epsilon: false,
        };
        let sgd = Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: false,
            weight_decay: None,
            weights_only: false,
        };
        let table = [
            (
                Optimizer::Adam(adam),
                r#"{"kind":"adam","learning_rate":0.001,"beta1":0.9,"beta2":0.999,"epsilon":1e-7}"#,
            ),
            (
                Optimizer::AdamW(AdamW {
                    adam,
                    weight_decay: 0.01,
                    weights_only: false,
                }),
                r#"{"kind":"adamw","learning_rate":0.001,"beta1":0.9,"beta2":0.999,"epsilon":1e-7,"weight_decay":0.01}"#,
            ),
            (
                Optimizer::Sgd(sgd),
                r#"{"kind":"sgd","learning_rate":0.1,"momentum":0.9}"#,
            ),
            (
                Optimizer::Sgd(Sgd {
                    nesterov: true,
                    ..sgd
                }),
                r#"{"kind":"sgd","learning_rate":0.1,"momentum":0.9,"nesterov":true}"#,
            ),
            (
                Optimizer::Sgd(Sgd {
                    weight_decay: Some(0.5),
                    weights_only: true,
                    ..sgd
                }),
                r#"{"kind":"sgd","learning_rate":0.1,"momentum":0.9,"weight_decay":0.5,"weights_only":true}"#,
            ),
            (
                Optimizer::RmsProp(RmsProp {
                    learning_rate: 0.01,
                    alpha: 0.99,
                    epsilon: 1e-8,
                }),
                r#"{"kind":"rmsprop","learning_rate":0.01,"alpha":0.99,"epsilon":1e-8}"#,
            ),
        ];
        for (optimizer, json) in table {
            assert_eq!(serde_json::to_string(&optimizer).expect("JSON"), json);
            let read: Optimizer = serde_json::from_str(json).expect("an optimizer");
            assert_eq!(read, optimizer);
        }
    }
}
