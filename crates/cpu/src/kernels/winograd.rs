//! 3×3 convolutions of stride 1, and the gradients of their inputs, by Winograd's F(2×2, 3×3) (Lavin & Gray, "Fast
//! Algorithms for Convolutional Neural Networks", CVPR 2016): 2×2 results at a time, from 16 products of sums where
//! the definition has 36 products.
//!
//! With `Bᵀ = [1 0 −1 0; 0 1 1 0; 0 −1 1 0; 0 1 0 −1]`, `G = [1 0 0; ½ ½ ½; ½ −½ ½; 0 0 1]` and
//! `Aᵀ = [1 1 1 0; 0 1 −1 −1]`, results are `Aᵀ·[(G·g·Gᵀ) ⊙ (Bᵀ·d·B)]·A` of weights g and 4×4 inputs d. Summed over
//! channels, each of the 16 components is a product of matrices, which the kernel of all products does. What is
//! transformed of the inputs serves all slices of a turn, what is transformed of the weights all tiles.

use std::ops::Range;

use super::{
    Images, Run, Step,
    conv::{Results, Segments},
    conv_forward::Conv2d,
    conv_grad_input::Conv2dGradInput,
    product::{Blocks, Finish, Scalars, Segment, Single, product},
    winograd_tile::{
        BLOCKS, COMPONENTS, Grid, apart, columns, input_component, lists, output_sums,
        store_weights, transform_inputs,
    },
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// The values of weights that are transformed at once, where a slice's are not more: 16 slices of 32 channels, or 2 of
/// 256, with what lies between their components. That is 528 KiB, half of a common L2.
const WEIGHT_VALUES: usize = 132 << 10;

/// The values of scratch that a convolution needs which sums over so many channels, without what its slices keep.
pub(crate) fn winograd_values(channels: usize) -> usize {
    let weights = slice_values(channels).max(WEIGHT_VALUES);
    let transformed = input_component(channels) + PRODUCT_COMPONENT;
    weights + COMPONENTS * transformed + LANES
}

/// The values between two components of a slice's weights, transformed.
fn weight_component(channels: usize) -> usize {
    apart(channels.next_multiple_of(LANES) * LANES)
}

/// The same of a tile's products.
const PRODUCT_COMPONENT: usize = apart(LANES * BLOCKS * LANES);

/// The values of a slice's weights, transformed.
fn slice_values(channels: usize) -> usize {
    COMPONENTS * weight_component(channels)
}

/// The run of each component's sum over so many channels, or filters.
pub(crate) fn winograd_runs(channels: usize) -> Segments {
    lists([Segment::whole(channels).to_vec()])
}

/// As [`Conv2d`], whose segments are [`winograd_runs`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WinogradConv2d {
    pub(crate) conv: Conv2d,
    pub(crate) grid: Grid,
}

/// As [`Conv2dGradInput`], whose segments are [`winograd_runs`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WinogradConv2dGradInput {
    pub(crate) conv: Conv2dGradInput,
    pub(crate) grid: Grid,
}

/// What is read. Methods must be `#[inline(always)]`; the safety is that of [`super::Run::run`].
trait Operands<S: Simd> {
    fn images(&self) -> Images;

    fn segments(&self) -> &[Segment];

    /// Transforms the weights of a slice: `[component][what is summed over][16 of the results' channels]`.
    unsafe fn transform(&self, s: S, view: View, slice: usize, to: *mut f32);
}

impl Run for WinogradConv2d {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { convolve(s, view, slices, (self, &self.conv), self.grid) }
    }
}

impl Run for WinogradConv2dGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { convolve(s, view, slices, (self, &self.conv), self.grid) }
    }
}

impl<S: Simd> Operands<S> for WinogradConv2d {
    #[inline(always)]
    fn images(&self) -> Images {
        self.conv.x
    }

    #[inline(always)]
    fn segments(&self) -> &[Segment] {
        &self.conv.segments.all
    }

