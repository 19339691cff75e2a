//! The rows of a table that symbols name, and the gradient. Slices are sixteen channels, or tiles of them; symbols are
//! read where the dataset has them.

use std::ops::Range;

use laptime_graph::{Embedding, EmbeddingGrad, Operation, Program};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update::gradient_use};
use crate::{
    kernels::{GradientUse, Images, Matrix, Rule, Run, Step, Tiles, with_rule},
    memory::View,
    simd::{LANES, Simd},
};

impl CpuOp for Embedding {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let y = group.main.outputs[0];
        Task::Embedding(Lookup {
            column: at.column(group.main.inputs[0]),
            table: at.matrix(group.main.inputs[1]),
            y: at.images(y),
            tiles: group.tiles(y),
        })
    }
}

impl CpuOp for EmbeddingGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let gradient = group.main.outputs[0];
        Task::EmbeddingGrad(LookupGrad {
            column: at.column(group.main.inputs[0]),
            dy: at.images(group.main.inputs[1]),
            entries: at.shape(gradient)[0],
            to: gradient_use(group, at),
        })
    }

    /// The sums of a slice: its channels of all rows.
    fn scratch_bytes(&self, own: &Operation, program: &Program, _: bool) -> usize {
        program.tensor(own.outputs[0]).shape[0] * LANES * size_of::<f32>()
    }
}

/// The symbol of a sample of the batch at a position.
#[inline(always)]
fn symbol(
    step: &Step,
    column: usize,
    sample: usize,
    (position, positions): (usize, usize),
) -> usize {
    let sample = step.batch[sample] as usize;
    usize::from(step.arrays[column].bytes[sample * positions + position])
}

/// y = the rows of the table that the batch's symbols name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lookup {
    column: usize,
    table: Matrix,
    y: Images,
    tiles: Tiles,
}

impl Run for Lookup {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { table, y, .. } = *self;
        let place = view.at(table.place).cast_const();
        for (slices, positions) in y.parts(self.tiles, slices) {
            for position in positions {
                for first in (0..y.stride).step_by(LANES) {
                    let samples = first..y.samples.min(first + LANES);
                    let mut rows = [0; LANES];
                    for (row, sample) in rows.iter_mut().zip(samples.clone()) {
                        let symbol = symbol(step, self.column, sample, (position, y.positions));
                        debug_assert!(symbol < table.rows);
                        *row = symbol * table.stride;
                    }
                    for channel in y.channels_of(slices.clone()) {
                        let mut values = [0.0; LANES];
                        // SAFETY: `Job::check` has seen that the table has a row for each symbol; the images have
                        // this position, channel and block.
                        unsafe {
                            for (value, row) in values.iter_mut().zip(&rows[..samples.len()]) {
                                *value = *place.add(row + channel);
                            }
                            let block = s.load(values.as_ptr());
                            s.store(y.at(view, position, channel).add(first), block);
                        }
                    }
                }
            }
        }
    }
}

/// dtable = the sums of dy over the places of each symbol, in their order: position by position, each sample by sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LookupGrad {
    column: usize,
    dy: Images,
    entries: usize,
    to: GradientUse,
}

impl Run for LookupGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { dy, entries, .. } = *self;
        let blocks = dy.channels.div_ceil(LANES);
        let sums = view.scratch();
        with_rule!(&self.to, s, step, view, |rule| {
            for slice in slices.start..slices.end.min(blocks) {
                // SAFETY: the scratch has a block for each row, and `Job::check` has seen that symbols name rows; dy
                // has these positions, channels and samples; the parameter has this block of each row, and it is
                // this slice's.
                unsafe {
                    for entry in 0..entries {
                        s.store(sums.add(entry * LANES), s.splat(0.0));
                    }
                    for position in 0..dy.positions {
                        for sample in 0..dy.samples {
                            let symbol =
                                symbol(step, self.column, sample, (position, dy.positions));
                            debug_assert!(symbol < entries);
                            let sum = sums.add(symbol * LANES);
                            for (lane, channel) in dy.channels_of(slice..slice + 1).enumerate() {
                                *sum.add(lane) += *dy.at(view, position, channel).add(sample);
                            }
                        }
                    }
                    for entry in 0..entries {
                        let at = (entry * blocks + slice) * LANES;
                        rule.apply(at, s.load(sums.add(entry * LANES)));
                    }
                }
            }
        });
    }
}
