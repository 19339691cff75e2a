//! Convolutions forward, with the batch norm behind them where that is fused in: one loop for single
//! and paired images.
//!
//! In evaluation a norm is applied to the results while they are in registers. In training its sums
//! are made there, so that the pass that normalises is the only one over the results, a few slices
//! behind the convolution. Both give the bits of two kernels one after the other: what is done to a
//! value is the same, and so is the order of every sum.

use std::ops::Range;

use super::{
    Images, Run, Step,
    channel_sums::Channels,
    conv::{Beside, Filters, Segments, turns},
    norm::{BatchNorm, Coefficients, Scale, ShiftedSums},
    product::{Blocks, Finish, Scalars, Single, product},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// y = the convolution of x with w; then the bias, a batch norm, another tensor and ReLU, each where
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
    pub(crate) relu: bool,
    /// For each position of y: runs of taps and channels, from the filters' block and from x.
    pub(crate) segments: Segments,
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
    Batch(Box<BatchNorm>),
}

/// The bytes of scratch that so many slices need for a norm, behind what the convolution itself does.
pub(crate) fn norm_bytes(slices: usize) -> usize {
    slices * size_of::<Kept>()
}

/// What a slice keeps in the scratch while its positions are done.
#[repr(C)]
struct Kept {
    /// Of a norm with the moving statistics.
    coefficients: Coefficients,
    /// Of a norm with the batch's.
    sums: LaneSums,
}

/// The sums of sixteen filters, still in sixteen lanes each.
#[repr(C)]
struct LaneSums {
    centres: Channels,
    sums: [Channels; LANES],
    squares: [Channels; LANES],
}

/// How a convolution reads its operands.
pub(super) trait Operands {
    /// What all convolutions have.
    fn conv(&self) -> &Conv2d;

    /// How many slices are done in turn at every position, before others are: few where reading x again
    /// is cheaper than reading the filters again.
    fn slices_in_turn(&self) -> usize;

    /// Values of scratch that a turn needs, from the start.
    fn scratch_values(&self) -> usize;

    /// Makes ready what a turn reads. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// As of [`Run::run`].
    unsafe fn prepare<S: Simd>(&self, s: S, view: View, turn: Range<usize>);

    /// Does a slice of a turn at a position. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// As of [`Run::run`]; and the turn is prepared.
    unsafe fn multiply<S: Simd>(
        &self,
        s: S,
        view: View,
        turn: &Range<usize>,
        place: (usize, usize),
        finish: &Forward,
    );
}

/// Does the slices of the range.
///
/// # Safety
/// As of [`Run::run`].
#[inline(always)]
pub(super) unsafe fn forward<S: Simd>(
    s: S,
    operands: &impl Operands,
    view: View,
    slices: Range<usize>,
) {
    let conv = operands.conv();
    let slices = slices.start..slices.end.min(conv.w.outputs.div_ceil(LANES));
    for turn in turns(slices, operands.slices_in_turn()) {
        // SAFETY: the caller's promise; the Schedule's scratch has room for what a turn needs, and
        // behind it for what its slices keep.
        unsafe {
            let kept: *mut Kept = view.scratch().add(operands.scratch_values()).cast();
            let kept = |slice: usize| kept.add(slice - turn.start);
            operands.prepare(s, view, turn.clone());
            for slice in turn.clone() {
                conv.begin(view, slice, kept(slice));
            }
            for position in 0..conv.y.positions {
                for slice in turn.clone() {
                    let finish = conv.finish(s, view, slice, position, kept(slice));
                    operands.multiply(s, view, &turn, (slice, position), &finish);
                }
            }
            for slice in turn.clone() {
                conv.end(s, view, slice, kept(slice));
            }
        }
    }
}

impl Conv2d {
    /// Before a slice's first position.
    #[inline(always)]
    unsafe fn begin(&self, view: View, slice: usize, kept: *mut Kept) {
        if let Some(NormBehind::Moving {
            scale,
            mean,
            variance,
        }) = self.norm
        {
            let channels = self.y.channels_of(slice..slice + 1);
            // SAFETY: the caller's promise: the vectors have these channels.
            unsafe { (*kept).coefficients = scale.of_moving(view, channels, mean, variance) }
        }
    }

    /// What is done with the results of a slice at a position.
    #[inline(always)]
    unsafe fn finish<S: Simd>(
        &self,
        s: S,
        view: View,
        slice: usize,
        position: usize,
        kept: *mut Kept,
    ) -> Forward {
        let filter = slice * LANES;
        // SAFETY: the caller's promise: all that is shaped like y has this position and these
        // channels, all vectors these channels.
        unsafe {
            let mut finish = Forward {
                bias: self.bias.map(|bias| view.at(bias).add(filter).cast_const()),
                coefficients: None,
                other: self
                    .other
                    .map(|other| Beside::new(other, view, position, filter)),
                relu: self.relu,
                y: Beside::new(self.y, view, position, filter),
                sums: None,
            };
            match self.norm {
                Some(NormBehind::Moving { .. }) => {
                    finish.coefficients = Some(&raw const (*kept).coefficients);
                }
                // Centres are known once the first position is there.
                Some(NormBehind::Batch(_)) if position > 0 => {
                    let sums = SumsOf::new(self.y, &raw mut (*kept).sums);
                    if position == 1 {
                        sums.begin(s, view, self.y, slice);
                    }
                    finish.sums = Some(sums);
                }
                _ => {}
            }
            finish
        }
    }