    #[inline(always)]
    unsafe fn transform(&self, s: S, view: View, slice: usize, to: *mut f32) {
        let w = self.conv.w;
        let component = weight_component(w.inputs);
        // SAFETY: the weights have this slice, these taps and inputs; the scratch has all components.
        unsafe {
            let from = view.at(w.place).add(slice * w.block_stride());
            for input in 0..w.inputs {
                let tap = |tap: usize| s.load(from.add((tap * w.inputs + input) * LANES));
                let weights =
                    std::array::from_fn(|row| std::array::from_fn(|column| tap(3 * row + column)));
                store_weights(s, weights, to.add(input * LANES), component);
            }
        }
    }
}

impl<S: Simd> Operands<S> for WinogradConv2dGradInput {
    #[inline(always)]
    fn images(&self) -> Images {
        self.conv.dy
    }

    #[inline(always)]
    fn segments(&self) -> &[Segment] {
        &self.conv.segments.all
    }

    /// Of the taps in their opposite order: what a tap has moved forward is moved back.
    #[inline(always)]
    unsafe fn transform(&self, s: S, view: View, slice: usize, to: *mut f32) {
        let w = self.conv.w;
        let component = weight_component(w.outputs);
        let channels = self.conv.dx.channels_of(slice..slice + 1);
        for block in 0..w.outputs.div_ceil(LANES) {
            let mut taps = [[s.splat(0.0); LANES]; 9];
            for (tap, rows) in taps.iter_mut().enumerate() {
                for (row, channel) in rows.iter_mut().zip(channels.clone()) {
                    let at = block * w.block_stride() + (tap * w.inputs + channel) * LANES;
                    // SAFETY: the weights have this block, this tap and this channel.
                    *row = unsafe { s.load(view.at(w.place).add(at)) };
                }
                *rows = s.transpose(*rows);
            }
            #[expect(clippy::needless_range_loop, reason = "it is the second index")]
            for filter in 0..LANES {
                let at = (block * LANES + filter) * LANES;
                let tap = |tap: usize| taps[8 - tap][filter];
                let weights =
                    std::array::from_fn(|row| std::array::from_fn(|column| tap(3 * row + column)));
                // SAFETY: the scratch has all components of whole blocks.
                unsafe { store_weights(s, weights, to.add(at), component) }
            }
        }
    }
}

/// Where parts of the scratch lie.
#[derive(Clone, Copy)]
struct Scratch {
    weights: *mut f32,
    inputs: *mut f32,
    products: *mut f32,
    zeros: *mut f32,
    kept: *mut f32,
}

/// Does those tiles of the range that there are.
///
/// # Safety
/// As of [`super::Run::run`].
#[inline(always)]
unsafe fn convolve<S: Simd, O: Operands<S>, R: Results<S>>(
    s: S,
    view: View,
    tiles: Range<usize>,
    (operands, results): (&O, &R),
    grid: Grid,
) {
    let (x, y) = (operands.images(), results.images());
    let slice_values = slice_values(x.channels);
    let at_once = (WEIGHT_VALUES / slice_values).max(1);
    let weight_values = slice_values.max(WEIGHT_VALUES);
    let input_values = COMPONENTS * input_component(x.channels);
    let product_values = COMPONENTS * PRODUCT_COMPONENT;
    // SAFETY: the Schedule's scratch has room for all of it.
    let scratch = unsafe {
        let weights = view.scratch();
        let inputs = weights.add(weight_values);
        let products = inputs.add(input_values);
        let zeros = products.add(product_values);
        s.store(zeros, s.splat(0.0));
        Scratch {
            weights,
            inputs,
            products,
            zeros,
            kept: zeros.add(LANES),
        }
    };
    for (slices, positions) in y.parts(results.tiles(), tiles) {
        for start in slices.clone().step_by(at_once) {
            let turn = start..slices.end.min(start + at_once);
            // SAFETY: the caller's promise.
            unsafe {
                let kept: *mut R::Kept = scratch.kept.cast();
                for (index, slice) in turn.clone().enumerate() {
                    operands.transform(s, view, slice, scratch.weights.add(index * slice_values));
                    results.begin(s, view, slice, kept.add(index));
                }
                for tile in grid.tiles(&positions) {
                    let (met, made) = (grid.met(tile), grid.made(tile, &positions));
                    for first in (0..y.sample_blocks()).step_by(BLOCKS) {
                        let blocks = first..y.sample_blocks().min(first + BLOCKS);
                        let parts = (0..x.channels, blocks.clone());
                        let to = (scratch.inputs, scratch.zeros.cast_const());
                        transform_inputs(s, view, x, parts, met, to);
                        for (index, slice) in turn.clone().enumerate() {
                            let rows = LANES.min(y.channels - slice * LANES);
                            let weights = scratch.weights.add(index * slice_values);
                            let extents = (rows, blocks.len());
                            multiply(s, operands, extents, weights, scratch);
                            let here = Here {
                                slice,
                                rows,
                                blocks: blocks.clone(),
                                made,
                            };
                            store(s, view, results, here, kept.add(index), scratch);
                        }
                    }
                    for position in made.into_iter().flatten() {
                        for slice in turn.clone() {
                            results.stored(s, view, slice, position);
                        }
                    }
                }
                for (index, slice) in turn.enumerate() {
                    results.end(s, view, slice, kept.add(index));
                }
            }
        }
    }
}

