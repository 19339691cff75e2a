//! Where tensors lie, as kernels want to know it.

use laptime_graph::{
    Role, TensorId,
    schedule::{Buffer, Layout},
};

use super::Linker;
use crate::{
    kernels::{Filters, Images, Matrix},
    memory::Place,
};

impl<'a> Linker<'a> {
    pub(super) fn shape(&self, tensor: TensorId) -> &[usize] {
        &self.program.tensor(tensor).shape
    }

    pub(super) fn place(&self, tensor: TensorId) -> Place {
        Place::of(self.buffer(tensor))
    }

    pub(super) fn is_images(&self, tensor: TensorId) -> bool {
        matches!(
            self.buffer(tensor).layout,
            Layout::SampleLanes { .. } | Layout::SamplePairs { .. }
        )
    }

    pub(super) fn images(&self, tensor: TensorId) -> Images {
        let buffer = self.buffer(tensor);
        let (Layout::SampleLanes {
            positions,
            channels,
            stride,
        }
        | Layout::SamplePairs {
            positions,
            channels,
            stride,
        }) = buffer.layout
        else {
            unreachable!("{} is not stored as images", self.name(tensor))
        };
        Images {
            place: Place::of(buffer),
            positions,
            channels,
            samples: self.shape(tensor)[0],
            stride,
            paired: matches!(buffer.layout, Layout::SamplePairs { .. }),
        }
    }

    pub(super) fn filters(&self, tensor: TensorId) -> Filters {
        let buffer = self.buffer_of_weights(tensor);
        let Layout::FilterLanes { inputs, taps, .. } = buffer.layout else {
            unreachable!("{} is not stored as filters", self.name(tensor))
        };
        Filters {
            place: Place::of(buffer),
            outputs: self.shape(tensor)[0],
            inputs,
            taps,
        }
    }

    /// The buffer of weights, or of the weights that a gradient belongs to where it has none.
    pub(super) fn buffer_of_weights(&self, tensor: TensorId) -> &'a Buffer {
        match (self.buffers[tensor.0], &self.program.tensor(tensor).role) {
            (None, Role::Gradient { of }) => self.buffer(*of),
            _ => self.buffer(tensor),
        }
    }

    pub(super) fn matrix(&self, tensor: TensorId) -> Matrix {
        let buffer = self.buffer(tensor);
        let (Layout::Rows { columns, stride }
        | Layout::Partials {
            columns, stride, ..
        }) = buffer.layout
        else {
            unreachable!("{} is not stored in rows", self.name(tensor))
        };
        Matrix {
            place: Place::of(buffer),
            rows: self.program.tensor(tensor).elements() / columns,
            columns,
            stride,
        }
    }

    pub(super) fn buffer(&self, tensor: TensorId) -> &'a Buffer {
        self.buffers[tensor.0].unwrap_or_else(|| panic!("{} has no buffer", self.name(tensor)))
    }

    pub(super) fn name(&self, tensor: TensorId) -> &str {
        &self.program.tensor(tensor).name
    }
}
