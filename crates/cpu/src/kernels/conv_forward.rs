//! Convolutions forward, with the batch norm behind them where that is fused in.
//!
//! In evaluation a norm is applied to the results while they are in registers. In training its sums
//! are made there, so that the pass that normalises is the only one over the results: a few slices
//! behind the convolution or, where slices are too few for all threads, behind a barrier. All give the
//! bits of two kernels one after the other: what is done to a value is the same, and so is the order
//! of every sum.

use std::ops::Range;

use super::{
    Epilogue, Images, Run, Step, Tiles,
    conv::{Beside, Filters, Operands, Results, Segments, convolve},
    epilogue::relu,
    norm::{BatchNorm, Coefficients, Moments, Scale},
    piece_sums::{Adding, Growing, PieceSums, Pieces},
    piece_totals::Spread,
    product::{Finish, Scalars, Single},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// y = the convolution of x with w; then the bias, a batch norm, another tensor and an activation, each where
/// it is fused in. Slices are sixteen filters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2d {
    pub(crate) x: Images,
    pub(crate) w: Filters,
    /// What becomes of the results while they are in registers: single, or in evaluation with a norm
    /// perhaps paired.
    pub(crate) y: Images,
    pub(crate) bias: Option<Place>,
    pub(crate) norm: Option<NormBehind>,
    pub(crate) other: Option<Images>,
    pub(crate) epilogue: Epilogue<Images>,
    /// For each position of y: runs of taps and channels, from the filters' block and from x.
    pub(crate) segments: Segments,
    /// None with a norm with the batch's statistics that is done here.
    pub(crate) tiles: Tiles,
}

/// The batch norm of a convolution's results.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NormBehind {
    /// With the moving statistics.
    Moving {
        scale: Scale,
        mean: Place,
        variance: Place,
    },
    /// With the batch's: its x is the convolution's y, which stays for the gradient. What follows the
    /// norm is its own.
    Batch(Box<BatchNorm<Images>>),
    /// With the batch's, by another kernel, for which the sums of y's pieces are left here.
    Apart(Place),
}

/// The bytes of scratch that so many slices need for a norm, behind what the convolution itself does.
pub(crate) fn norm_bytes(slices: usize) -> usize {
    slices * size_of::<Kept>()
}

/// What a slice keeps for its norm.
#[repr(C)]
pub(super) struct Kept {
    /// With the moving statistics.
    coefficients: Coefficients,
    /// With the batch's.
    growing: Growing,
    spread: Spread,
}

impl Run for Conv2d {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { convolve(s, view, slices, self, self) }
    }
}

impl<S: Simd> Results<S> for Conv2d {
    type Kept = Kept;
    type Finish = Forward;

    fn images(&self) -> Images {
        self.y
    }

    #[inline(always)]
    fn tiles(&self) -> Tiles {
        self.tiles
    }

