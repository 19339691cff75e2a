//! The kernels: what a Schedule's kernels do, on blocks of sixteen floats.
//!
//! Each is a plain struct of places and extents, made once by [`crate::link`], and a `run` that does
//! a range of its slices. Padding (columns up to the next multiple of [`LANES`]) is computed like
//! the rest and stays 0.

mod channel_sums;
mod clip;
mod conv;
mod conv_forward;
mod conv_grad_input;
mod conv_grad_weight;
mod dense;
mod elementwise;
mod formulas;
mod images;
mod lane_sums;
mod loss;
mod norm;
mod norm_grad;
mod norm_rows;
mod paired;
mod pixels;
mod pool;
mod product;
mod rearrange;
mod rms_prop;
mod squared_error;
mod sum_tree;
mod update;

use std::ops::Range;

pub(crate) use clip::{ClipFactor, PartialSums, SquareSum};
pub(crate) use conv::{Filters, Segments};
pub(crate) use conv_forward::{Conv2d, NormBehind, norm_bytes};
pub(crate) use conv_grad_input::Conv2dGradInput;
pub(crate) use conv_grad_weight::{Conv2dGradWeight, TURNED_SLICES, turned_bytes};
pub(crate) use dense::{Dense, DenseCut, DenseGradInput, DenseGradWeight};
pub(crate) use elementwise::{Bias, BiasGrad, ChannelBias, ChannelBiasGrad, Function, Pointwise};
pub(crate) use images::Images;
pub(crate) use loss::SoftmaxCrossEntropy;
pub(crate) use norm::{BatchNorm, Scale, Statistics};
pub(crate) use norm_grad::BatchNormGrad;
pub(crate) use paired::{
    PairedConv2d, PairedConv2dGradInput, PairedConv2dGradWeight, forward_panel, gradient_panel,
    panel_bytes, panel_pairs, turned_pairs_bytes, turned_stride,
};
pub(crate) use pixels::{ScaleImages, ScalePixels};
pub(crate) use pool::{GlobalAvgPool, GlobalAvgPoolGrad, Pool, PoolGrad, Windows};
pub(crate) use product::Segment;
pub(crate) use rearrange::{Rearrange, Stored};
pub(crate) use rms_prop::RmsProp;
pub(crate) use squared_error::MeanSquaredError;
pub(crate) use update::{Adam, Cut, GradientUse, Grid, RoundWeights, Sgd, Update};

use laptime_graph::StepValues;
use laptime_workload::dataset::Array;

use crate::{
    memory::{Place, View},
    simd::{Isa, LANES, Simd, dispatch, dispatch_bf16},
};

/// What changes from step to step.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) values: StepValues,
    /// The samples of this step, all within the dataset.
    pub(crate) batch: &'a [u32],
    /// The samples of the next step, or none.
    pub(crate) next_batch: &'a [u32],
    /// The columns of all samples.
    pub(crate) arrays: &'a [Array],
    /// Whether this thread is the one whose metrics are read.
    pub(crate) scores: bool,
}

/// A matrix in memory, its rows `stride` values apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matrix {
    pub(crate) place: Place,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) stride: usize,
}

/// A kernel ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    ScalePixels(ScalePixels),
    ScaleImages(ScaleImages),
    Dense(Dense),
    DenseGradInput(DenseGradInput),
    DenseGradWeight(DenseGradWeight),
    Conv2d(Conv2d),
    Conv2dGradInput(Conv2dGradInput),
    Conv2dGradWeight(Conv2dGradWeight),
    BatchNorm(BatchNorm<Matrix>),
    BatchNormGrad(BatchNormGrad<Matrix>),
    ImageBatchNorm(BatchNorm<Images>),
    ImageBatchNormGrad(BatchNormGrad<Images>),
    Pool(Pool),
    PoolGrad(PoolGrad),
    GlobalAvgPool(GlobalAvgPool),
    GlobalAvgPoolGrad(GlobalAvgPoolGrad),
    Bias(Bias),
    BiasGrad(BiasGrad),
    ChannelBias(ChannelBias),
    ChannelBiasGrad(ChannelBiasGrad),
    Pointwise(Pointwise<Matrix>),
    ImagePointwise(Pointwise<Images>),
    PairedConv2d(PairedConv2d),
    PairedConv2dGradInput(PairedConv2dGradInput),
    PairedConv2dGradWeight(PairedConv2dGradWeight),
    Rearrange(Rearrange),
    SoftmaxCrossEntropy(SoftmaxCrossEntropy),
    MeanSquaredError(MeanSquaredError),
    SquareSum(SquareSum),
    ClipFactor(ClipFactor),
    Update(Update),
    RmsProp(RmsProp),
    RoundWeights(RoundWeights),
}

/// The `run` of each kernel.
trait Run {
    /// Does the slices of the range.
    ///
    /// # Safety
    /// The view's arenas are those of the Schedule that the kernel was linked from; no other
    /// thread touches what these slices touch until the next barrier, where either writes it.
    /// `Schedule::check` and `Floats` say why that holds.
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>);
}

/// A call of `Run::run`, as the dispatcher wants it.
struct Call<'a, R> {
    kernel: &'a R,
    step: &'a Step<'a>,
    view: View,
    slices: Range<usize>,
}

impl<R: Run> crate::simd::Kernel for Call<'_, R> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: only `Task::run` makes a `Call`, and has the same contract.
        unsafe { self.kernel.run(s, self.step, self.view, self.slices) }
    }
}

impl Task {
    /// Does the slices of the range with the kernels of `isa`.
    ///
    /// # Safety
    /// As of [`Run::run`].
    pub(crate) unsafe fn run(&self, isa: Isa, step: &Step, view: View, slices: Range<usize>) {
        macro_rules! call {
            (in bf16: $($paired:ident),*; $($kind:ident),*) => {
                match self {
                    Self::ImageBatchNorm(kernel) if kernel.y.paired => {
                        dispatch_bf16(isa, Call { kernel, step, view, slices })
                    }
                    Self::ImageBatchNormGrad(kernel) if kernel.dx.paired => {
                        dispatch_bf16(isa, Call { kernel, step, view, slices })
                    }
                    $(Self::$paired(kernel) => {
                        dispatch_bf16(isa, Call { kernel, step, view, slices })
                    })*
                    $(Self::$kind(kernel) => dispatch(isa, Call { kernel, step, view, slices }),)*
                }
            };
        }
        call!(
            in bf16:
            PairedConv2d,
            PairedConv2dGradInput,
            PairedConv2dGradWeight;
            ScalePixels,
            ScaleImages,
            Dense,
            DenseGradInput,
            DenseGradWeight,
            Conv2d,
            Conv2dGradInput,
            Conv2dGradWeight,
            BatchNorm,
            BatchNormGrad,
            ImageBatchNorm,
            ImageBatchNormGrad,
            Pool,
            PoolGrad,
            GlobalAvgPool,
            GlobalAvgPoolGrad,
            Bias,
            BiasGrad,
            ChannelBias,
            ChannelBiasGrad,
            Pointwise,
            ImagePointwise,
            Rearrange,
            SoftmaxCrossEntropy,
            MeanSquaredError,
            SquareSum,
            ClipFactor,
            Update,
            RmsProp,
            RoundWeights
        );
    }
}

/// The blocks of sixteen columns in a range of slices, without those beyond the matrix.
#[inline(always)]
fn blocks(slices: Range<usize>, columns: usize) -> Range<usize> {
    slices.start..slices.end.min(columns.div_ceil(LANES))
}
