//! Single products for benchmarks: a dense layer's forward pass and gradients on one thread, with the
//! kernels that a Schedule would get. Not part of the crate's interface.

use laptime_graph::{
    TensorId,
    schedule::{Arena, Buffer, Layout},
};
use laptime_workload::dataset::Samples;

use crate::{
    kernels::{Dense, DenseCut, DenseGradInput, DenseGradWeight, GradientUse, Matrix, Step, Task},
    memory::{Floats, Place, ThreadMemory, View},
    simd::{Isa, LANES},
};

/// The products of a dense layer of (batch, inputs, outputs) on one thread.
pub struct DenseProducts {
    isa: Isa,
    arena: Floats,
    thread: ThreadMemory,
    forward: Task,
    grad_input: Task,
    grad_weight: Task,
    slices: usize,
}

impl DenseProducts {
    /// Products of these extents with the kernels of `isa`, which this processor must have.
    pub fn new(isa: Isa, batch: usize, inputs: usize, outputs: usize) -> Self {
        let mut bytes = 0;
        let mut place = |elements: usize| {
            let buffer = Buffer {
                tensor: TensorId(0),
                layout: Layout::Rows {
                    columns: 1,
                    stride: 1,
                },
                arena: Arena::Step,
                offset_bytes: bytes,
                bytes: elements * 4,
                copies: 1,
            };
            bytes += buffer.bytes;
            Place::of(&buffer)
        };
        let mut matrix = |rows: usize, columns: usize| {
            let stride = columns.next_multiple_of(LANES);
            Matrix {
                place: place(rows * stride),
                rows,
                columns,
                stride,
            }
        };
        let (x, y) = (matrix(batch, inputs), matrix(batch, outputs));
        let (dx, dy) = (matrix(batch, inputs), matrix(batch, outputs));
        let weights = inputs * outputs.next_multiple_of(LANES);
        let (w, dw) = (place(weights), place(weights));
        Self {
            isa,
            arena: Floats::zeroed(bytes),
            thread: ThreadMemory {
                arena: Floats::zeroed(0),
                scratch: Floats::zeroed(0),
            },
            forward: Task::Dense(Dense {
                x,
                w,
                y,
                bias: None,
                relu: false,
                cut: DenseCut::Outputs,
            }),
            grad_input: Task::DenseGradInput(DenseGradInput {
                dy,
                w,
                dx,
                other: None,
                relu: None,
            }),
            grad_weight: Task::DenseGradWeight(DenseGradWeight {
                x,
                dy,
                to: GradientUse::Store(dw),
                cut: DenseCut::Outputs,
            }),
            slices: inputs.max(outputs).div_ceil(LANES),
        }
    }

    /// y = x·wᵀ.
    pub fn forward(&mut self) {
        self.run(&self.forward);
    }

    /// dx = dy·w.
    pub fn grad_input(&mut self) {
        self.run(&self.grad_input);
    }

    /// dw = dyᵀ·x.
    pub fn grad_weight(&mut self) {
        self.run(&self.grad_weight);
    }

    fn run(&self, task: &Task) {
        let samples = Samples {
            pixels: Vec::new(),
            labels: Vec::new(),
        };
        let step = Step {
            number: 1,
            batch: &[],
            next_batch: &[],
            pixels: &samples.pixels,
            labels: &samples.labels,
            scores: false,
        };
        let view = View::new(&self.arena, &self.arena, &self.thread, 0);
        // SAFETY: the places were laid out in this arena above, and no other thread has it.
        unsafe { task.run(self.isa, &step, view, 0..self.slices) }
    }
}
