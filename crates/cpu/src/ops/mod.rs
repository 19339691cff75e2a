//! What this backend says of each operation, one file for each with its gradients: how its kernel is cut
//! into slices, and which one it is. A kernel that no other operation has stands there too.

mod accumulate;
mod activate;
mod adam;
mod add;
mod ams_grad;
mod arranging;
mod avg_pool;
mod batch_norm;
mod bias;
mod clip;
mod concat;
mod conv2d;
mod conv2d_transpose;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod embedding;
mod global_avg_pool;
mod group;
mod grouped_conv2d;
mod layer_norm;
mod max_pool;
mod mean_squared_error;
mod multiply;
mod places;
mod pointwise;
mod pool;
mod reshape;
mod rms_prop;
mod round;
mod scale_pixels;
mod sgd;
mod softmax_cross_entropy;
mod tap_joins;
mod update;
mod upsample;
mod zeros;

use std::ops::Range;

use laptime_graph::{Op, OpId, Operation, Program, Simplification, TensorId};

use crate::{
    kernels::{self, GradientUse, Images, Matrix, Step, run, run_bf16},
    memory::View,
    simd::Isa,
};
pub(crate) use arranging::{Arranging, Cut, leaves_idle};
pub(crate) use group::Group;
pub(crate) use places::{Places, StoredLogits};

/// What this backend decides for an operation.
pub(crate) trait CpuOp {
    /// The ways to cut a group that this operation gives its kernel, the preferred first; the last one always
    /// works.
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.by_columns()
    }

    /// The kernel of such a group.
    fn link(&self, group: &Group, at: &Places) -> Task;

    /// What becomes of the gradient in a group that ends with this operation.
    fn gradient_use(&self, own: &Operation, at: &Places) -> GradientUse {
        GradientUse::Store(at.place(own.outputs[0]))
    }

    /// Whether it may give a group its kernel where it is not alone in it.
    fn is_main(&self) -> bool {
        true
    }

    /// Whether it is done in the kernel that makes the pixels.
    fn is_of_pixels(&self) -> bool {
        false
    }

    /// Whether its kernel stores a tensor that nothing outside of the group reads.
    fn keeps(&self, _tensor: TensorId, _own: &Operation, _at: &Arranging) -> bool {
        false
    }

    /// The images whose sums over all positions it needs, if any: where slices are too few for all threads, whoever
    /// makes them leaves it the sums of their pieces.
    fn sums_over(&self, _own: &Operation) -> Option<TensorId> {
        None
    }

    /// What else such sums are made of.
    fn terms_of_sums(&self, _own: &Operation) -> Vec<TensorId> {
        Vec::new()
    }

    /// Whether the kernel that it gives to so many operations can leave such sums.
    fn leaves_sums(&self, _operations: usize) -> bool {
        false
    }

    /// Whether sums are left behind it where it ends a group that this operation gives its kernel.
    fn ends_with_sums(&self, _main: &Op) -> bool {
        true
    }

    /// Memory that a thread needs while it does the kernel.
    fn scratch_bytes(&self, _own: &Operation, _program: &Program, _by_winograd: bool) -> usize {
        0
    }

    /// Zeros that it reads in the place of padding, where only these products with it are left out.
    fn zero_bytes(&self, _: &Operation, _: &Program, _: &[Simplification]) -> usize {
        0
    }

    /// Whether its kernel reaches all of its operands.
    ///
    /// # Errors
    /// The operand that is too large, and what to do.
    fn check_reach(&self, _own: &Operation, _program: &Program) -> Result<(), String> {
        Ok(())
    }

    /// Whether its kernel has bfloat16 instructions for processors that have them.
    fn has_bf16_kernel(&self) -> bool {
        false
    }
}

