//! What of a workload these engines train; anything else is refused by name, as it would change the training.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Problem;

/// The keys of a workload that change nothing here, or are read below.
const KNOWN: [&str; 19] = [
    "name", "batch_size", "classes", "dataset", "epochs", "initial_weights", "initializer", "input", "layers", "loss",
    "optimizer", "overrides", "pixel_divisor", "precision", "seed", "shuffle", "activations", "metrics", "data",
];

/// A net of layers that each read the one before.
pub struct Model {
    /// The layers.
    pub layers: Vec<Layer>,
    /// The optimizer.
    pub adam: Adam,
    /// Samples a step.
    pub batch_size: usize,
    /// Logits of a sample.
    pub classes: usize,
    /// What bytes are divided by.
    pub(crate) pixel_divisor: f64,
}

/// A layer.
pub struct Layer {
    /// Parameters begin with it.
    pub name: String,
    /// What it does.
    pub kind: Kind,
}

/// What a layer does.
#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// Images to rows, in the order height, width, channels.
    Flatten,
    /// `x · weightᵀ + bias`.
    Dense {
        /// Whether it has a bias.
        #[serde(default = "yes")]
        bias: bool,
    },
    /// The larger of it and 0.
    Relu,
    /// A convolution; padding is above, below, left and right.
    Conv2d {
        /// Rows and columns between windows.
        stride: [usize; 2],
        /// Zeros around the image.
        padding: [usize; 4],
        /// Whether it has a bias.
        bias: bool,
        /// Must be 1.
        #[serde(default = "one")]
        groups: usize,
    },
    /// The largest of each window.
    MaxPool {
        /// Rows and columns of a window.
        kernel: [usize; 2],
        /// Rows and columns between windows.
        stride: [usize; 2],
        /// What lies outside the image, and is never the largest.
        padding: [usize; 4],
    },
}

/// Keras's form of Adam: epsilon is added to the root of the uncorrected second moment.
#[derive(Clone, Deserialize)]
pub struct Adam {
    /// The rate before bias corrections.
    pub learning_rate: f64,
    /// Of the first moment.
    pub beta1: f64,
    /// Of the second moment.
    pub beta2: f64,
    /// Added to the root.
    pub epsilon: f64,
    #[serde(default)]
    corrected_epsilon: bool,
}

impl Adam {
    /// The rate of a step, counted from 1, with both bias corrections.
    pub fn rate(&self, step: u64) -> f64 {
        let share = |beta: f64| 1.0 - beta.powf(step as f64);
        self.learning_rate * share(self.beta2).sqrt() / share(self.beta1)
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

impl Model {
    pub(crate) fn read(text: &[u8]) -> Result<Self, Problem> {
        let workload: Map<String, Value> = serde_json::from_slice(text)?;
        let get = |key: &str| workload.get(key).cloned().unwrap_or(Value::Null);
        let others: Vec<&str> = workload.keys().map(String::as_str).filter(|it| !KNOWN.contains(it)).collect();
        if !others.is_empty() {
            return Err(Problem::unsupported(format!("this engine does not know {}", others.join(", "))));
        }
        for (key, known) in [("loss", "softmax-cross-entropy"), ("precision", "fp32")] {
            if get(key) != known {
                return Err(Problem::unsupported(format!("this engine has no {key} {}, only {known}", get(key))));
            }
        }
        let adam: Adam = match get("optimizer")["kind"].as_str() {
            Some("adam") => serde_json::from_value(get("optimizer"))?,
            _ => return Err(Problem::unsupported("this engine has Adam alone")),
        };
        if adam.corrected_epsilon {
            return Err(Problem::unsupported("this engine has no corrected_epsilon"));
        }
        let layers = get("layers");
        let layers = layers.as_array().into_iter().flatten().enumerate();
        let layers: Result<Vec<Layer>, Problem> = layers.map(|(place, layer)| read(place, layer)).collect();
        Ok(Self {
            layers: layers?,
            adam,
            batch_size: serde_json::from_value(get("batch_size"))?,
            classes: serde_json::from_value(get("classes"))?,
            pixel_divisor: get("pixel_divisor").as_f64().unwrap_or(1.0),
        })
    }

    /// Whether the first layers read images, channels first, rather than rows.
    pub(crate) fn reads_images(&self) -> bool {
        let mut kinds = self.layers.iter().map(|it| &it.kind);
        kinds
            .find(|it| !matches!(it, Kind::Relu))
            .is_some_and(|it| matches!(it, Kind::Conv2d { .. } | Kind::MaxPool { .. }))
    }
}

fn read(place: usize, layer: &Value) -> Result<Layer, Problem> {
    let name = layer["name"].as_str().unwrap_or_default().to_owned();
    let refused = || Problem::unsupported(format!("this engine has no layer such as {name}"));
    let before = match place {
        0 => Value::from("input"),
        _ => serde_json::json!({"layer": place - 1}),
    };
    let kind: Kind = serde_json::from_value(layer.clone()).map_err(|_| refused())?;
    let is_known = match &kind {
        Kind::Conv2d { padding, groups, .. } => *groups == 1 && is_symmetric(padding),
        Kind::MaxPool { padding, .. } => is_symmetric(padding),
        _ => true,
    };
    if !is_known || layer["inputs"] != Value::Array(vec![before]) {
        return Err(refused());
    }
    Ok(Layer { name, kind })
}

fn is_symmetric([above, below, left, right]: &[usize; 4]) -> bool {
    above == below && left == right
}
