//! The gradient of a 3×3 convolution's weights by Winograd's F(3×3, 2×2) (Lavin & Gray, CVPR 2016): 3×3 results from
//! 16 products of sums for each tile of 4×4 inputs and 2×2 gradients, where the definition has 36 products.
//!
//! Inputs are transformed as for F(2×2, 3×3), gradients with `G = [1 0; ½ ½; ½ −½; 0 1]`, and results with
//! `Aᵀ = [1 1 1 0; 0 1 −1 0; 0 1 1 −1]`. Each component is a product of matrices that sums over samples, and these are
//! added up over tiles before anything is transformed back. So the factors of G wait until then too: they are powers
//! of two, and change no bit.

use std::ops::Range;

use super::{
    Run, Step,
    conv::Segments,
    conv_grad_weight::{Conv2dGradWeight, TURNED_SLICES},
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    update::{GradientUse, Rule, with_rule},
    winograd_tile::{
        BLOCKS, COMPONENTS, Grid, apart, columns, gradient_sums, input_component, lists,
        transform_inputs, weight_results,
    },
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// Values between two components of the gradients of a tile: `[sample][slice][filter]`.
const GRADIENT_COMPONENT: usize = apart(BLOCKS * LANES * TURNED_SLICES * LANES);

/// Values between two components of the sums over all tiles: `[channel][slice][filter]`.
fn sum_component(channels: usize) -> usize {
    apart(channels * TURNED_SLICES * LANES)
}

/// The values of scratch that the gradient of the weights of so many channels needs.
pub(crate) fn winograd_weight_values(channels: usize) -> usize {
    let components = input_component(channels) + GRADIENT_COMPONENT + sum_component(channels);
    COMPONENTS * components + LANES
}

/// The runs of a product's sum over samples, for each group of blocks.
pub(crate) fn winograd_weight_runs(samples: usize) -> Segments {
    let firsts = (0..samples).step_by(BLOCKS * LANES);
    lists(firsts.map(|first| Segment::whole((BLOCKS * LANES).min(samples - first)).to_vec()))
}

/// As [`Conv2dGradWeight`], whose segments are [`winograd_weight_runs`]. Its tiles are pieces of the inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WinogradConv2dGradWeight {
    pub(crate) conv: Conv2dGradWeight,
    pub(crate) grid: Grid,
}

/// Where parts of the scratch lie.
#[derive(Clone, Copy)]
struct Scratch {
    inputs: *mut f32,
    gradients: *mut f32,
    sums: *mut f32,
    zeros: *mut f32,
}

impl Run for WinogradConv2dGradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        for (slices, [_, inputs]) in self.conv.pieces(slices) {
            // SAFETY: the caller's promise; the Schedule's scratch has room for all of it.
            unsafe {
                let start = view.scratch();
                let gradients = start.add(COMPONENTS * input_component(inputs.len()));
                let sums = gradients.add(COMPONENTS * GRADIENT_COMPONENT);
                let scratch = Scratch {
                    inputs: start,
                    gradients,
                    sums,
                    zeros: sums.add(COMPONENTS * sum_component(inputs.len())),
                };
                s.store(scratch.zeros, s.splat(0.0));
                self.add_up(s, view, (slices.clone(), inputs.clone()), scratch);
                with_rule!(&self.conv.to, s, step, view, |rule| {
                    self.apply(s, rule, (slices.clone(), inputs.clone()), scratch.sums)
                });
            }
        }
    }
}

impl WinogradConv2dGradWeight {
    /// The sums of products of all tiles and samples, `[component][channel][slice][filter]`.
    ///
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn add_up<S: Simd>(
        &self,
        s: S,
        view: View,
        (slices, inputs): (Range<usize>, Range<usize>),
        scratch: Scratch,
    ) {
        let Conv2dGradWeight { x, dy, .. } = self.conv;
        let mut is_first = true;
        for tile in self.grid.tiles(&(0..dy.positions)) {
            let (met, made) = (
                self.grid.met(tile),
                self.grid.made(tile, &(0..dy.positions)),
            );
            for (group, first) in (0..dy.sample_blocks()).step_by(BLOCKS).enumerate() {
                let blocks = first..dy.sample_blocks().min(first + BLOCKS);
                // SAFETY: the caller's promise.
                unsafe {
                    let parts = (inputs.clone(), blocks.clone());
                    let to = (scratch.inputs, scratch.zeros.cast_const());
                    transform_inputs(s, view, x, parts, met, to);
                    for (index, slice) in slices.clone().enumerate() {
                        let to = scratch.gradients.add(index * LANES);
                        self.transform_gradients(s, view, (slice, blocks.clone()), made, to);
                    }
                    for component in 0..COMPONENTS {
                        let channels = inputs.len();
                        let a = Scalars {
                            start: scratch.inputs.add(component * input_component(channels)),
                            row_stride: BLOCKS * LANES,
                            step_stride: 1,
                        };
                        let b = Blocks {
                            start: scratch.gradients.add(component * GRADIENT_COMPONENT),
                            step_stride: TURNED_SLICES * LANES,
                            block_stride: LANES,
                        };
                        let finish = Add {
                            to: scratch.sums.add(component * sum_component(channels)),
                            is_first,
                        };
                        let runs = self.conv.segments.list(group);
                        product(s, Single, 0..channels, 0..slices.len(), runs, a, b, &finish);
                    }
                }
                is_first = false;
            }
        }
    }

