//! The Schedule: how one backend executes one Program.
//!
//! One plain-data type for all backends. A Schedule says which operations are done as one kernel,
//! how kernels are cut into slices, where barriers are, and where each tensor lives. It names no
//! code: the backend that made it knows a kernel by the operations in it.

mod balance;
mod check;
mod made;
mod parts;
mod print;
mod sums;
mod traffic;

pub use balance::{Balance, Core, Section, at_once, share};
pub use print::Explained;
pub use sums::SUMS_A_TILE;
pub use traffic::Touch;

use crate::{
    axis::Axes,
    program::{FusionKind, OpId, Program},
    simplification::Simplification,
    tensor::TensorId,
};

/// How a backend executes a Program.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What it was lowered for, as the backend describes it ("cpu avx512, lanes of 16").
    pub target: String,
    /// The fusions that were taken.
    pub passes: Vec<FusionKind>,
    /// What is left out of convolutions.
    pub simplifications: Vec<Simplification>,
    /// What happens, in order; a barrier stands behind a stage where the stage says so.
    pub stages: Vec<Stage>,
    /// Every tensor that reaches memory. One that is not here lives and dies inside a kernel.
    pub buffers: Vec<Buffer>,
    /// What each thread's kernels need beside, for values in another order.
    pub scratch_bytes: usize,
    /// Zeros behind the step's arena and behind each thread's scratch, which nothing writes: what
    /// convolutions multiply in the place of padding, where it is not left out.
    pub zero_bytes: usize,
}

/// Kernels between two barriers.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Into how many slices the stage's work is cut: by shape alone, never by the number of
    /// threads, so that sums are always taken in the same order. A slice's kernels run on one
    /// thread, in order.
    pub slices: usize,
    /// What is done, in order.
    pub kernels: Vec<Kernel>,
    /// Whether all threads wait for each other behind this stage.
    pub barrier: bool,
}

/// Operations done as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Kernel {
    /// The operations, in Program order. What only depends on the batch's pixels, and rounding, may be done again
    /// by every kernel that reads it, so that it need not reach memory.
    pub operations: Vec<OpId>,
    /// Who does what.
    pub split: Split,
    /// How it touches each buffer.
    pub accesses: Vec<Access>,
}

/// Who does what of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Each slice does its own part.
    Slices,
    /// The first slice alone does the whole.
    First,
    /// Each thread does the whole, into buffers of its own ([`Arena::Thread`]).
    EachThread,
}

/// How a kernel touches a tensor's buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The tensor.
    pub tensor: TensorId,
    /// Whether it writes (an update both reads and writes).
    pub write: bool,
    /// What of the tensor each slice touches.
    pub part: Part,
}

/// What of a tensor each slice of a kernel touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// All of it, but by the first slice alone.
    First,
    /// Slice s: from s·width to (s+1)·width along these axes.
    Along {
        /// Those of them that the tensor has, flattened.
        axes: Axes,
        /// Indices a slice.
        width: usize,
    },
    /// Slice s: from ⌊s/pieces⌋·width to (⌊s/pieces⌋+1)·width along `axes`, and of what is there the
    /// (s mod pieces)-th of `pieces` [even shares](share) along other axes.
    Tile {
        /// As of `Along`.
        axes: Axes,
        /// Indices of as many slices as there are pieces.
        width: usize,
        /// The other axes, flattened.
        across: Axes,
        /// Into how many pieces these are cut.
        pieces: usize,
    },
    /// Slice s: the s-th of the partial sums of [`Layout::Partials`].
    Partial,
    /// Slice s: a share of its own, which no other slice of this kernel touches. How it is cut is
    /// the kernel's affair (a tile of a product, say), so that nothing follows for other kernels.
    Own,
}

/// Where and how a tensor is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Buffer {
    /// The tensor.
    pub tensor: TensorId,
    /// The order of its values.
    pub layout: Layout,
    /// In which arena.
    pub arena: Arena,
    /// Its first byte in the arena.
    pub offset_bytes: usize,
    /// How many bytes one copy has.
    pub bytes: usize,
    /// Those of them behind the values: room for sums over parts of the values, which the kernel that writes these
    /// leaves to the one that reads them all.
    pub sums_bytes: usize,
    /// 1, or 2 where steps take turns, so that one thread may write the next step's values while
    /// another still reads this step's.
    pub copies: usize,
}

/// The memory that buffers lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arena {
    /// Parameters and moments: one place for all Schedules of a session.
    Persistent,
    /// What lives within a step, with reuse.
    Step,
    /// What each thread has a copy of.
    Thread,
}

