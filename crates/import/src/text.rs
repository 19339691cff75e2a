//! A spec as TOML.

use std::fmt::Write;

use laptime_workload::{FILL_IN, Loss, escaped};

use crate::{
    flow::Place,
    net::{Finished, Layer, number, reads_the_layer_before},
    training::{Chosen, Training},
};

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
    let data = match (&training.dataset, &chosen.dataset) {
        (None, None) => format!("[data]\n{}dataset", own_files(chosen, input)),
        _ => "[data]\ndataset".into(),
    };
    line(
        &data,
        quoted(chosen.dataset.as_deref().unwrap_or(FILL_IN)),
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
    match (&training.dataset, &chosen.dataset) {
        (Some(_), _) => String::new(),
        (None, Some(_)) => format!("by the model's input, {}", extents(input)),
        (None, None) => "put the lines above in its place".into(),
    }
}

/// How files of the user's are named, to be uncommented.
fn own_files(chosen: &Chosen, input: &[usize]) -> String {
    let axes = match input.len() {
        3 => "height, width, channels",
        _ => "values",
    };
    let targets = match chosen.loss {
        Loss::SoftmaxCrossEntropy => "the class of each, a whole number from 0",
        Loss::MeanSquaredError => {
            "what is learnt of each; without targets the model learns its input"
        }
    };
    format!(
        "# No built-in dataset has samples of {} with the model's outputs. Files of your own are named so\n\
         # (docs/your-data.md has tables, folders of images, a split by share):\n\
         # name = \"mydata\"\n\
         # train_inputs = \"data.npz:x_train\"   # for each sample {} ({axes})\n\
         # train_targets = \"data.npz:y_train\"  # {targets}\n\
         # test_inputs = \"data.npz:x_test\"\n\
         # test_targets = \"data.npz:y_test\"\n",
        extents(input),
        extents(input),
    )
}

fn extents(shape: &[usize]) -> String {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    shape.join("×")
}

fn layer_text(number: usize, layer: &Layer, layers: &[Layer]) -> String {
    let mut text = String::from("\n[[layer]]\n");
    if let Some(name) = &layer.name {
        let _ = writeln!(text, "name = {}", quoted(name));
    }
    let kind = format!("kind = {}", quoted(layer.kind));
    let _ = writeln!(text, "{kind:<26}# → {}", extents(&layer.shape));
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