/// All that is decided for an operation.
pub(crate) fn of(op: &Op) -> &dyn CpuOp {
    match op {
        Op::ScalePixels(op) => op,
        Op::Reshape(op) => op,
        Op::Round(op) => op,
        Op::Dense(op) => op,
        Op::DenseGradInput(op) => op,
        Op::DenseGradWeight(op) => op,
        Op::Conv2d(op) => op,
        Op::Conv2dGradInput(op) => op,
        Op::Conv2dGradWeight(op) => op,
        Op::Conv2dTranspose(op) => op,
        Op::Conv2dTransposeGradInput(op) => op,
        Op::DepthwiseConv2d(op) => op,
        Op::DepthwiseConv2dGradInput(op) => op,
        Op::DepthwiseConv2dGradWeight(op) => op,
        Op::GroupedConv2d(op) => op,
        Op::GroupedConv2dGradInput(op) => op,
        Op::GroupedConv2dGradWeight(op) => op,
        Op::Bias(op) => op,
        Op::BiasGrad(op) => op,
        Op::Zeros(op) => op,
        Op::BatchNorm(op) => op,
        Op::BatchNormGrad(op) => op,
        Op::BatchNormEvaluation(op) => op,
        Op::LayerNorm(op) => op,
        Op::LayerNormGrad(op) => op,
        Op::LayerNormGradScale(op) => op,
        Op::Add(op) => op,
        Op::Concat(op) => op,
        Op::Split(op) => op,
        Op::Multiply(op) => op,
        Op::MultiplyChannels(op) => op,
        Op::MultiplyChannelsGrad(op) => op,
        Op::MaxPool(op) => op,
        Op::MaxPoolGrad(op) => op,
        Op::AvgPool(op) => op,
        Op::AvgPoolGrad(op) => op,
        Op::GlobalAvgPool(op) => op,
        Op::GlobalAvgPoolGrad(op) => op,
        Op::Upsample(op) => op,
        Op::UpsampleGrad(op) => op,
        Op::Embedding(op) => op,
        Op::EmbeddingGrad(op) => op,
        Op::Dropout(op) => op,
        Op::DropoutGrad(op) => op,
        Op::Activate(op) => op,
        Op::ActivateGrad(op) => op,
        Op::SoftmaxCrossEntropy(op) => op,
        Op::SoftmaxCrossEntropyGrad(op) => op,
        Op::MeanSquaredError(op) => op,
        Op::MeanSquaredErrorGrad(op) => op,
        Op::Accumulate(op) => op,
        Op::SquareSum(op) => op,
        Op::ClipFactor(op) => op,
        Op::Clip(op) => op,
        Op::Adam(op) => op,
        Op::AdamW(op) => op,
        Op::Sgd(op) => op,
        Op::RmsProp(op) => op,
        Op::AmsGrad(op) => op,
    }
}

/// A kernel ready to run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Task {
    ScalePixels(kernels::ScalePixels),
    ScaleImages(kernels::ScaleImages),
    Dense(kernels::Dense),
    DenseGradInput(kernels::DenseGradInput),
    DenseGradWeight(kernels::DenseGradWeight),
    Conv2d(kernels::Conv2d),
    Conv2dGradInput(kernels::Conv2dGradInput),
    Conv2dGradWeight(kernels::Conv2dGradWeight),
    Conv2dGradWeightInParts(kernels::Conv2dGradWeightInParts),
    BatchNorm(kernels::BatchNorm<Matrix>),
    BatchNormGrad(kernels::BatchNormGrad<Matrix>),
    ImageBatchNorm(kernels::BatchNorm<Images>),
    ImageBatchNormGrad(kernels::BatchNormGrad<Images>),
    Pool(kernels::Pool),
    PoolGrad(kernels::PoolGrad),
    GlobalAvgPool(kernels::GlobalAvgPool),
    GlobalAvgPoolGrad(kernels::GlobalAvgPoolGrad),
    Bias(kernels::Bias),
    BiasGrad(kernels::BiasGrad),
    ChannelBias(kernels::ChannelBias),
    ChannelBiasGrad(kernels::ChannelBiasGrad),
    Pointwise(kernels::Pointwise<Matrix>),
    ImagePointwise(kernels::Pointwise<Images>),
    Activate(kernels::Activate<Matrix>),
    ImageActivate(kernels::Activate<Images>),
    WinogradConv2d(kernels::WinogradConv2d),
    WinogradConv2dGradInput(kernels::WinogradConv2dGradInput),
    WinogradConv2dGradWeight(kernels::WinogradConv2dGradWeight),
    PairedConv2d(kernels::PairedConv2d),
    PairedConv2dGradInput(kernels::PairedConv2dGradInput),
    PairedConv2dGradWeight(kernels::PairedConv2dGradWeight),
    Rearrange(kernels::Rearrange),
    SoftmaxCrossEntropy(kernels::SoftmaxCrossEntropy),
    MeanSquaredError(kernels::MeanSquaredError),
    AddUp(accumulate::AddUp),
    SquareSum(kernels::SquareSum),
    ClipFactor(kernels::ClipFactor),
    Update(kernels::Update),
    RmsProp(kernels::RmsProp),
    AmsGrad(kernels::AmsGrad),
    Depthwise(depthwise_conv2d::Products),
    DepthwiseGradWeight(depthwise_conv2d::GradWeight),
    Grouped(grouped_conv2d::Products),
    GroupedGradWeight(grouped_conv2d::GradWeight),
    MoveChannels(concat::MoveChannels<Matrix>),
    MoveImageChannels(concat::MoveChannels<Images>),
    ScaleChannels(multiply::ScaleChannels),
    Upsample(upsample::Repeat),
    UpsampleGrad(upsample::RepeatGrad),
    Embedding(embedding::Lookup),
    EmbeddingGrad(embedding::LookupGrad),
    ScaleChannelsGrad(multiply::ScaleChannelsGrad),
    LayerNorm(layer_norm::Norm<Matrix>),
    LayerNormGrad(layer_norm::NormGrad<Matrix>),
    LayerNormGradScale(layer_norm::NormGradScale<Matrix>),
    ImageLayerNorm(layer_norm::Norm<Images>),
    ImageLayerNormGrad(layer_norm::NormGrad<Images>),
    ImageLayerNormGradScale(layer_norm::NormGradScale<Images>),
    RoundWeights(kernels::RoundWeights),
}