    /// A slice's gradients in a tile, transformed and turned over: `[component][sample][slice][filter]`.
    ///
    /// # Safety
    /// dy has this slice, these positions and blocks; there is room.
    #[inline(always)]
    unsafe fn transform_gradients<S: Simd>(
        &self,
        s: S,
        view: View,
        (slice, blocks): (usize, Range<usize>),
        made: [Option<usize>; 4],
        to: *mut f32,
    ) {
        let dy = self.conv.dy;
        let channels = dy.channels_of(slice..slice + 1);
        for (place, block) in blocks.enumerate() {
            let zero = s.splat(0.0);
            let mut turned = [[zero; LANES]; 4];
            for (turned, position) in turned.iter_mut().zip(made) {
                let Some(position) = position else { continue };
                // SAFETY: the caller's promise.
                unsafe {
                    for (row, channel) in turned.iter_mut().zip(channels.clone()) {
                        *row = s.load(dy.at(view, position, channel).add(block * LANES));
                    }
                }
                *turned = s.transpose(*turned);
            }
            let [first, second, third, fourth] = turned;
            let (above, below) = (first.into_iter().zip(second), third.into_iter().zip(fourth));
            for (sample, (above, below)) in above.zip(below).enumerate() {
                let rows = [above, below].map(|(left, right)| gradient_sums(s, [left, right]));
                for column in 0..4 {
                    let sums = gradient_sums(s, rows.map(|row| row[column]));
                    for (row, value) in sums.into_iter().enumerate() {
                        let at = (place * LANES + sample) * TURNED_SLICES * LANES;
                        // SAFETY: the caller's promise.
                        unsafe {
                            s.store(to.add((4 * row + column) * GRADIENT_COMPONENT + at), value)
                        }
                    }
                }
            }
        }
    }

    /// Transforms the sums back, and uses the gradient.
    ///
    /// # Safety
    /// As of [`Run::run`]; all sums are made.
    #[inline(always)]
    unsafe fn apply<S: Simd, R: Rule<S>>(
        &self,
        s: S,
        rule: R,
        (slices, inputs): (Range<usize>, Range<usize>),
        sums: *const f32,
    ) {
        let w = self.conv.w;
        let component = sum_component(inputs.len());
        let half = s.splat(0.5);
        for (index, slice) in slices.enumerate() {
            for (row, input) in inputs.clone().enumerate() {
                // SAFETY: the caller's promise.
                unsafe {
                    let from = sums.add((row * TURNED_SLICES + index) * LANES);
                    let mut rows = [[half; 3]; 4];
                    for (number, results) in rows.iter_mut().enumerate() {
                        let mut m = [half; 4];
                        for (column, value) in m.iter_mut().enumerate() {
                            *value = s.load(from.add((4 * number + column) * component));
                        }
                        *results = weight_results(s, half, m);
                    }
                    for (column, m) in columns(rows).into_iter().enumerate() {
                        for (row, gradient) in weight_results(s, half, m).into_iter().enumerate() {
                            let tap = 3 * row + column;
                            let at = slice * w.block_stride() + (tap * w.inputs + input) * LANES;
                            rule.apply(at, gradient);
                        }
                    }
                }
            }
        }
    }
}

/// Adds a tile's products to those of the tiles before it.
struct Add {
    to: *mut f32,
    is_first: bool,
}

impl Add {
    #[inline(always)]
    fn at(&self, row: usize, block: usize) -> *mut f32 {
        self.to.wrapping_add((row * TURNED_SLICES + block) * LANES)
    }
}

impl<S: Simd> Finish<S> for Add {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        // SAFETY: the component has this row and this block.
        unsafe {
            let to = self.at(row, block);
            let sum = match self.is_first {
                true => sum,
                false => s.add(s.load(to), sum),
            };
            s.store(to, sum);
        }
    }
}
