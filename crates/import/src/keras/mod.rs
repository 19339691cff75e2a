//! Keras's own archives, `.keras`: a zip of `config.json`, which has the layers, and `model.weights.h5`.
//!
//! Unlike an exported ONNX model they still have dropout and whole batch norms, and axes lie as laptime has them, so a
//! layer of Keras is a layer of laptime's with its activation behind it.

mod advice;
mod hdf5;
mod inputs;
mod layers;
#[cfg(test)]
mod tests;
mod walk;
mod weights;
mod zip;

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    constant::is_possible,
    flow::Place,
    graph::Read,
    net::{Layer, Net},
    problem::{ImportError, Problem},
};
use advice::EXPORT;
use walk::{Flow, Walk, text};
use weights::Weights;

/// As many as a spec can have.
const MOST_LAYERS: usize = 20_000;

/// Reads an archive.
pub(crate) fn read(archive: &[u8], wants_weights: bool) -> Result<Read, ImportError> {
    let model = zip::member(archive, "config.json")?;
    let model: Value = serde_json::from_slice(model)
        .map_err(|error| Problem::new(format!("its config.json is no JSON: {error}"), EXPORT))?;
    let class = text(&model, "class_name");
    if !["Sequential", "Functional"].contains(&class) {
        let what = format!("it is a model of the class {class:?}, whose layers are in Python");
        return Err(Problem::new(what, EXPORT).into());
    }
    let no_layers = || Problem::new("its config.json has no layers", EXPORT);
    let layers = model["config"]["layers"].as_array().ok_or_else(no_layers)?;
    if layers.len() > MOST_LAYERS {
        let what = format!("it has {} layers", layers.len());
        return Err(Problem::new(what, format!("at most {MOST_LAYERS} are possible")).into());
    }
    let weights = match wants_weights {
        true => Some(zip::member(archive, "model.weights.h5")?),
        false => None,
    };
    let mut walk = Walk {
        net: Net::default(),
        weights: Weights::open(weights)?,
        divisor: None,
        is_ended: false,
    };
    let is_functional = class == "Functional";
    let (input, output) = walked(&mut walk, &model["config"], layers, is_functional)?;
    let Place::Layer(_) = output.place else {
        return Err(no_layers().into());
    };
    Ok(Read {
        is_row: input.len() == 1,
        outputs: output.shape.iter().product(),
        net: walk.net.finish(output.place),
        input,
        input_order: None,
        output_order: None,
        divisor: walk.divisor,
        remarks: Vec::new(),
    })
}

/// Goes over the layers: the shape of the input, and the output.
fn walked(
    walk: &mut Walk,
    config: &Value,
    layers: &[Value],
    is_functional: bool,
) -> Result<(Vec<usize>, Flow), ImportError> {
    let mut flows: HashMap<&str, Option<Flow>> = HashMap::new();
    let mut before = None;
    let mut input = None;
    let mut problems = Vec::new();
    for layer in layers {
        let (class, name) = (text(layer, "class_name"), text(&layer["config"], "name"));
        let of = |problem: Problem| problem.of(&format!("{class} {name:?}"));
        if class == "InputLayer" {
            let shape = inputs::shape(&layer["config"]).map_err(of)?;
            if input.replace(shape.clone()).is_some() {
                let what = "it has several inputs";
                return Err(Problem::new(what, "laptime trains models of one input").into());
            }
            let flow = match shape.len() {
                1 => walk.add(Layer::new("flatten", &[Place::Input], shape)),
                _ => Flow::of(Place::Input, shape),
            };
            before = Some(name);
            flows.insert(name, Some(flow));
            continue;
        }
        let read = match is_functional {
            true => inputs::of_layer(layer).map_err(of)?,
            false => before.into_iter().collect(),
        };
        let given: Vec<&Option<Flow>> = read.iter().filter_map(|it| flows.get(it)).collect();
        if given.len() < read.len() || given.is_empty() {
            let what = "it reads what is not in front of it";
            return Err(of(Problem::new(what, EXPORT)).into());
        }
        // What is wrong has been said of a layer before it.
        let given: Option<Vec<Flow>> = given.into_iter().cloned().collect();
        let found = given.map(|given| layers::convert(walk, class, &layer["config"], &given));
        let flow = match found {
            None => None,
            Some(Ok(flow)) if is_possible(&flow.shape) => Some(flow),
            Some(Ok(flow)) => {
                let what = format!("it makes {:?} a sample", flow.shape);
                problems.push(of(Problem::new(what, "make the model smaller")));
                None
            }
            Some(Err(problem)) => {
                problems.push(of(problem));
                None
            }
        };
        flows.insert(name, flow);
        before = Some(name);
    }
    if !problems.is_empty() {
        return Err(ImportError::new(problems));
    }
    let last = match is_functional {
        true => Some(inputs::output(config)?),
        false => before,
    };
    let output = last.and_then(|it| flows.get(it)).cloned().flatten();
    match (input, output) {
        (Some(input), Some(output)) if output.padding == [0; 4] => Ok((input, output)),
        (None, _) => {
            let what = "it does not say what its input is";
            Err(Problem::new(what, "put keras.Input(shape) in front of its layers").into())
        }
        _ => Err(Problem::new("it ends with what is no layer of laptime's", EXPORT).into()),
    }
}
