//! The gradient of a convolution's input, with the gradient of the batch norm before it where that is
//! fused in: the norm's sums are made while the results are in registers, to the bits that the norm
//! alone would make.

use std::ops::Range;

use super::{
    BatchNormGrad, Images, Run, Step, Tiles,
    conv::{Beside, Filters, Operands, Results, Segments, convolve},
    lane_sums::{self, LaneSums, SumsOf},
    product::{Finish, Scalars, Single},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// dx = the gradient of the convolution's input, with another gradient added and ReLU's gradient
/// applied where they are fused in. Slices are sixteen channels of x.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv2dGradInput {
    pub(crate) dy: Images,
    pub(crate) w: Filters,
    pub(crate) dx: Images,
    /// The gradient that another reader of x gave.
    pub(crate) other: Option<Images>,
    /// ReLU's output, shaped like dx.
    pub(crate) relu: Option<Images>,
    /// The gradient of the batch norm that made x: its dy is dx.
    pub(crate) norm: Option<Box<BatchNormGrad<Images>>>,
    /// For each position of x: runs of sixteen filters for each tap, from the filters and from dy.
    pub(crate) segments: Segments,
    /// With a norm, whose sums are a slice's, none.
    pub(crate) tiles: Tiles,
}

impl Run for Conv2dGradInput {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { convolve(s, view, slices, self, self) }
    }
}

impl<S: Simd> Results<S> for Conv2dGradInput {
    type Kept = LaneSums;
    type Finish = Accumulate;

    fn images(&self) -> Images {
        self.dx
    }

    #[inline(always)]
    fn tiles(&self) -> Tiles {
        self.tiles
    }

    #[inline(always)]
    unsafe fn begin(&self, _: S, _: View, _: usize, kept: *mut LaneSums) {
        if self.norm.is_some() {
            // SAFETY: the caller's promise.
            unsafe { *kept = LaneSums::ZERO }
        }
    }

    #[inline(always)]
    unsafe fn finish(
        &self,
        _: S,
        view: View,
        slice: usize,
        position: usize,
        kept: *mut LaneSums,
    ) -> Accumulate {
        let channel = slice * LANES;
        // SAFETY: the caller's promise; all images are shaped like dx, all vectors have these channels.
        unsafe {
            let of = |images| Beside::new(images, view, position, channel);
            Accumulate {
                to: of(self.dx),
                other: self.other.map(of),
                relu: self.relu.map(of),
                norm: self.norm.as_deref().map(|norm| NormSums {
                    x: of(norm.x),
                    mean: view.at(norm.mean).add(channel),
                    sums: SumsOf::new(self.dx, kept, position),
                }),
            }
        }
    }

    #[inline(always)]
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut LaneSums) {
        if let Some(norm) = &self.norm {
            // SAFETY: the caller's promise.
            unsafe {
                let sums = lane_sums::total(s, self.dx, kept);
                norm.slice(s, view, slice, Some(sums));
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
    sums: SumsOf,
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
                value = s.keep(s.greater(y.load(s, row, block), s.splat(0.0)), value);
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
