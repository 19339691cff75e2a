//! The gradient of a convolution's input, with the gradient of the batch norm before it where that is
//! fused in: the norm's sums are made while the results are in registers, to the bits that the norm
//! alone would make.

use std::ops::Range;

use super::{
    BatchNormGrad, Images, Run, Step,
    conv::{Beside, Filters, Operands, Results, Segments, convolve},
    lane_sums::{LaneSums, SumsOf},
    product::{Blocks, Finish, Scalars, Single, product},
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
                    sums: SumsOf::new(self.dx, kept),
                }),
            }
        }
    }

    #[inline(always)]
    unsafe fn end(&self, s: S, view: View, slice: usize, kept: *mut LaneSums) {
        if let Some(norm) = &self.norm {
            // SAFETY: the caller's promise.
            unsafe { norm.slice(s, view, slice, Some(SumsOf::new(self.dx, kept).total(s))) }
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

impl Operands for Conv2dGradInput {
    fn slices_in_turn(&self) -> usize {
        let Self { dy, w, dx, .. } = *self;
        if dy.values() <= dx.positions * w.taps * w.outputs * LANES {
            1
        } else {
            usize::MAX
        }
    }

    fn scratch_values(&self) -> usize {
        0
    }

    #[inline(always)]
    unsafe fn prepare<S: Simd>(&self, _: S, _: View, _: Range<usize>) {}

    #[inline(always)]
    unsafe fn multiply<S: Simd>(
        &self,
        s: S,
        view: View,
        turn: &Range<usize>,
        index: usize,
        position: usize,
        finish: &impl Finish<S>,
    ) {
        let Self { dy, w, dx, .. } = *self;
        let channel = (turn.start + index) * LANES;
        // SAFETY: w and dx have these channels, dx this position; the segments stay within the
        // filters and dy.
        unsafe {
            let a = Scalars {
                start: view.at(w.place).add(channel * LANES),
                row_stride: LANES,
                step_stride: 1,
            };
            let b = Blocks {
                start: view.at(dy.place),
                step_stride: dy.stride,
                block_stride: LANES,
            };
            product(
                s,
                Single,
                0..LANES.min(dx.channels - channel),
                0..dx.sample_blocks(),
                self.segments.list(position),
                a,
                b,
                finish,
            );
        }
    }
}
