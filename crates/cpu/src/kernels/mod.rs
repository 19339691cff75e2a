//! The kernels: what a Schedule's kernels do, on blocks of sixteen floats.
//!
//! Each is a plain struct of places and extents, made once by [`crate::link`], and a `run` that does
//! a range of its slices. Padding (columns up to the next multiple of [`LANES`]) is computed like
//! the rest and stays 0.

mod ams_grad;
mod channel_sums;
mod clip;
mod conv;
mod conv_forward;
mod conv_grad_input;
mod conv_grad_weight;
mod conv_grad_weight_parts;
mod dense;
mod dense_grad_weight;
mod elementwise;
mod epilogue;
mod formulas;
mod images;
mod left_sums;
mod loss;
mod norm;
mod norm_grad;
mod norm_rows;
mod paired;
mod piece_sums;
mod piece_totals;
mod pixels;
mod pool;
mod product;
mod rearrange;
mod rms_prop;
mod squared_error;
mod sum_tree;
mod tiles;
pub(crate) mod update;
mod winograd;
mod winograd_grad_weight;
mod winograd_tile;

use std::ops::Range;

pub(crate) use ams_grad::AmsGrad;
pub(crate) use channel_sums::{Terms, channel_sums, row_sums};
pub(crate) use clip::{ClipFactor, PartialSums, SquareSum};
pub(crate) use conv::{Filters, Segments};
pub(crate) use conv_forward::{Conv2d, NormBehind, norm_bytes};
pub(crate) use conv_grad_input::{Conv2dGradInput, NormBefore};
pub(crate) use conv_grad_weight::{Conv2dGradWeight, TURNED_SLICES, turned_bytes, turned_slices};
pub(crate) use conv_grad_weight_parts::{Conv2dGradWeightInParts, TapRow, WeightParts};
pub(crate) use dense::{Dense, DenseCut, DenseGradInput};
pub(crate) use dense_grad_weight::DenseGradWeight;
pub(crate) use elementwise::{
    Activate, Bias, BiasGrad, ChannelBias, ChannelBiasGrad, Function, Operands, Pointwise,
};
pub(crate) use epilogue::{Epilogue, GradientEpilogue};
pub(crate) use images::Images;
pub(crate) use left_sums::LeftSums;
pub(crate) use loss::SoftmaxCrossEntropy;
pub(crate) use norm::{BatchNorm, Scale, Statistics};
pub(crate) use norm_grad::BatchNormGrad;
pub(crate) use paired::{
    PairedConv2d, PairedConv2dGradInput, PairedConv2dGradWeight, forward_panel, gradient_panel,
    panel_bytes, panel_pairs, turned_pairs_bytes, turned_stride,
};
pub(crate) use piece_sums::sums_bytes;
pub(crate) use pixels::{ScaleImages, ScalePixels};
pub(crate) use pool::{GlobalAvgPool, GlobalAvgPoolGrad, Pool, PoolGrad, Windows};
pub(crate) use product::Segment;
pub(crate) use rearrange::{Rearrange, Stored};
pub(crate) use rms_prop::RmsProp;
pub(crate) use squared_error::MeanSquaredError;
pub(crate) use tiles::{Tiles, pieces};
pub(crate) use update::{Adam, Cut, GradientUse, Grid, RoundWeights, Rule, Sgd, Update, with_rule};
pub(crate) use winograd::{
    WinogradConv2d, WinogradConv2dGradInput, winograd_runs, winograd_values,
};
pub(crate) use winograd_grad_weight::{
    WinogradConv2dGradWeight, winograd_weight_runs, winograd_weight_values,
};
pub(crate) use winograd_tile::Grid as WinogradGrid;

use laptime_graph::StepValues;
use laptime_workload::{Moved, dataset::Array};

use crate::{
    memory::{Place, View},
    simd::{Isa, LANES, Simd, dispatch, dispatch_bf16},
};

/// What changes from step to step.
#[derive(Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) values: StepValues,
    /// The samples of this batch, all within the dataset.
    pub(crate) batch: &'a [u32],
    /// The place of the first of them in the step, 0 but for later micro-batches.
    pub(crate) first: usize,
    /// The samples of the next batch, or none.
    pub(crate) next_batch: &'a [u32],
    /// How each of the batch's images is augmented; empty where none is.
    pub(crate) moves: &'a [Moved],
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

/// The `run` of each kernel.
pub(crate) trait Run {
    /// Does the slices of the range.
    ///
    /// # Safety
    /// The view's arenas are those of the Schedule that the kernel was linked from; no other
    /// thread touches what these slices touch until the next barrier, where either writes it.
    /// `Schedule::check` and `Floats` say why that holds.
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>);
}

/// A kernel with what it runs on, as the dispatcher wants it.
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
        // SAFETY: only `run` and `run_bf16` make a `Call`, and have the same contract.
        unsafe { self.kernel.run(s, self.step, self.view, self.slices) }
    }
}

/// Does the slices of the range with the instructions of `isa`.
///
/// # Safety
/// As of [`Run::run`].
pub(crate) unsafe fn run(
    kernel: &impl Run,
    isa: Isa,
    step: &Step,
    view: View,
    slices: Range<usize>,
) {
    dispatch(
        isa,
        Call {
            kernel,
            step,
            view,
            slices,
        },
    );
}

/// The same with instructions for bfloat16, where the processor has them.
///
/// # Safety
/// As of [`Run::run`].
pub(crate) unsafe fn run_bf16(
    kernel: &impl Run,
    isa: Isa,
    step: &Step,
    view: View,
    slices: Range<usize>,
) {
    dispatch_bf16(
        isa,
        Call {
            kernel,
            step,
            view,
            slices,
        },
    );
}

/// The blocks of sixteen columns in a range of slices, without those beyond the matrix.
#[inline(always)]
pub(crate) fn blocks(slices: Range<usize>, columns: usize) -> Range<usize> {
    slices.start..slices.end.min(columns.div_ceil(LANES))
}
