//! The net of laptime's while it grows, as a spec writes it.

use std::collections::HashSet;

use laptime_workload::layers;

use crate::flow::Place;

/// One `[[layer]]`.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// What it is called after in the model, where it has a name of its own.
    pub name: Option<String>,
    pub kind: &'static str,
    /// Its keys with their values, as TOML.
    pub keys: Vec<(&'static str, String)>,
    pub inputs: Vec<Place>,
    /// laptime's shape of one sample of its output.
    pub shape: Vec<usize>,
    pub parameters: Vec<Parameter>,
}

/// What a layer has learned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub name: &'static str,
    pub shape: Vec<usize>,
    /// None where weights are not asked for.
    pub values: Option<Vec<f32>>,
}

impl Layer {
    /// A layer without parameters.
    pub fn new(kind: &'static str, inputs: &[Place], shape: Vec<usize>) -> Self {
        Self {
            name: None,
            kind,
            keys: Vec::new(),
            inputs: inputs.to_vec(),
            shape,
            parameters: Vec::new(),
        }
    }

    /// With one more key.
    pub fn key(mut self, key: &'static str, value: impl ToString) -> Self {
        self.keys.push((key, value.to_string()));
        self
    }

    /// Changes a key's value.
    pub fn set(&mut self, key: &'static str, value: impl ToString) {
        self.keys.retain(|(known, _)| *known != key);
        self.keys.push((key, value.to_string()));
    }

    /// Whether a key has this value.
    pub fn has(&self, key: &str, value: &str) -> bool {
        self.keys
            .iter()
            .any(|(known, is)| *known == key && is == value)
    }
}

/// Whether laptime has this kind of layer.
pub(crate) fn has_layer(kind: &str) -> bool {
    layers().any(|entry| entry.kind == kind)
}

/// The layers in the order of the model.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub layers: Vec<Layer>,
}

impl Net {
    /// Adds a layer.
    pub fn add(&mut self, layer: Layer) -> Place {
        self.layers.push(layer);
        Place::Layer(self.layers.len() - 1)
    }

    /// The layer at a place.
    pub fn layer_mut(&mut self, place: Place) -> Option<&mut Layer> {
        match place {
            Place::Layer(number) => self.layers.get_mut(number),
            _ => None,
        }
    }

    /// Leaves out what the output does not need. A layer that somebody reads who is not next to it gets a name, and
    /// no two have the same.
    pub fn finish(self, output: Place) -> Finished {
        let mut is_needed = vec![false; self.layers.len()];
        let mut next = vec![output];
        while let Some(place) = next.pop() {
            if let Place::Layer(number) = place
                && !std::mem::replace(&mut is_needed[number], true)
            {
                next.extend(&self.layers[number].inputs);
            }
        }
        let mut numbers = vec![None; self.layers.len()];
        let mut layers: Vec<Layer> = Vec::new();
        for (number, layer) in self.layers.into_iter().enumerate() {
            if is_needed[number] {
                numbers[number] = Some(layers.len());
                layers.push(layer);
            }
        }
        for layer in &mut layers {
            // A dense layer has one where nothing is said.
            let is_plain = layer.kind == "dense";
            layer
                .keys
                .retain(|(key, value)| !(is_plain && *key == "bias" && value == "true"));
            for input in &mut layer.inputs {
                if let Place::Layer(number) = input {
                    *number = numbers[*number].unwrap_or_default();
                }
            }
        }
        name(&mut layers);
        Finished { layers }
    }
}

/// A net whose layers all serve the output.
#[derive(Debug)]
pub(crate) struct Finished {
    pub layers: Vec<Layer>,
}

/// Whether layer `number` reads what stands before it alone, so that a spec need not say what it reads.
pub(crate) fn reads_the_layer_before(number: usize, layer: &Layer) -> bool {
    match (number.checked_sub(1), layer.inputs.as_slice()) {
        (Some(before), [Place::Layer(read)]) => before == *read,
        (None, [Place::Input]) => true,
        _ => false,
    }
}

fn name(layers: &mut [Layer]) {
    let mut is_read = vec![false; layers.len()];
    for (number, layer) in layers.iter().enumerate() {
        if !reads_the_layer_before(number, layer) {
            for input in &layer.inputs {
                if let Place::Layer(read) = input {
                    is_read[*read] = true;
                }
            }
        }
    }
    let mut seen = HashSet::from(["input".to_owned()]);
    let mut unnamed = Vec::new();
    for (number, layer) in layers.iter_mut().enumerate() {
        let wanted = layer.name.take().map(|name| allowed(&name));
        let wanted = wanted.filter(|name| !name.is_empty());
        let named = wanted.filter(|name| seen.insert(name.clone()));
        layer.name = named;
        let must = is_read[number] || !layer.parameters.is_empty();
        if layer.name.is_none() && must {
            unnamed.push(number);
        }
    }
    for number in unnamed {
        let kind = layers[number].kind;
        let mut free = (1..).map(|count| format!("{kind}_{count}"));
        layers[number].name = free.find(|name| seen.insert(name.clone()));
    }
}

/// A name that a spec can have: of a long one, the end.
fn allowed(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let name: String = name
        .chars()
        .map(|c| if is_allowed(c) { c } else { '.' })
        .collect();
    let name = name.trim_matches('.');
    name[name.len().saturating_sub(64)..]
        .trim_start_matches('.')
        .to_owned()
}

/// A number as a spec writes it: 255, 0.9, 1e-5.
pub(crate) fn number(value: f64) -> String {
    match value.fract() == 0.0 && value.abs() < 1e9 {
        true => format!("{value:.0}"),
        false => format!("{value:?}"),
    }
}
