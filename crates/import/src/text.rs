//! A spec as TOML.

use std::fmt::Write;

use laptime_workload::escaped;

use crate::{
    flow::Place,
    net::{Finished, Layer, number, reads_the_layer_before},
    training::{Chosen, Training},
};

/// What stands where no dataset of laptime's fits.
pub(crate) const NO_DATASET: &str = "FILL-IN";

/// The spec of a net and its training. `about` says in a line where the net comes from.
pub(crate) fn spec(
    name: &str,
    about: &str,
    net: &Finished,
    chosen: &Chosen,
    training: &Training,
    input: &[usize],
) -> String {
    let mut text = format!(
        "# {}\n#\n# The layers are the model's. Its file does not say how it is trained: what was not given on the command \
         line either\n# is marked \"default\" here. Change it as you like; docs/spec.md describes every key.\n\n",
        escaped(about)
    );
    let mut line = |key: &str, value: String, is_default: bool, comment: &str| {
        let comment = match (is_default, comment) {
            (false, "") => String::new(),
            (false, comment) => format!("# {comment}"),
            (true, "") => "# default".into(),
            (true, comment) => format!("# default: {comment}"),
        };
        let (table, key) = key.rsplit_once('\n').unwrap_or(("", key));
        if !table.is_empty() {
            text += &format!("\n{table}\n");
        }
        let line = format!("{:<34}{comment}", format!("{key} = {value}"));
        text += line.trim_end();
        text.push('\n');
    };
    line("name", quoted(name), false, "");
    line(
        "[data]\ndataset",
        quoted(chosen.dataset.as_deref().unwrap_or(NO_DATASET)),
        false,
        &dataset(chosen, training, input),
    );
    line(
        "pixel_divisor",
        number(chosen.pixel_divisor),
        training.pixel_divisor.is_none(),
        chosen.why_divisor,
    );
    line(
        "[training]\nbatch_size",
        training.batch_size.unwrap_or(32).to_string(),
        training.batch_size.is_none(),
        "samples a step",
    );
    line(
        "epochs",
        training.epochs.unwrap_or(10).to_string(),
        training.epochs.is_none(),
        "",
    );
    line("shuffle", "true".into(), true, "");
    line("seed", "1".into(), true, "");
    line("precision", quoted("fp32"), true, "");
    line(
        "loss",
        quoted(chosen.loss.as_str()),
        training.loss.is_none(),
        "by what the model gives",
    );
    line(
        "[optimizer]\nkind",
        quoted("adam"),
        true,
        "or adamw, sgd, rmsprop",
    );
    line("learning_rate", "0.001".into(), true, "");
    line("beta1", "0.9".into(), true, "");
    line("beta2", "0.999".into(), true, "");
    line("epsilon", "1e-7".into(), true, "");
    for (number, layer) in net.layers.iter().enumerate() {
        text.push_str(&layer_text(number, layer, &net.layers));
    }
    text
}

fn dataset(chosen: &Chosen, training: &Training, input: &[usize]) -> String {
    let shape: Vec<String> = input.iter().map(usize::to_string).collect();
    let shape = shape.join("×");
    match (&training.dataset, &chosen.dataset) {
        (Some(_), _) => String::new(),
        (None, Some(_)) => format!("by the model's input, {shape}"),
        (None, None) => {
            format!(
                "fill it in: no built-in dataset has samples of {shape} with the model's outputs"
            )
        }
    }
}

fn layer_text(number: usize, layer: &Layer, layers: &[Layer]) -> String {
    let mut text = String::from("\n[[layer]]\n");
    if let Some(name) = &layer.name {
        let _ = writeln!(text, "name = {}", quoted(name));
    }
    let shape: Vec<String> = layer.shape.iter().map(usize::to_string).collect();
    let kind = format!("kind = {}", quoted(layer.kind));
    let _ = writeln!(text, "{kind:<26}# → {}", shape.join("×"));
    if !reads_the_layer_before(number, layer) {
        let inputs = layer.inputs.iter().map(|input| match input {
            Place::Layer(read) => quoted(layers[*read].name.as_deref().unwrap_or_default()),
            _ => quoted("input"),
        });
        let inputs: Vec<String> = inputs.collect();
        let _ = writeln!(text, "inputs = [{}]", inputs.join(", "));
    }
    for (key, value) in &layer.keys {
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// Names have no character that would need more.
fn quoted(text: &str) -> String {
    format!("{text:?}")
}
