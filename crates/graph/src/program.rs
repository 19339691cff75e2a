//! The Program: what is to be computed, free of any device.
//!
//! A Program is plain data: tensors with shapes and roles, and operations in an order in which
//! they can be executed one after another. It holds one whole step: forward, backward and update
//! for training; forward and the score for evaluation.

use std::fmt;

use laptime_workload::RateSchedule;

use crate::{
    micro_batch::MicroBatch,
    ops::Op,
    tensor::{Role, Tensor, TensorId},
};

/// A Program's operation, by its place in [`Program::operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(pub usize);

/// One operation and the tensors it works on.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it computes; says what its inputs and outputs are, in order.
    pub op: Op,
    /// The tensors it reads, in the order the op defines.
    pub inputs: Vec<TensorId>,
    /// The tensors it writes, in the order the op defines. An update writes in place what it
    /// also reads.
    pub outputs: Vec<TensorId>,
}

/// Operations that a backend may do as one. Taking a candidate never changes the result beyond
/// rounding; leaving it is always right.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    /// Why these belong together.
    pub kind: FusionKind,
    /// The operations, in Program order.
    pub operations: Vec<OpId>,
}

/// The reasons to fuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FusionKind {
    /// Pixels are scaled where they are first read.
    PixelsAtFirstRead,
    /// Bias and ReLU are applied to a product while it is still in registers; weights of reduced
    /// precision are rounded where it reads them.
    ProductEpilogue,
    /// ReLU's gradient is applied to the gradient that flows into it while that is in registers;
    /// weights of reduced precision are rounded where they are read.
    GradientEpilogue,
    /// The loss and its gradient share the softmax, or the difference.
    LossWithGradient,
    /// A parameter is updated where its gradient is made, or clipped, so that what is used never reaches memory.
    UpdateAtGradient,
    /// What follows a batch norm (a sum, ReLU, rounding) is applied where the norm is.
    NormEpilogue,
    /// A batch norm goes with the convolution whose results it reads: in evaluation while they are in
    /// registers, in training its sums. Joins what else is fused to either, if that is fused too.
    NormAtProduct,
    /// ReLU's gradient is applied where a batch norm's gradient reads it, and what that makes is
    /// rounded.
    NormGradient,
    /// The sums of a batch norm's gradient are made with the convolution's gradient that it reads. Joins
    /// as [`Self::NormAtProduct`] does.
    NormGradientAtProduct,
}

impl FusionKind {
    /// All of them, in the order of a step.
    pub const ALL: [Self; 9] = [
        Self::PixelsAtFirstRead,
        Self::ProductEpilogue,
        Self::NormEpilogue,
        Self::NormAtProduct,
        Self::LossWithGradient,
        Self::GradientEpilogue,
        Self::NormGradient,
        Self::NormGradientAtProduct,
        Self::UpdateAtGradient,
    ];

    /// The name on the command line and in `explain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PixelsAtFirstRead => "pixels-at-first-read",
            Self::ProductEpilogue => "product-epilogue",
            Self::GradientEpilogue => "gradient-epilogue",
            Self::LossWithGradient => "loss-with-gradient",
            Self::UpdateAtGradient => "update-at-gradient",
            Self::NormEpilogue => "norm-epilogue",
            Self::NormAtProduct => "norm-at-product",
            Self::NormGradient => "norm-gradient",
            Self::NormGradientAtProduct => "norm-gradient-at-product",
        }
    }
}

impl fmt::Display for FusionKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of the two Programs of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Forward, backward, update.
    Training,
    /// Forward and score.
    Evaluation,
}

/// One step of a workload for one batch size.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Training or evaluation.
    pub mode: Mode,
    /// Samples that it takes.
    pub batch_size: usize,
    /// What it does of a training step that is several micro-batches; `None` where it does a whole step.
    pub micro_batch: Option<MicroBatch>,
    /// All tensors; a [`TensorId`] is a place in this list.
    pub tensors: Vec<Tensor>,
    /// All operations in an order in which they can be executed.
    pub operations: Vec<Operation>,
    /// What may be done as one.
    pub fusions: Vec<Fusion>,
    /// The products that Winograd's way serves, in order.
    pub winograd: Vec<OpId>,
    /// How the learning rate goes from step to step; `None` where it stays, and in evaluation.
    pub rate_schedule: Option<RateSchedule>,
    /// What the last layer gives and the loss reads: logits (batch, classes), or values in the place of the
    /// input (batch, values).
    pub logits: TensorId,
    /// The sum over the batch of each of [`laptime_workload::Loss::metrics`], shape (1).
    pub metrics: Vec<TensorId>,
}

impl Program {
    /// The tensor with this id.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0]
    }

    /// The tensor that this one was rounded from, or itself.
    pub fn unrounded(&self, id: TensorId) -> TensorId {
        match self.tensor(id).role {
            Role::Rounded { of } => of,
            _ => id,
        }
    }

    /// The operation with this id.
    pub fn operation(&self, id: OpId) -> &Operation {
        &self.operations[id.0]
    }

    /// All operations with their ids, in order.
    pub fn operations_by_id(&self) -> impl Iterator<Item = (OpId, &Operation)> {
        self.operations
            .iter()
            .enumerate()
            .map(|(i, operation)| (OpId(i), operation))
    }

    /// The trained parameters, in the order of the layers.
    pub fn parameters(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        self.persistent()
            .filter(|(_, tensor)| matches!(tensor.role, Role::Parameter(_)))
    }

    /// All that lives across steps: parameters and moments, in the Program's order.
    pub fn persistent(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        self.tensors
            .iter()
            .enumerate()
            .filter(|(_, tensor)| tensor.role.is_persistent())
            .map(|(i, tensor)| (TensorId(i), tensor))
    }

    /// All that keeps its values from one Program to the next: what is persistent, and the sums of gradients over
    /// micro-batches.
    pub fn kept(&self) -> impl Iterator<Item = (TensorId, &Tensor)> {
        self.tensors
            .iter()
            .enumerate()
            .filter(|(_, tensor)| tensor.role.is_kept())
            .map(|(i, tensor)| (TensorId(i), tensor))
    }

    /// Whether a training step ends with it, and parameters are updated.
    pub fn ends_step(&self) -> bool {
        self.micro_batch
            .is_none_or(|micro_batch| micro_batch.is_last)
    }

    /// The number of trained values.
    pub fn parameter_count(&self) -> usize {
        self.parameters().map(|(_, tensor)| tensor.elements()).sum()
    }
}
