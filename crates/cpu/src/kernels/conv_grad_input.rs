//! The gradient of a convolution's input, with the gradient of the batch norm before it where that is
//! fused in: the norm's sums are made while the results are in registers, to the bits that the norm
//! alone would make. Where slices are too few for all threads, the sums are made here all the same, and
//! the rest behind a barrier.

use std::ops::Range;

use super::{
    BatchNormGrad, GradientEpilogue, Images, LeftSums, Run, Step, Tiles,
    conv::{Beside, Filters, Operands, Results, Segments, convolve},
    epilogue::relu_grad,
    piece_sums::{Adding, Growing, PieceSums, Pieces},
    piece_totals::Total,
    product::{Finish, Scalars, Single},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// dx = the gradient of the convolution's input, with another gradient added and an activation's gradient
/// where they are fused in. Slices are sixteen channels of x.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradInput {
    pub(crate) dy: Images,
    pub(crate) w: Filters,
    pub(crate) dx: Images,
    /// The gradient that another reader of x gave.
    pub(crate) other: Option<Images>,
    pub(crate) epilogue: GradientEpilogue<Images>,
    /// The gradient of the batch norm that made x: its dy is dx.
    pub(crate) norm: Option<NormBefore>,
    /// For each position of x: runs of sixteen filters for each tap, from the filters and from dy.
    pub(crate) segments: Segments,
    /// None with a norm that is done here.
    pub(crate) tiles: Tiles,
}

/// The gradient of the batch norm before a convolution.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NormBefore {
    /// It follows slice by slice.
    Here(Box<BatchNormGrad<Images>>),
    /// Another kernel does it, for which the sums of dx's pieces are left here; of the norm's x and its mean.
    Apart { x: Images, mean: Place, sums: Place },
}

impl NormBefore {
    /// What the norm normalised, and the means of that.
    fn operands(&self) -> (Images, Place) {
        match self {
            Self::Here(norm) => (norm.x, norm.mean),
            Self::Apart { x, mean, .. } => (*x, *mean),
        }
    }
}

/// What a slice keeps for the norm.
#[repr(C)]
pub(super) struct KeptForNorm {
    growing: Growing,
    total: Total,
}

impl Run for Conv2dGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe {
            convolve(s, view, slices.clone(), self, self);
            self.leave_sums(s, view, slices);
        }
    }
}

impl Conv2dGradInput {
    /// The sums that are made while results are in registers, for a norm: not where these are not yet dx.
    fn norm_in_registers(&self) -> Option<&NormBefore> {
        self.norm.as_ref().filter(|_| !self.epilogue.is_tile())
    }

    /// Leaves the sums for a norm where they are made of what was stored.
    ///
    /// # Safety
    /// As of [`Run::run`], and these slices are done.
    #[inline(always)]
    pub(super) unsafe fn leave_sums<S: Simd>(&self, s: S, view: View, slices: Range<usize>) {
        if let Some(NormBefore::Apart { x, mean, sums }) = self.norm
            && self.epilogue.is_tile()
        {
            let left = LeftSums {
                place: sums,
                gradient: Some((x, mean)),
            };
            for part in self.dx.parts(self.tiles, slices) {
                // SAFETY: the caller's promise; tiles are whole pieces.
                unsafe { left.leave(s, view, self.dx, part) }
            }
        }
    }
}

impl<S: Simd> Results<S> for Conv2dGradInput {
    type Kept = KeptForNorm;
    type Finish = Accumulate;

    fn images(&self) -> Images {
        self.dx
    }

    #[inline(always)]
    fn tiles(&self) -> Tiles {
        self.tiles
    }

