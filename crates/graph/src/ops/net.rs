//! What layers are built into, as far as they need to know it.

use laptime_workload::Initializer;

use super::Op;
use crate::{
    axis::Axis,
    tensor::{Initial, TensorId},
};

/// The layer that is being built.
pub(crate) struct Layer<'a> {
    pub(crate) name: &'a str,
    /// Of its output, the batch first.
    pub(crate) shape: Vec<(Axis, usize)>,
    /// How its weights begin.
    pub(crate) initializer: Initializer,
    pub(crate) is_training: bool,
    /// The workload's seed, and the layer's place in it: so layers drop independently.
    pub(crate) seed: u64,
    pub(crate) number: u32,
}

impl Layer<'_> {
    /// Of its output.
    pub(crate) fn channels(&self) -> usize {
        let mut shape = self.shape.iter();
        let channels = shape.find(|(axis, _)| *axis == Axis::Channel);
        channels.map_or(1, |(_, extent)| *extent)
    }
}

/// A net that grows by layers.
pub(crate) trait Net {
    /// Of a tensor along one of its axes.
    fn extent(&self, id: TensorId, axis: Axis) -> usize;

    /// Whether it is a batch of images.
    fn is_images(&self, id: TensorId) -> bool;

    /// A new trained parameter.
    fn parameter(&mut self, name: String, shape: &[(Axis, usize)], initial: Initial) -> TensorId;

    /// A new value that is kept from step to step and not trained.
    fn statistic(&mut self, name: String, shape: &[(Axis, usize)], initial: Initial) -> TensorId;

    /// A new value that lives within a step.
    fn value(&mut self, name: String, shape: &[(Axis, usize)]) -> TensorId;

    /// What a product reads in the place of a tensor: the tensor rounded, once for all who read it,
    /// or the tensor itself in single precision.
    fn operand(&mut self, id: TensorId) -> TensorId;

    /// As [`Self::operand`], but rounded for one product alone.
    fn operand_again(&mut self, id: TensorId) -> TensorId;

    fn operation(&mut self, op: Op, inputs: &[TensorId], outputs: &[TensorId]);

    /// A layer that ends in one operation: its output has the layer's name and shape.
    fn simple(&mut self, layer: &Layer, op: Op, inputs: &[TensorId]) -> TensorId {
        let output = self.value(layer.name.to_owned(), &layer.shape);
        self.operation(op, inputs, &[output]);
        output
    }
}