    /// Behind a slice's last position.
    #[inline(always)]
    unsafe fn end<S: Simd>(&self, s: S, view: View, slice: usize, kept: *mut Kept) {
        if let Some(NormBehind::Batch(norm)) = &self.norm {
            // SAFETY: the caller's promise.
            unsafe {
                let sums = SumsOf::new(self.y, &raw mut (*kept).sums);
                if self.y.positions == 1 {
                    sums.begin(s, view, self.y, slice);
                }
                norm.slice(s, view, slice, Some(&sums.shifted(s)));
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
    sums: Option<SumsOf>,
}

impl<S: Simd> Finish<S> for Forward {
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
                value = s.max(s.splat(0.0), value);
            }
            self.y.store(s, row, block, value);
            if let Some(sums) = self.sums {
                sums.add(s, row, block, value);
            }
        }
    }
}

/// The sums of a slice, and which lanes of a block are samples.
#[derive(Clone, Copy)]
struct SumsOf {
    kept: *mut LaneSums,
    /// The blocks without the last, where that has lanes beyond the last sample.
    whole_blocks: usize,
    /// The samples of the last block then.
    rest: usize,
}

impl SumsOf {
    #[inline(always)]
    fn new(y: Images, kept: *mut LaneSums) -> Self {
        Self {
            kept,
            whole_blocks: y.samples / LANES,
            rest: y.samples % LANES,
        }
    }

    /// Takes the centres from the first position, and begins the sums with its values.
    ///
    /// # Safety
    /// y has this slice, its first position done, and nobody else touches the sums.
    #[inline(always)]
    unsafe fn begin<S: Simd>(self, s: S, view: View, y: Images, slice: usize) {
        let channels = y.channels_of(slice..slice + 1);
        // SAFETY: the caller's promise.
        unsafe {
            *self.kept = LaneSums {
                centres: ShiftedSums::centres(s, view, y, channels.clone()),
                sums: [[0.0; LANES]; LANES],
                squares: [[0.0; LANES]; LANES],
            };
            for (row, channel) in channels.enumerate() {
                for block in 0..y.sample_blocks() {
                    let value = s.load(y.at(view, 0, channel).add(block * LANES));
                    self.add(s, row, block, value);
                }
            }
        }
    }

    /// # Safety
    /// The sums have begun, and nobody else touches them.
    #[inline(always)]
    unsafe fn add<S: Simd>(self, s: S, row: usize, block: usize, value: S::Block) {
        // SAFETY: the caller's promise.
        unsafe {
            let LaneSums {
                centres,
                sums,
                squares,
            } = &mut *self.kept;
            let centred = s.sub(value, s.splat(centres[row]));
            let centred = if block < self.whole_blocks {
                centred
            } else {
                s.keep(s.first(self.rest), centred)
            };
            let (sum, square) = (sums[row].as_mut_ptr(), squares[row].as_mut_ptr());
            s.store(sum, s.add(s.load(sum), centred));
            s.store(square, s.mul_add(centred, centred, s.load(square)));
        }
    }

    /// The sums of all lanes.
    ///
    /// # Safety
    /// As of [`Self::add`].
    #[inline(always)]
    unsafe fn shifted<S: Simd>(self, s: S) -> ShiftedSums {
        // SAFETY: the caller's promise.
        unsafe {
            let kept = &*self.kept;
            let sum = |lanes: &Channels| s.sum(s.load(lanes.as_ptr()));
            let mut all = ShiftedSums {
                centres: kept.centres,
                sums: [0.0; LANES],
                squares: [0.0; LANES],
            };
            for row in 0..LANES {
                all.sums[row] = sum(&kept.sums[row]);
                all.squares[row] = sum(&kept.squares[row]);
            }
            all
        }
    }
}

impl Run for Conv2d {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { forward(s, self, view, slices) }
    }
}

impl Operands for Conv2d {
    fn conv(&self) -> &Conv2d {
        self
    }

    fn slices_in_turn(&self) -> usize {
        let Self { x, w, y, .. } = *self;
        if x.values() <= y.positions * w.block_stride() {
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
        _: &Range<usize>,
        (slice, position): (usize, usize),
        finish: &Forward,
    ) {
        let Self { x, w, y, .. } = *self;
        // SAFETY: w has this slice, y these filters and this position; the segments stay within x and
        // the slice.
        unsafe {
            let a = Scalars {
                start: view.at(w.place).add(slice * w.block_stride()),
                row_stride: 1,
                step_stride: LANES,
            };
            let b = Blocks {
                start: view.at(x.place),
                step_stride: x.stride,
                block_stride: LANES,
            };
            product(
                s,
                Single,
                0..LANES.min(w.outputs - slice * LANES),
                0..y.sample_blocks(),
                self.segments.list(position),
                a,
                b,
                finish,
            );
        }
    }
}