/// The order of a tensor's values in memory, of 4 bytes where nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Rows of `columns` values, each at a multiple of `stride`; what is between is 0.
    Rows {
        /// Values of a row.
        columns: usize,
        /// Values from one row to the next.
        stride: usize,
    },
    /// Rows of `columns` values, an even number, rounded to bfloat16: 2 bytes each, two in a word, the first in its
    /// lower half.
    RowPairs {
        /// Values of a row.
        columns: usize,
    },
    /// A matrix (O, I) as \[⌈O/lanes⌉\]\[I\]\[lanes\]: the values of `lanes` outputs lie side by
    /// side for each input; missing outputs are 0.
    OutputLanes {
        /// I.
        columns: usize,
        /// Outputs side by side.
        lanes: usize,
    },
    /// A convolution's weights (O, I, taps) as \[⌈O/lanes⌉\]\[taps\]\[I\]\[lanes\], outputs side by
    /// side; missing outputs are 0.
    FilterLanes {
        /// I.
        inputs: usize,
        /// Kernel height × width.
        taps: usize,
        /// Outputs side by side.
        lanes: usize,
    },
    /// Images (B, H, W, C) as \[H·W\]\[C\]\[stride\], the samples side by side; what is beyond the
    /// last sample means nothing.
    SampleLanes {
        /// H·W.
        positions: usize,
        /// C.
        channels: usize,
        /// Values from one channel to the next: B or more.
        stride: usize,
    },
    /// Images (B, H, W, C) rounded to bfloat16, as \[H·W\]\[⌈C/2⌉\]\[stride\]\[2\] of 2 bytes each: the
    /// values of two channels side by side, a missing one 0; samples as in `SampleLanes`.
    SamplePairs {
        /// H·W.
        positions: usize,
        /// C.
        channels: usize,
        /// Pairs from one pair of channels to the next: B or more.
        stride: usize,
    },
    /// `slices` tensors in `Rows` one after another; the value is their sum.
    Partials {
        /// How many.
        slices: usize,
        /// Values of a row.
        columns: usize,
        /// Values from one row to the next.
        stride: usize,
    },
    /// `slices` tensors in `FilterLanes` one after another; the value is their sum.
    FilterPartials {
        /// How many.
        slices: usize,
        /// I.
        inputs: usize,
        /// Kernel height × width.
        taps: usize,
        /// Outputs side by side.
        lanes: usize,
    },
}

impl Layout {
    /// How many partial sums make the value.
    pub fn partials(self) -> usize {
        match self {
            Self::Partials { slices, .. } | Self::FilterPartials { slices, .. } => slices,
            _ => 1,
        }
    }

    /// The bytes of one value.
    pub fn value_bytes(self) -> usize {
        match self {
            Self::RowPairs { .. } | Self::SamplePairs { .. } => 2,
            _ => 4,
        }
    }

    /// How many values are stored for a tensor of `elements` values.
    pub fn stored_elements(self, elements: usize) -> usize {
        match self {
            Self::Rows { columns, stride } => elements / columns * stride,
            Self::RowPairs { .. } => elements,
            Self::OutputLanes { columns, lanes } => {
                (elements / columns).div_ceil(lanes) * columns * lanes
            }
            Self::FilterLanes {
                inputs,
                taps,
                lanes,
            } => (elements / (inputs * taps)).next_multiple_of(lanes) * inputs * taps,
            Self::FilterPartials {
                slices,
                inputs,
                taps,
                lanes,
            } => slices * (elements / (inputs * taps)).next_multiple_of(lanes) * inputs * taps,
            Self::SampleLanes {
                positions,
                channels,
                stride,
            } => positions * channels * stride,
            Self::SamplePairs {
                positions,
                channels,
                stride,
            } => positions * channels.next_multiple_of(2) * stride,
            Self::Partials {
                slices,
                columns,
                stride,
            } => slices * (elements / columns) * stride,
        }
    }

