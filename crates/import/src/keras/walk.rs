//! A net of Keras's while it is read.

use serde_json::Value;

use super::weights::Weights;
use crate::{
    flow::Place,
    net::{Layer, Net},
};

/// A value of the net: where it comes from, and the shape of one sample.
#[derive(Clone)]
pub(super) struct Flow {
    pub place: Place,
    pub shape: Vec<usize>,
    /// Zeros around the image that are no layer: above, below, left, right.
    pub padding: [usize; 4],
}

impl Flow {
    pub fn of(place: Place, shape: Vec<usize>) -> Self {
        Self {
            place,
            shape,
            padding: [0; 4],
        }
    }
}

/// A net while it is read.
pub(super) struct Walk<'a> {
    pub net: Net,
    pub weights: Weights<'a>,
    /// What the model itself divides its input by.
    pub divisor: Option<f64>,
    /// Whether the model ended with a softmax, which the loss has.
    pub is_ended: bool,
}

impl Walk<'_> {
    pub fn add(&mut self, layer: Layer) -> Flow {
        let shape = layer.shape.clone();
        Flow::of(self.net.add(layer), shape)
    }
}

/// A setting that is text; none is empty.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}
