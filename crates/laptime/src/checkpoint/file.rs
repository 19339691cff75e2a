//! The file of a checkpoint: safetensors, which NumPy and PyTorch read too.
//!
//! | tensor | holds |
//! |---|---|
//! | `fc1.weight`, `fc1.weight.m`, … | the parameters, the optimizer's moments and the batch norms' moving statistics under their names in the Program, `F32` where that has every bit and `F64` otherwise |
//! | `laptime/epochs` | (epochs done, 2 + metrics) `F64`: seconds of training, the mean of each metric (loss, accuracy), samples |
//! | `laptime/epoch` | (4) `F64`, of the epoch that is not done: seconds of training, the metrics' sums (losses, samples right; 0 where there is no second metric), samples |
//! | `laptime/step_s` | (steps) `F32`: the seconds of every step; absent where steps cannot be seen |
//!
//! The metadata has `laptime`, JSON of [`About`], and `sha256`, the digest of that and of every
//! tensor: its name, type, shape and bytes, in the order of the names. Losses are tensors because
//! JSON has no words for what is not finite, and their bits must come back.

use std::{
    collections::HashMap,
    io::{self, Read},
    iter,
    path::Path,
};

use laptime_engine::Score;
use laptime_graph::{State, StateTensor};
use laptime_measure::{Divergence, Epoch, Metrics, Phases, Resumption, SoFar};
use laptime_workload::{Loss, MOST_METRICS, atomic_file, hexadecimal, own_file};
use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Where a training is between two steps, and which training it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Which training.
    pub identity: Identity,
    /// All that the session needs.
    pub state: State,
    /// All that the record needs.
    pub so_far: SoFar,
}

/// What tells one training from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The workload's name.
    pub workload: String,
    /// The digest of all that decides what a step computes.
    pub training: String,
    /// The seed of weights, orders and dropout.
    pub seed: u64,
    /// The digest of the samples.
    pub dataset: String,
    /// Engine, build, device and passes. Another one goes on with the same training, though not
    /// with the same bits.
    pub trained_by: String,
}

/// What the file says in words.
#[derive(Serialize, Deserialize)]
struct About {
    format: String,
    #[serde(flatten)]
    identity: Identity,
    steps: u64,
    wall_s: f64,
    total_s: f64,
    phases: Phases,
    peak_memory_bytes: Option<u64>,
    resumed: Vec<Resumption>,
    #[serde(default)]
    diverged: Option<Divergence>,
    /// The names and units of the epochs' metrics; null where no epoch is done. Files of earlier builds do not
    /// say: theirs are a classifier's.
    #[serde(default)]
    metrics: Option<Vec<[String; 2]>>,
}

const FORMAT: &str = "laptime.checkpoint.v1";
const EPOCHS: &str = "laptime/epochs";
const EPOCH: &str = "laptime/epoch";
const STEP_S: &str = "laptime/step_s";

/// What a file may have beside the state: room for the times of sixty million steps.
const MOST_OTHER_BYTES: u64 = 256 << 20;

/// A tensor as it is written.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Writes a checkpoint so that the file, at any time, is the one before or this one, whole.
pub fn write(path: &Path, checkpoint: Checkpoint) -> io::Result<()> {
    let bytes = bytes_of(checkpoint).map_err(io::Error::other)?;
    atomic_file::write(path, &bytes)
}

