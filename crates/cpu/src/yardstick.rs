//! Single products for benchmarks: a dense layer's or a convolution's forward pass and gradients on one
//! thread, with the kernels that a Schedule would get. Not part of the crate's interface.

use laptime_graph::{
    StepValues, TensorId,
    schedule::{Arena, Buffer, Layout},
};
use laptime_workload::Window;

use crate::{
    extents::rows_apart,
    kernels::{
        Conv2d, Conv2dGradInput, Conv2dGradWeight, Dense, DenseCut, DenseGradInput,
        DenseGradWeight, Epilogue, Filters, GradientEpilogue, GradientUse, Images, Matrix, Step,
        Tiles, turned_bytes,
    },
    memory::{Floats, Place, ThreadMemory, View},
    ops::Task,
    segments::{Padding, forward, input_gradient, weight_gradient},
    simd::{Isa, LANES},
};

/// Places of values one behind the other in an arena.
#[derive(Default)]
struct Layouter {
    bytes: usize,
}

impl Layouter {
    /// # Panics
    /// Where no memory is as large as that; a size that wrapped around would be too small.
    fn place(&mut self, extents: &[usize]) -> Place {
        let bytes = extents
            .iter()
            .try_fold(4, |product: usize, extent| product.checked_mul(*extent));
        let end = bytes.and_then(|bytes| self.bytes.checked_add(bytes));
        let (bytes, end) = bytes.zip(end).expect("the values fit memory");
        let buffer = Buffer {
            tensor: TensorId(0),
            layout: Layout::Rows {
                columns: 1,
                stride: 1,
            },
            arena: Arena::Step,
            offset_bytes: self.bytes,
            bytes,
            copies: 1,
            sums_bytes: 0,
        };
        self.bytes = end;
        Place::of(&buffer)
    }
}

/// A product and its two gradients, with the memory that they are done in.
struct Products {
    isa: Isa,
    arena: Floats,
    thread: ThreadMemory,
    forward: Task,
    grad_input: Task,
    grad_weight: Task,
    slices: usize,
}

impl Products {
    fn run(&self, task: &Task) {
        let step = Step {
            first: 0,
            values: StepValues {
                number: 1,
                step_size: 0.0,
                decay: 0.0,
                epsilon: 1e-7,
            },
            batch: &[],
            next_batch: &[],
            moves: &[],
            arrays: &[],
            scores: false,
        };
        let view = View::new(&self.arena, &self.arena, &self.thread, 0);
        // SAFETY: the places were laid out in this arena, the scratch is as large as the tasks need,
        // and no other thread has either.
        unsafe { task.run(self.isa, &step, view, 0..self.slices) }
    }
}

/// The products of a dense layer of (batch, inputs, outputs) on one thread.
pub struct DenseProducts(Products);

impl DenseProducts {
    /// Products of these extents with the kernels of `isa`.
    pub fn new(isa: Isa, batch: usize, inputs: usize, outputs: usize) -> Self {
        let mut memory = Layouter::default();
        let mut matrix = |rows: usize, columns: usize| {
            let stride = rows_apart(columns.next_multiple_of(LANES));
            Matrix {
                place: memory.place(&[rows, stride]),
                rows,
                columns,
                stride,
            }
        };
        let (x, y) = (matrix(batch, inputs), matrix(batch, outputs));
        let (dx, dy) = (matrix(batch, inputs), matrix(batch, outputs));
        let weights = [inputs, outputs.next_multiple_of(LANES)];
        let (w, dw) = (memory.place(&weights), memory.place(&weights));
        Self(Products {
            isa,
            arena: Floats::zeroed(memory.bytes),
            thread: ThreadMemory {
                arena: Floats::zeroed(0),
                scratch: Floats::zeroed(0),
            },
            forward: Task::Dense(Dense {
                x,
                w,
                y,
                bias: None,
                epilogue: Epilogue::None,
                cut: DenseCut::Outputs,
                tiles: Tiles::UNCUT,
            }),
            grad_input: Task::DenseGradInput(DenseGradInput {
                dy,
                w,
                dx,
                other: None,
                epilogue: GradientEpilogue::None,
                tiles: Tiles::UNCUT,
            }),
            grad_weight: Task::DenseGradWeight(DenseGradWeight {
                x,
                dy,
                to: GradientUse::Store(dw),
                cut: DenseCut::Outputs,
                tiles: Tiles::UNCUT,
            }),
            slices: inputs.max(outputs).div_ceil(LANES),
        })
    }

