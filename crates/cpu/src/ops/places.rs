//! Where tensors lie, as kernels want to know it.

use laptime_graph::{
    Operation, Program, Role, TensorId,
    schedule::{Arena, Buffer, Layout, Schedule},
};

use crate::{
    kernels::{Filters, Images, Matrix},
    memory::Place,
};

/// Where the tensors of a Schedule lie.
pub(crate) struct Places<'a> {
    pub(super) program: &'a Program,
    pub(super) schedule: &'a Schedule,
    /// The buffer of each tensor.
    buffers: Vec<Option<&'a Buffer>>,
    /// Of what lives within a step.
    pub(crate) step_bytes: usize,
}

/// Where the logits of a step are, to be read by whoever asks.
pub(crate) struct StoredLogits {
    pub(crate) matrix: Matrix,
    pub(crate) partials: usize,
}

impl<'a> Places<'a> {
    pub(crate) fn of(program: &'a Program, schedule: &'a Schedule) -> Self {
        Self {
            program,
            schedule,
            buffers: schedule.buffers_by_tensor(program),
            step_bytes: schedule.arena_bytes(Arena::Step),
        }
    }

    pub(super) fn shape(&self, tensor: TensorId) -> &[usize] {
        &self.program.tensor(tensor).shape
    }

    pub(crate) fn place(&self, tensor: TensorId) -> Place {
        Place::of(self.buffer(tensor))
    }

    /// The place of the dataset's column that is given to a step as this tensor.
    pub(super) fn column(&self, tensor: TensorId) -> usize {
        match self.program.tensor(tensor).role {
            Role::Input { column } => column,
            _ => unreachable!("{} is not given to a step", self.name(tensor)),
        }
    }

    pub(super) fn is_images(&self, tensor: TensorId) -> bool {
        matches!(
            self.buffer(tensor).layout,
            Layout::SampleLanes { .. } | Layout::SamplePairs { .. }
        )
    }

    /// Where the sums of these images' pieces are, if whoever makes them leaves some.
    pub(super) fn sums(&self, tensor: TensorId) -> Option<Place> {
        let buffer = self.buffers[tensor.0].filter(|buffer| buffer.sums_bytes > 0)?;
        Some(Place::of(buffer).behind((buffer.bytes - buffer.sums_bytes) / 4))
    }

    /// The norm that needs the sums of these images.
    pub(super) fn norm_of_sums(&self, tensor: TensorId) -> Option<&'a Operation> {
        let mut operations = self.program.operations.iter();
        operations.find(|own| super::of(&own.op).sums_over(own) == Some(tensor))
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

    pub(crate) fn logits(&self) -> StoredLogits {
        let partials = match self.buffer(self.program.logits).layout {
            Layout::Partials { slices, .. } => slices,
            _ => 1,
        };
        StoredLogits {
            matrix: self.matrix(self.program.logits),
            partials,
        }
    }
}