impl Task {
    /// Does the slices of the range with the instructions of `isa`.
    ///
    /// # Safety
    /// As of [`kernels::Run::run`].
    pub(crate) unsafe fn run(&self, isa: Isa, step: &Step, view: View, slices: Range<usize>) {
        macro_rules! call {
            (in bf16: $($paired:ident),*; $($kind:ident),*) => {
                // SAFETY: the caller's promise.
                unsafe {
                    match self {
                        Self::ImageBatchNorm(kernel) if kernel.y.paired => {
                            run_bf16(kernel, isa, step, view, slices)
                        }
                        Self::ImageBatchNormGrad(kernel) if kernel.dx.paired => {
                            run_bf16(kernel, isa, step, view, slices)
                        }
                        $(Self::$paired(kernel) => run_bf16(kernel, isa, step, view, slices),)*
                        $(Self::$kind(kernel) => run(kernel, isa, step, view, slices),)*
                    }
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
            Conv2dGradWeightInParts,
            WinogradConv2d,
            WinogradConv2dGradInput,
            WinogradConv2dGradWeight,
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
            Activate,
            ImageActivate,
            Rearrange,
            SoftmaxCrossEntropy,
            MeanSquaredError,
            AddUp,
            SquareSum,
            ClipFactor,
            Update,
            RmsProp,
            AmsGrad,
            Depthwise,
            DepthwiseGradWeight,
            Grouped,
            GroupedGradWeight,
            MoveChannels,
            MoveImageChannels,
            ScaleChannels,
            Upsample,
            UpsampleGrad,
            Embedding,
            EmbeddingGrad,
            ScaleChannelsGrad,
            LayerNorm,
            LayerNormGrad,
            LayerNormGradScale,
            ImageLayerNorm,
            ImageLayerNormGrad,
            ImageLayerNormGradScale,
            RoundWeights
        );
    }
}

/// The operation that gives a group its kernel: the first, but that filters may be rounded before it.
pub(crate) fn main_operation<'a>(program: &'a Program, group: &[OpId]) -> &'a Operation {
    let mut operations = group.iter().map(|id| program.operation(*id));
    operations
        .find(|operation| of(&operation.op).is_main())
        .unwrap_or_else(|| program.operation(group[0]))
}

/// Whether kernels reach all operands of the Program.
///
/// # Errors
/// The operand that is too large, and what to do.
pub(crate) fn check_reach(program: &Program) -> Result<(), String> {
    let mut operations = program.operations.iter();
    operations.try_for_each(|own| of(&own.op).check_reach(own, program))
}