    /// Where the value at `index` of the row-major tensor is stored, in values from the start; of
    /// partial sums, in the first.
    pub fn stored_index(self, index: usize) -> usize {
        match self {
            Self::Rows { columns, stride }
            | Self::Partials {
                columns, stride, ..
            } => index / columns * stride + index % columns,
            Self::RowPairs { .. } => index,
            Self::OutputLanes { columns, lanes } => {
                let (row, column) = (index / columns, index % columns);
                (row / lanes * columns + column) * lanes + row % lanes
            }
            Self::FilterLanes {
                inputs,
                taps,
                lanes,
            }
            | Self::FilterPartials {
                inputs,
                taps,
                lanes,
                ..
            } => {
                let (output, rest) = (index / (inputs * taps), index % (inputs * taps));
                let (input, tap) = (rest / taps, rest % taps);
                ((output / lanes * taps + tap) * inputs + input) * lanes + output % lanes
            }
            Self::SampleLanes {
                positions,
                channels,
                stride,
            } => {
                let (sample, rest) = (
                    index / (positions * channels),
                    index % (positions * channels),
                );
                rest * stride + sample
            }
            Self::SamplePairs {
                positions,
                channels,
                stride,
            } => {
                let (sample, rest) = (
                    index / (positions * channels),
                    index % (positions * channels),
                );
                let (position, channel) = (rest / channels, rest % channels);
                let pair = position * channels.div_ceil(2) + channel / 2;
                (pair * stride + sample) * 2 + channel % 2
            }
        }
    }

    /// Calls `visit` with every index of a row-major tensor of `elements` values, in order, and where
    /// its value is stored: what [`Self::stored_index`] says of each, without its divisions for most.
    pub fn each_stored(self, elements: usize, mut visit: impl FnMut(usize, usize)) {
        let [(outer, outer_stride), (inner, inner_stride)] = self.strides();
        let mut index = 0;
        while index < elements {
            let first = self.stored_index(index);
            for i in 0..outer {
                for j in 0..inner {
                    visit(index, first + i * outer_stride + j * inner_stride);
                    index += 1;
                }
            }
        }
    }

    /// As [`Self::each_stored`], in the order that memory likes: of samples that lie side by side, a cache
    /// line is visited at once. One sample after the other, an image of 128 samples takes a page of memory
    /// for each value; and more than a few, which lie a power of two apart, push each other out of a cache.
    pub fn each_stored_in_lines(self, elements: usize, mut visit: impl FnMut(usize, usize)) {
        const SAMPLES: usize = 4;
        // From one value of a sample to the next, where that is even, and from one sample to the next.
        let (of_sample, stride, apart) = match self {
            Self::SampleLanes {
                positions,
                channels,
                stride,
            } => (positions * channels, Some(stride), 1),
            Self::SamplePairs {
                positions,
                channels,
                ..
            } => (positions * channels, None, 2),
            _ => return self.each_stored(elements, visit),
        };
        let samples = elements / of_sample;
        for first in (0..samples).step_by(SAMPLES) {
            for value in 0..of_sample {
                let stored = match stride {
                    Some(stride) => value * stride,
                    None => self.stored_index(value),
                };
                for sample in first..samples.min(first + SAMPLES) {
                    visit(sample * of_sample + value, stored + sample * apart);
                }
            }
        }
    }

    /// How many values in a row lie at even distances, and at which, in two nested loops; then
    /// [`Self::stored_index`] must be asked again.
    fn strides(self) -> [(usize, usize); 2] {
        match self {
            Self::Rows { columns, .. }
            | Self::RowPairs { columns }
            | Self::Partials { columns, .. } => [(1, 0), (columns, 1)],
            Self::OutputLanes { columns, lanes } => [(1, 0), (columns, lanes)],
            Self::FilterLanes {
                inputs,
                taps,
                lanes,
            }
            | Self::FilterPartials {
                inputs,
                taps,
                lanes,
                ..
            } => [(inputs, lanes), (taps, inputs * lanes)],
            Self::SampleLanes {
                positions,
                channels,
                stride,
            } => [(1, 0), (positions * channels, stride)],
            Self::SamplePairs { .. } => [(1, 0), (1, 0)],
        }
    }
}

impl Schedule {
    /// The buffer of each of the Program's tensors, for whoever asks of many.
    pub fn buffers_by_tensor(&self, program: &Program) -> Vec<Option<&Buffer>> {
        let mut buffers = vec![None; program.tensors.len()];
        for buffer in &self.buffers {
            buffers[buffer.tensor.0] = Some(buffer);
        }
        buffers
    }

    /// The buffer of a tensor, if it reaches memory; found by a search.
    pub fn buffer(&self, tensor: TensorId) -> Option<&Buffer> {
        self.buffers.iter().find(|buffer| buffer.tensor == tensor)
    }

    /// How many bytes an arena needs.
    pub fn arena_bytes(&self, arena: Arena) -> usize {
        self.buffers
            .iter()
            .filter(|buffer| buffer.arena == arena)
            .map(Buffer::end)
            .max()
            .unwrap_or(0)
    }
}