    /// y = x·wᵀ.
    pub fn forward(&mut self) {
        self.0.run(&self.0.forward);
    }

    /// dx = dy·w.
    pub fn grad_input(&mut self) {
        self.0.run(&self.0.grad_input);
    }

    /// dw = dyᵀ·x.
    pub fn grad_weight(&mut self) {
        self.0.run(&self.0.grad_weight);
    }
}

/// The products of a convolution on one thread.
pub struct Convolutions(Products);

impl Convolutions {
    /// Products of x, of this shape (B, H, W, C), with so many filters, with the kernels of `isa`.
    ///
    /// # Panics
    /// Where the window does not fit into the image.
    pub fn new(isa: Isa, x_shape: [usize; 4], filters: usize, window: Window) -> Self {
        let [batch, height, width, channels] = x_shape;
        let output = window.output([height, width]).expect("the window fits");
        let y_shape = [batch, output[0], output[1], filters];
        let mut memory = Layouter::default();
        let mut images = |shape: [usize; 4]| {
            let (positions, stride) = (shape[1] * shape[2], batch.next_multiple_of(LANES));
            Images {
                place: memory.place(&[positions, shape[3], stride]),
                positions,
                channels: shape[3],
                samples: batch,
                stride,
                paired: false,
            }
        };
        let (x, dx) = (images(x_shape), images(x_shape));
        let (y, dy) = (images(y_shape), images(y_shape));
        let taps = window.kernel[0] * window.kernel[1];
        let mut weights = || Filters {
            place: memory.place(&[filters.next_multiple_of(LANES), channels, taps]),
            outputs: filters,
            inputs: channels,
            taps,
        };
        let (w, dw) = (weights(), weights());
        let scratch = turned_bytes(dy.positions * dy.stride);
        Self(Products {
            isa,
            arena: Floats::zeroed(memory.bytes),
            thread: ThreadMemory {
                arena: Floats::zeroed(0),
                scratch: Floats::zeroed(scratch),
            },
            forward: Task::Conv2d(Conv2d {
                x,
                w,
                y,
                bias: None,
                norm: None,
                other: None,
                epilogue: Epilogue::None,
                segments: forward(&window, &x_shape, &y_shape, channels, Padding::LEFT_OUT),
                tiles: Tiles::UNCUT,
            }),
            grad_input: Task::Conv2dGradInput(Conv2dGradInput {
                dy,
                w,
                dx,
                other: None,
                epilogue: GradientEpilogue::None,
                norm: None,
                segments: input_gradient(&window, &x_shape, &y_shape, w, Padding::LEFT_OUT),
                tiles: Tiles::UNCUT,
            }),
            grad_weight: Task::Conv2dGradWeight(Conv2dGradWeight {
                by_inputs: false,
                x,
                dy,
                w: dw,
                to: GradientUse::Store(dw.place),
                segments: weight_gradient(&window, &x_shape, &y_shape, Padding::LEFT_OUT),
                tiles: Tiles::UNCUT,
            }),
            slices: channels.max(filters).div_ceil(LANES),
        })
    }

    /// y = x ∗ w.
    pub fn forward(&mut self) {
        self.0.run(&self.0.forward);
    }

    /// The gradient of x.
    pub fn grad_input(&mut self) {
        self.0.run(&self.0.grad_input);
    }

    /// The gradient of w.
    pub fn grad_weight(&mut self) {
        self.0.run(&self.0.grad_weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Miri sees whether the tasks stay within the arenas.
    #[test]
    fn products_of_any_extents_stay_within_their_memory() {
        for (batch, inputs, outputs) in [(2, 3, 17), (3, 17, 2), (0, 3, 3)] {
            let mut products = DenseProducts::new(Isa::portable(), batch, inputs, outputs);
            products.forward();
            products.grad_input();
            products.grad_weight();
        }
        let window = Window {
            kernel: [2, 2],
            stride: [1, 1],
            padding: [1, 0, 0, 1],
            dilation: [1; 2],
        };
        for (x_shape, filters) in [([2, 2, 3, 1], 17), ([1, 2, 2, 17], 1)] {
            let mut products = Convolutions::new(Isa::portable(), x_shape, filters, window);
            products.forward();
            products.grad_input();
            products.grad_weight();
        }
    }

    #[test]
    #[should_panic(expected = "fit memory")]
    fn extents_beyond_all_memory_are_refused() {
        DenseProducts::new(Isa::portable(), 1 << 30, 1 << 30, 1 << 30);
    }
}