    #[inline(always)]
    unsafe fn begin(&self, _: S, _: View, _: usize, kept: *mut KeptForNorm) {
        if self.norm_in_registers().is_some() {
            // SAFETY: the caller's promise.
            unsafe {
                (*kept).growing.begin();
                (*kept).total = Total::NONE;
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
        kept: *mut KeptForNorm,
    ) -> Accumulate {
        let channel = slice * LANES;
        // SAFETY: the caller's promise; all images are shaped like dx, all vectors have these channels.
        unsafe {
            let of = |images| Beside::new(images, view, position, channel);
            Accumulate {
                to: of(self.dx),
                other: self.other.map(of),
                relu: self.epilogue.relu().map(of),
                norm: match self.norm_in_registers() {
                    None => None,
                    Some(norm) => {
                        let (x, mean) = norm.operands();
                        Some(NormSums {
                            x: of(x),
                            mean: view.at(mean).add(channel),
                            sums: Adding::new(self.dx, &raw mut (*kept).growing),
                        })
                    }
                },
            }
        }
    }

    #[inline(always)]
    unsafe fn stored(&self, s: S, view: View, slice: usize, position: usize) {
        // SAFETY: the caller's promise; what an activation's gradient follows, and reads, is not paired.
        unsafe {
            let rows = |images: Images| images.rows(view, slice, position);
            let extents = self.dx.extents(slice);
            self.epilogue.go_over(s, extents, self.dx, rows);
        }
    }

    #[inline(always)]
    fn pieces(&self) -> Option<Pieces> {
        let norm = self.norm_in_registers();
        norm.is_some().then(|| Pieces::of(self.dx))
    }

    #[inline(always)]
    unsafe fn growing(kept: *mut KeptForNorm) -> *mut Growing {
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
        kept: *mut KeptForNorm,
    ) {
        // SAFETY: the caller's promise; nobody else touches what the slice keeps, nor its sums.
        unsafe {
            match self.norm {
                Some(NormBefore::Apart { sums: place, .. }) => {
                    *pieces.place(view, place, slice, piece) = *sums;
                }
                _ => (*kept).total.add(sums),
            }
        }
    }

    #[inline(always)]
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut KeptForNorm) {
        if let Some(NormBefore::Here(norm)) = &self.norm {
            // SAFETY: the caller's promise.
            unsafe {
                let sums = (*kept).total.sums();
                norm.slice(s, view, slice, 0..self.dx.positions, Some(sums));
            }
        }
    }
}

/// Adds another gradient, applies ReLU's gradient, stores, and adds to a norm's sums.
pub(super) struct Accumulate {
    to: Beside,
    other: Option<Beside>,
    relu: Option<Beside>,
    norm: Option<NormSums>,
}

/// The sums `Σ dy` and `Σ dy·(x − mean)`.
struct NormSums {
    x: Beside,
    mean: *const f32,
    sums: Adding,
}

impl<S: Simd> Finish<S> for Accumulate {
    #[inline(always)]
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block) {
        let mut value = sum;
        // SAFETY: dx, what is shaped like it and all vectors have this channel and block.
        unsafe {
            if let Some(other) = self.other {
                value = s.add(value, other.load(s, row, block));
            }
            if let Some(y) = self.relu {
                value = relu_grad(s, y.load(s, row, block), value);
            }
            self.to.store(s, row, block, value);
            if let Some(norm) = &self.norm {
                let centred = s.sub(norm.x.load(s, row, block), s.splat(*norm.mean.add(row)));
                norm.sums.add(s, row, block, value, centred);
            }
        }
    }
}

impl<S: Simd> Operands<S> for Conv2dGradInput {
    type Multiply = Single;
    const MULTIPLY: Single = Single;

    #[inline(always)]
    fn images(&self) -> Images {
        self.dy
    }

    #[inline(always)]
    fn segments(&self) -> &Segments {
        &self.segments
    }

    #[inline(always)]
    fn slice_values(&self) -> usize {
        self.w.taps * self.w.outputs * LANES
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
            // SAFETY: the caller's promise: w has these channels.
            start: unsafe { view.at(self.w.place).add(slice * LANES * LANES) },
            row_stride: LANES,
            step_stride: 1,
        }
    }
}