/// The product of each component, `[component][row][sample]`.
///
/// # Safety
/// All that is multiplied has been transformed; the scratch has room.
#[inline(always)]
unsafe fn multiply<S: Simd>(
    s: S,
    operands: &impl Operands<S>,
    (rows, blocks): (usize, usize),
    weights: *const f32,
    scratch: Scratch,
) {
    let channels = operands.images().channels;
    for component in 0..COMPONENTS {
        // SAFETY: the caller's promise.
        unsafe {
            let start = weights.add(component * weight_component(channels));
            let scalars = Scalars {
                start,
                row_stride: 1,
                step_stride: LANES,
            };
            let b = Blocks {
                start: scratch.inputs.add(component * input_component(channels)),
                step_stride: BLOCKS * LANES,
                block_stride: LANES,
            };
            let finish = Store {
                to: scratch.products.add(component * PRODUCT_COMPONENT),
            };
            product(
                s,
                Single,
                0..rows,
                0..blocks,
                operands.segments(),
                scalars,
                b,
                &finish,
            );
        }
    }
}

/// Stores a component's product. (To fetch what the next one reads, line by line meanwhile, made it 10 to 45 % slower.)
struct Store {
    to: *mut f32,
}

impl<S: Simd> Finish<S> for Store {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        // SAFETY: the component has this row and this block.
        unsafe { s.store(self.to.add((row * BLOCKS + block) * LANES), sum) }
    }
}

/// Where a tile's results belong.
struct Here {
    slice: usize,
    rows: usize,
    blocks: Range<usize>,
    made: [Option<usize>; 4],
}

/// `Aᵀ·m·A`, and what becomes of it.
///
/// # Safety
/// As of [`super::Run::run`]; the components have been multiplied.
#[inline(always)]
unsafe fn store<S: Simd, R: Results<S>>(
    s: S,
    view: View,
    results: &R,
    here: Here,
    kept: *mut R::Kept,
    scratch: Scratch,
) {
    let Here {
        slice,
        rows,
        blocks,
        made,
    } = here;
    // SAFETY: the caller's promise.
    unsafe {
        let finish = made.map(|position| {
            position.map(|position| results.finish(s, view, slice, position, kept))
        });
        for row in 0..rows {
            for (place, block) in blocks.clone().enumerate() {
                let from = scratch.products.add((row * BLOCKS + place) * LANES);
                let mut rows = [[s.splat(0.0); 2]; 4];
                for (number, sums) in rows.iter_mut().enumerate() {
                    let mut m = [s.splat(0.0); 4];
                    for (column, value) in m.iter_mut().enumerate() {
                        let component = 4 * number + column;
                        *value = s.load(from.add(component * PRODUCT_COMPONENT));
                    }
                    *sums = output_sums(s, m);
                }
                for (column, m) in columns(rows).into_iter().enumerate() {
                    for (row_of_tile, value) in output_sums(s, m).into_iter().enumerate() {
                        if let Some(finish) = &finish[2 * row_of_tile + column] {
                            finish.finish(s, row, block, value);
                        }
                    }
                }
            }
        }
    }
}
