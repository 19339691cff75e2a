//! The gradient of a dense layer's weights.

use std::ops::Range;

use super::{
    DenseCut, Matrix, Run, Step, Tiles,
    dense::stay,
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    tiles::SlicesWithIndices,
    update::{GradientUse, Rule, with_rule},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// dw (O, I) = dyᵀ (O, B) · x (B, I), stored, or used up by the update where that is fused in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DenseGradWeight {
    pub(crate) x: Matrix,
    pub(crate) dy: Matrix,
    pub(crate) to: GradientUse,
    pub(crate) cut: DenseCut,
    /// Pieces of the inputs, where slices are outputs.
    pub(crate) tiles: Tiles,
}

/// Inputs whose weights' gradients are made for all outputs before the next ones, where x does not stay in the caches:
/// of 512 rows 128 KiB.
const INPUTS_AT_ONCE: usize = 64;

impl Run for DenseGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let inputs = self.x.columns;
        let blocks = self.dy.columns.div_ceil(LANES);
        let a = Scalars {
            start: view.at(self.x.place),
            row_stride: 1,
            step_stride: self.x.stride,
        };
        let b = Blocks {
            start: view.at(self.dy.place),
            step_stride: self.dy.stride,
            block_stride: LANES,
        };
        let steps = Segment::whole(self.x.rows);
        with_rule!(&self.to, s, step, view, |rule| {
            let finish = Apply { rule, inputs };
            for (blocks, inputs) in self.parts(slices, blocks).into_iter().flatten() {
                let at_once = match stay(self.x.rows * inputs.len()) {
                    true => inputs.len().max(1),
                    false => INPUTS_AT_ONCE / S::TILE.0 * S::TILE.0,
                };
                for first in inputs.clone().step_by(at_once) {
                    let rows = first..inputs.end.min(first + at_once);
                    // SAFETY: x, dy and the parameter have the extents that their buffers were made for.
                    unsafe { product(s, Single, rows, blocks.clone(), &steps, a, b, &finish) }
                }
            }
        });
    }
}

impl DenseGradWeight {
    /// The blocks of outputs and the inputs of these slices. Not inlined, so that there is one product for each rule.
    #[inline(never)]
    fn parts(&self, slices: Range<usize>, blocks: usize) -> [Option<SlicesWithIndices>; 3] {
        let inputs = self.x.columns;
        match self.cut {
            DenseCut::Outputs => self.tiles.parts(slices, blocks, inputs),
            DenseCut::Inputs => {
                let inputs = slices.start * LANES..inputs.min(slices.end * LANES);
                [Some((0..blocks, inputs)), None, None]
            }
        }
    }
}

/// Uses the gradient in the layout of the weights.
struct Apply<R> {
    rule: R,
    inputs: usize,
}

impl<S: Simd, R: Rule<S>> Finish<S> for Apply<R> {
    #[inline(always)]
    fn prefetch(&self, _: S, inputs: Range<usize>, blocks: Range<usize>) {
        for input in inputs {
            for block in blocks.clone() {
                self.rule.prefetch((block * self.inputs + input) * LANES);
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(&self, _: S, input: usize, block: usize, sum: S::Block) {
        // SAFETY: the weights have this block of outputs for this input.
        unsafe { self.rule.apply((block * self.inputs + input) * LANES, sum) }
    }
}
