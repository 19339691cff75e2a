//! What layers read, as `config.json` writes it.

use serde_json::Value;

use super::advice::EXPORT;
use crate::{constant::is_possible, problem::Problem};

/// Sizes beyond it are no image's.
const MOST: u64 = 1 << 16;

/// The shape of one sample, of an input's settings.
pub(super) fn shape(config: &Value) -> Result<Vec<usize>, Problem> {
    let all = config["batch_shape"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let sizes = all.iter().skip(1).map(|it| {
        let size = it.as_u64().filter(|it| (1..=MOST).contains(it));
        size.map(|it| it as usize)
    });
    match sizes.collect::<Option<Vec<usize>>>() {
        Some(sizes) if [1, 3].contains(&sizes.len()) && is_possible(&sizes) => Ok(sizes),
        Some(sizes) => {
            let what = format!("a sample has {} dimensions", sizes.len());
            let advice =
                "laptime reads rows and images from Keras's archives: one or three of them";
            Err(Problem::new(what, advice))
        }
        None => {
            let what = "an axis of it beside that of the samples has no fixed size";
            Err(Problem::new(what, "give keras.Input all sizes"))
        }
    }
}

/// The names of the layers that a layer of a functional model reads.
pub(super) fn of_layer(layer: &Value) -> Result<Vec<&str>, Problem> {
    let uses = layer["inbound_nodes"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let [one] = uses else {
        let what = format!("it is used {} times", uses.len());
        return Err(Problem::new(
            what,
            "laptime's layers have weights of their own: use it once",
        ));
    };
    let mut names = Vec::new();
    let arguments = one["args"].as_array().map_or(&[][..], Vec::as_slice);
    for argument in arguments {
        let listed = argument
            .as_array()
            .map_or(std::slice::from_ref(argument), Vec::as_slice);
        for tensor in listed {
            let history = &tensor["config"]["keras_history"];
            let is_first = history[1] == 0 && history[2] == 0;
            let name = history[0].as_str().filter(|_| is_first);
            let problem = || Problem::new("it does not read a layer's only output", EXPORT);
            names.push(name.ok_or_else(problem)?);
        }
    }
    let options = one["kwargs"].as_object();
    let is_tensor = |it: &Value| it["class_name"] == "__keras_tensor__" || it.is_array();
    if options.is_some_and(|it| it.values().any(is_tensor)) {
        return Err(Problem::new(
            "it reads a tensor by an argument's name",
            EXPORT,
        ));
    }
    Ok(names)
}

/// The name of the layer that a functional model ends with: `["dense", 0, 0]`, or a list of one such.
pub(super) fn output(config: &Value) -> Result<&str, Problem> {
    let mut outputs = &config["output_layers"];
    if let Some([one]) = outputs.as_array().map(Vec::as_slice) {
        outputs = one;
    }
    let problem = || Problem::new("it has several outputs", "save a model of one output");
    outputs[0].as_str().ok_or_else(problem)
}