/// The bytes of a checkpoint's file.
pub fn bytes_of(checkpoint: Checkpoint) -> Result<Vec<u8>, SafeTensorError> {
    let Checkpoint {
        identity,
        state,
        so_far,
    } = checkpoint;
    let about = About {
        format: FORMAT.into(),
        identity,
        steps: state.steps,
        wall_s: so_far.wall_s,
        total_s: so_far.total_s,
        phases: so_far.phases,
        peak_memory_bytes: so_far.peak_memory_bytes,
        resumed: so_far.resumed,
        diverged: so_far.diverged,
        metrics: so_far.epochs.first().map(names),
    };
    let about = serde_json::to_string(&about).expect("it has only strings for keys");
    // Tensor by tensor, so that never two whole copies of the state are there.
    let mut tensors: Vec<Stored> = state.tensors.into_iter().map(stored).collect();
    let metrics = so_far.epochs.first();
    let columns = 2 + metrics.map_or(MOST_METRICS, |epoch| epoch.metrics.iter().count());
    let rows = so_far.epochs.iter().flat_map(|epoch| {
        let means = epoch.metrics.iter().map(|metric| metric.value);
        let row = iter::once(epoch.train_s).chain(means);
        row.chain([epoch.samples as f64])
    });
    tensors.push(doubles(EPOCHS, vec![so_far.epochs.len(), columns], rows));
    let Score { samples, sums } = so_far.score;
    let epoch = iter::once(so_far.epoch_s).chain(sums);
    let epoch = epoch.chain([samples as f64]);
    tensors.push(doubles(EPOCH, vec![2 + MOST_METRICS], epoch));
    if let Some(step_s) = so_far.step_s {
        tensors.push(Stored {
            name: STEP_S.into(),
            dtype: Dtype::F32,
            shape: vec![step_s.len()],
            bytes: step_s.iter().flat_map(|s| s.to_le_bytes()).collect(),
        });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let views = tensors.iter().map(|tensor| {
        let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes)?;
        Ok((tensor.name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, SafeTensorError>>()?;
    let metadata = HashMap::from([
        ("sha256".to_owned(), digest(&about, &views)),
        ("laptime".to_owned(), about),
    ]);
    safetensors::serialize(views, Some(metadata))
}

fn stored(tensor: StateTensor) -> Stored {
    let is_single = |v: &f64| f64::from(*v as f32).to_bits() == v.to_bits();
    if !tensor.values.iter().all(is_single) {
        return doubles(&tensor.name, tensor.shape, tensor.values);
    }
    let values = tensor.values.iter();
    Stored {
        bytes: values.flat_map(|v| (*v as f32).to_le_bytes()).collect(),
        name: tensor.name,
        dtype: Dtype::F32,
        shape: tensor.shape,
    }
}

fn doubles(name: &str, shape: Vec<usize>, values: impl IntoIterator<Item = f64>) -> Stored {
    Stored {
        name: name.to_owned(),
        dtype: Dtype::F64,
        shape,
        bytes: values.into_iter().flat_map(f64::to_le_bytes).collect(),
    }
}

/// The digest of `tensors`, which are in the order of their names, and of what is said about them.
pub fn digest(about: &str, tensors: &[(&str, TensorView)]) -> String {
    let mut sum = Sha256::new();
    sum.update(about);
    for (name, view) in tensors {
        sum.update(format!("\n{name} {:?} {:?}\n", view.dtype(), view.shape()));
        sum.update(view.data());
    }
    hexadecimal(&sum.finalize())
}

/// Reads a checkpoint of a state with so many values; `None` where there is no file.
///
/// # Errors
/// What is wrong with the file: it cannot be read, it is damaged, or it is no checkpoint. Nothing
/// that it says of itself is believed before its digest is right.
pub fn read(path: &Path, state_values: usize) -> Result<Option<Checkpoint>, String> {
    let cannot = |error: io::Error| format!("it cannot be read: {error}");
    let file = match own_file::open_to_read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(cannot)?,
    };
    let most = 8 * state_values as u64 + MOST_OTHER_BYTES;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(cannot)?;
    if bytes.len() as u64 > most {
        return Err("it is far too large for a checkpoint of this workload".into());
    }
    checkpoint_of(&bytes).map(Some)
}

/// The checkpoint that a file of these bytes holds, or what is wrong with them.
pub fn checkpoint_of(bytes: &[u8]) -> Result<Checkpoint, String> {
    let damaged = |what: &dyn std::fmt::Display| format!("it is damaged or no checkpoint: {what}");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| damaged(&error))?;
    let words = header.metadata().clone().unwrap_or_default();
    let (Some(about), Some(sum)) = (words.get("laptime"), words.get("sha256")) else {
        return Err(damaged(&"it does not say that it is laptime's"));
    };
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    let mut tensors: Vec<(&str, TensorView)> = file.iter().collect();
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    if digest(about, &tensors) != *sum {
        return Err(damaged(&"its digest is wrong"));
    }
    // From here on it is what some laptime wrote.
    let other = |what: &dyn std::fmt::Display| {
        format!("it is not of this version of laptime ({FORMAT}): {what}")
    };
    let about: About = serde_json::from_str(about).map_err(|error| other(&error))?;
    if about.format != FORMAT {
        return Err(other(&about.format));
    }
    let mut so_far = SoFar {
        step_s: None,
        wall_s: about.wall_s,
        total_s: about.total_s,
        phases: about.phases,
        peak_memory_bytes: about.peak_memory_bytes,
        resumed: about.resumed,
        diverged: about.diverged,
        ..SoFar::nothing()
    };
    let mut state = State {
        steps: about.steps,
        tensors: Vec::new(),
    };
    let metrics = about.metrics.unwrap_or_else(|| {
        let metrics = Loss::SoftmaxCrossEntropy.metrics().iter();
        metrics.map(|it| [it.name.into(), it.unit.into()]).collect()
    });
    for (name, view) in tensors {
        let values = values_of(&view).ok_or_else(|| other(&name))?;
        match name {
            EPOCHS => {
                let rows = values.chunks(2 + metrics.len());
                let epochs: Option<_> = rows.map(|row| epoch_of(row, &metrics)).collect();
                so_far.epochs = epochs.ok_or_else(|| other(&name))?;
            }
            EPOCH => {
                let &[epoch_s, ref sums @ .., samples] = &values[..] else {
                    return Err(other(&name));
                };
                let (Ok(sums), Some(samples)) = (sums.try_into(), whole(samples)) else {
                    return Err(other(&name));
                };
                so_far.epoch_s = epoch_s;
                so_far.score = Score { samples, sums };
            }
            STEP_S => so_far.step_s = Some(values.iter().map(|s| *s as f32).collect()),
            _ => state.tensors.push(StateTensor {
                name: name.to_owned(),
                shape: view.shape().to_vec(),
                values,
            }),
        }
    }
    Ok(Checkpoint {
        identity: about.identity,
        state,
        so_far,
    })
}

fn epoch_of(row: &[f64], metrics: &[[String; 2]]) -> Option<Epoch> {
    let &[train_s, ref means @ .., samples] = row else {
        return None;
    };
    let is_whole = means.len() == metrics.len();
    let named = metrics.iter().zip(means);
    let named = named.map(|([name, unit], mean)| (name.as_str(), unit.as_str(), *mean));
    is_whole.then_some(Epoch {
        train_s,
        metrics: Metrics::new(named),
        samples: whole(samples)?,
    })
}

/// The names and units of an epoch's metrics.
fn names(epoch: &Epoch) -> Vec<[String; 2]> {
    let metrics = epoch.metrics.iter();
    metrics
        .map(|metric| [metric.name.clone(), metric.unit.clone()])
        .collect()
}

/// A count, which a double has exactly.
fn whole(value: f64) -> Option<u64> {
    let is_count = (0.0..=9e15).contains(&value) && value.fract() == 0.0;
    is_count.then_some(value as u64)
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
            let values = values.iter().map(|value| f64::from_le_bytes(*value));
            values.collect()
        }
        _ => return None,
    })
}