    #[inline(always)]
    unsafe fn begin(&self, _: S, view: View, slice: usize, kept: *mut Kept) {
        // SAFETY: the caller's promise: the vectors have these channels.
        unsafe {
            match self.norm {
                Some(NormBehind::Moving {
                    scale,
                    mean,
                    variance,
                }) => {
                    let channels = self.y.channels_of(slice..slice + 1);
                    (*kept).coefficients = scale.of_moving(view, channels, mean, variance);
                }
                Some(NormBehind::Batch(_) | NormBehind::Apart(_)) => {
                    (*kept).growing.begin();
                    (*kept).spread = Spread::NONE;
                }
                None => {}
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(
        &self,
        _: S,
        view: View,
        slice: usize,
        position: usize,
        kept: *mut Kept,
    ) -> Forward {
        let filter = slice * LANES;
        // SAFETY: the caller's promise: all images are shaped like y, all vectors have these channels.
        unsafe {
            let of = |images| Beside::new(images, view, position, filter);
            let mut finish = Forward {
                bias: self.bias.map(|bias| view.at(bias).add(filter).cast_const()),
                coefficients: None,
                other: self.other.map(of),
                relu: self.epilogue.is_relu(),
                y: of(self.y),
                sums: None,
                ahead: [None; 2],
            };
            match self.norm {
                Some(NormBehind::Moving { .. }) => {
                    finish.coefficients = Some(&raw const (*kept).coefficients);
                }
                Some(NormBehind::Batch(_) | NormBehind::Apart(_)) => {
                    finish.sums = Some(Adding::new(self.y, &raw mut (*kept).growing));
                    if let Some(NormBehind::Batch(norm)) = &self.norm {
                        finish.ahead = [norm.other.map(of), Some(of(norm.y))];
                    }
                }
                None => {}
            }
            finish
        }
    }

    #[inline(always)]
    unsafe fn stored(&self, s: S, view: View, slice: usize, position: usize) {
        // SAFETY: the caller's promise; what an activation follows is not paired.
        unsafe {
            let rows = |images: Images| images.rows(view, slice, position);
            let extents = self.y.extents(slice);
            self.epilogue.go_over(s, extents, self.y, rows);
        }
    }

    #[inline(always)]
    fn pieces(&self) -> Option<Pieces> {
        let has_sums = matches!(self.norm, Some(NormBehind::Batch(_) | NormBehind::Apart(_)));
        has_sums.then(|| Pieces::of(self.y))
    }

    #[inline(always)]
    unsafe fn growing(kept: *mut Kept) -> *mut Growing {
        // SAFETY: the address of a field, within what the caller has room for; nothing is read.
        unsafe { &raw mut (*kept).growing }
    }

    #[inline(always)]
    unsafe fn take_sums(
        &self,
        view: View,
        slice: usize,
        (pieces, piece): (Pieces, usize),
        sums: &PieceSums,
        kept: *mut Kept,
    ) {
        // SAFETY: the caller's promise; nobody else touches what the slice keeps, nor its sums.
        unsafe {
            match self.norm {
                Some(NormBehind::Apart(place)) => *pieces.place(view, place, slice, piece) = *sums,
                _ => (*kept).spread.add(sums, pieces.values(piece)),
            }
        }
    }

    #[inline(always)]
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut Kept) {
        if let Some(NormBehind::Batch(norm)) = &self.norm {
            // SAFETY: the caller's promise.
            unsafe {
                let moments = Moments::of(&(*kept).spread);
                norm.slice(s, view, slice, 0..self.y.positions, Some(moments));
            }
        }
    }
}

/// Adds the filter's bias, normalises, adds another tensor, applies ReLU, stores, and adds to the sums
/// of a norm.
pub(super) struct Forward {
    bias: Option<*const f32>,
    coefficients: Option<*const Coefficients>,
    other: Option<Beside>,
    relu: bool,
    y: Beside,
    sums: Option<Adding>,
    /// What the norm behind reads and writes, slice by slice: asked for while this multiplies, as it comes from
    /// afar.
    ahead: [Option<Beside>; 2],
}

impl<S: Simd> Finish<S> for Forward {
    #[inline(always)]
    fn prefetch(&self, s: S, rows: Range<usize>, blocks: Range<usize>) {
        for ahead in self.ahead.into_iter().flatten() {
            for row in rows.clone() {
                for block in blocks.clone() {
                    ahead.prefetch(s, row, block);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        let mut value = sum;
        // SAFETY: the caller's promise; nobody else touches what the slice keeps.
        unsafe {
            if let Some(bias) = self.bias {
                value = s.add(value, s.splat(*bias.add(row)));
            }
            if let Some(coefficients) = self.coefficients {
                value = (*coefficients).of(s, row, value);
            }
            if let Some(other) = self.other {
                value = s.add(value, other.load(s, row, block));
            }
            if self.relu {
                value = relu(s, value);
            }
            self.y.store(s, row, block, value);
            if let Some(sums) = self.sums {
                sums.add_centred(s, row, block, value, self.y.first(row));
            }
        }
    }
}

impl<S: Simd> Operands<S> for Conv2d {
    type Multiply = Single;
    const MULTIPLY: Single = Single;

    #[inline(always)]
    fn images(&self) -> Images {
        self.x
    }

    #[inline(always)]
    fn segments(&self) -> &Segments {
        &self.segments
    }

    #[inline(always)]
    fn slice_values(&self) -> usize {
        self.w.block_stride()
    }

    #[inline(always)]
    fn scratch_values(&self) -> usize {
        0
    }

    #[inline(always)]
    unsafe fn prepare(&self, _: S, _: View, _: usize, _: usize) {}

    #[inline(always)]
    unsafe fn scalars(&self, view: View, slice: usize, _: usize) -> Scalars {
        Scalars {
            // SAFETY: the caller's promise: w has this slice.
            start: unsafe { view.at(self.w.place).add(slice * self.w.block_stride()) },
            row_stride: 1,
            step_stride: LANES,
        }
    }
}
