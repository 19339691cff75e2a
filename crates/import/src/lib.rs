//! Turns an ONNX model, or one of Keras's own archives (`keras`), into a training workload: a spec, and weights under
//! the names that laptime has for them.
//!
//! ONNX is channels first and laptime is channels last. No value is moved for that: each value of the net is known
//! with where its axes lie (`flow`), weights are put in order once, and what cannot be proved to come out the same
//! is refused by name. Nodes are looked up in one table (`nodes`); what an exporter spells out in several nodes of
//! single values, as GELU, is recognised by its values (`activations`). Knows ONNX's messages and how a spec is
//! written, and nothing of engines.

mod activations;
mod channels;
mod constant;
mod flow;
mod graph;
mod keras;
mod messages;
mod net;
mod nodes;
#[cfg(test)]
mod norm_tests;
mod order;
mod pointwise;
mod problem;
#[cfg(test)]
mod tests;
mod text;
mod training;
mod walk;

use prost::{Message, bytes::Bytes};

pub use constant::Beside;
pub use problem::ImportError;
pub use training::Training;

use messages::Model;
use order::Order;
use problem::Problem;

/// What to make of a model.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The workload's name.
    pub name: String,
    /// What the model's file is called.
    pub file_name: String,
    /// Whether its weights are asked for.
    pub weights: bool,
    /// What the model's file does not say.
    pub training: Training,
}

/// A workload made of a model.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The spec, as TOML.
    pub spec: String,
    /// The weights, where they were asked for, in the order of the layers.
    pub weights: Vec<Weights>,
    /// How many layers the spec has.
    pub layers: usize,
    /// How many numbers are trained.
    pub parameters: usize,
    /// What the user should know, a sentence each.
    pub remarks: Vec<String>,
    /// Whether a dataset is still to be filled in.
    pub lacks_dataset: bool,
    output_order: Option<Order>,
}

impl Imported {
    /// Where each of the values at the spec's end is in the model's order; `None` where it is the same.
    pub fn output_order(&self) -> Option<Vec<usize>> {
        self.output_order
            .as_ref()
            .map(|order| order.places().collect())
    }
}

/// A parameter, or a moving statistic.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// As `laptime run --save` names it: `conv1.weight`.
    pub name: String,
    /// Row-major.
    pub shape: Vec<usize>,
    /// As many as the shape says.
    pub values: Vec<f32>,
}

/// Imports the ONNX model or the archive of Keras's that `bytes` has; `beside` reads files that lie beside it, where it keeps weights there.
///
/// # Errors
/// Where it is no model, or has what laptime lacks: all that was found.
pub fn import(bytes: Vec<u8>, beside: Beside, options: &Options) -> Result<Imported, ImportError> {
    if bytes.starts_with(b"PK\x03\x04") {
        return made(keras::read(&bytes, options.weights)?, options);
    }
    if let Some(what) = foreign(&bytes) {
        let advice = "export the model as ONNX: torch.onnx.export(…), or Keras's model.export(…, format=\"onnx\") or \
                      model.save(\"model.keras\")";
        return Err(Problem::new(format!("it is {what}"), advice).into());
    }
    let model = Model::decode(Bytes::from(bytes)).map_err(|error| {
        let what = format!("it is no ONNX model: {error}");
        Problem::new(what, "give the file that torch.onnx.export wrote")
    })?;
    made(graph::read(&model, beside, options.weights)?, options)
}

/// The workload of a net.
fn made(read: graph::Read, options: &Options) -> Result<Imported, ImportError> {
    let chosen = training::choose(&options.training, &read)?;
    let about = format!(
        "{}, imported by laptime {}.",
        options.file_name,
        env!("CARGO_PKG_VERSION")
    );
    let spec = text::spec(
        &options.name,
        &about,
        &read.net,
        &chosen,
        &options.training,
        &read.input,
    );
    let layers = &read.net.layers;
    let trained = layers.iter().flat_map(|layer| &layer.parameters);
    let trained = trained.filter(|one| !one.name.starts_with("running_"));
    let parameters = trained.map(|one| one.shape.iter().product::<usize>()).sum();
    let weights = layers.iter().flat_map(|layer| {
        let name = layer.name.as_deref().unwrap_or_default();
        layer.parameters.iter().filter_map(move |one| {
            Some(Weights {
                name: format!("{name}.{}", one.name),
                shape: one.shape.clone(),
                values: one.values.clone()?,
            })
        })
    });
    Ok(Imported {
        weights: weights.collect(),
        layers: layers.len(),
        parameters,
        remarks: read.remarks,
        lacks_dataset: chosen.dataset.is_none(),
        output_order: read.output_order,
        spec,
    })
}

/// What a file is that is known by its first bytes, and is no ONNX model.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(usize, &[u8], &str); 3] = [
        (0, b"\x89HDF", "an HDF5 file, as Keras's .h5 is"),
        (4, b"TFL3", "a model of TensorFlow Lite"),
        (4, b"ORTM", "a model in ONNX Runtime's own format"),
    ];
    let is = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(magic));
    KNOWN
        .iter()
        .find(|(at, magic, _)| is(*at, magic))
        .map(|(_, _, what)| *what)
}
