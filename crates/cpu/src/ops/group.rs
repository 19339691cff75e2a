//! The operations of a kernel that is linked.

use laptime_graph::{
    Activation, Op, Operation, Program, TensorId,
    schedule::{Kernel, Part},
};

use super::{Places, main_operation};
use crate::kernels::{Epilogue, GradientEpilogue, Tiles};

/// The operations of one kernel.
pub(crate) struct Group<'a> {
    pub(crate) kernel: &'a Kernel,
    /// The operation that gives the group its kernel.
    pub(crate) main: &'a Operation,
    pub(super) operations: Vec<&'a Operation>,
}

impl<'a> Group<'a> {
    pub(crate) fn of(program: &'a Program, kernel: &'a Kernel) -> Self {
        let operations = kernel.operations.iter();
        Self {
            kernel,
            main: main_operation(program, &kernel.operations),
            operations: operations.map(|id| program.operation(*id)).collect(),
        }
    }

    pub(super) fn last(&self) -> &'a Operation {
        self.operations[self.operations.len() - 1]
    }

    pub(super) fn find(&self, wanted: fn(&Op) -> bool) -> Option<&'a Operation> {
        self.operations.iter().find(|one| wanted(&one.op)).copied()
    }

    /// The activation that is fused in, of tensors that are stored as `of` says.
    pub(super) fn epilogue<T>(&self, of: impl Fn(TensorId) -> T) -> Epilogue<T> {
        match self.activation() {
            None => Epilogue::None,
            Some((Activation::Relu, _)) => Epilogue::Relu,
            Some((activation, own)) => Epilogue::Tile {
                activation,
                y: of(own.outputs[0]),
            },
        }
    }

    /// The activation's gradient that is fused in behind a product.
    pub(super) fn gradient_epilogue<T>(&self, of: impl Fn(TensorId) -> T) -> GradientEpilogue<T> {
        let mut gradients = self.operations.iter().filter_map(|own| match own.op {
            Op::ActivateGrad(op) => Some((op.0, of(own.inputs[0]))),
            _ => None,
        });
        let first = gradients.next();
        assert!(
            gradients.next().is_none(),
            "a kernel has one activation's gradient"
        );
        match first {
            None => GradientEpilogue::None,
            Some((Activation::Relu, y)) => GradientEpilogue::Relu(y),
            Some((activation, kept)) => GradientEpilogue::Tile { activation, kept },
        }
    }

    /// The tensor in whose place results are stored: the last one, or what an activation makes it of where the
    /// activation's gradient reads that.
    pub(super) fn stored(&self) -> TensorId {
        match self.activation() {
            Some((_, own)) if own.op.ends_chain() && self.touches(own.inputs[0]) => own.inputs[0],
            _ => self.last().outputs[0],
        }
    }

    /// The activation, of which a group has one at the most.
    fn activation(&self) -> Option<(Activation, &'a Operation)> {
        let mut all = self.operations.iter().filter_map(|own| match own.op {
            Op::Activate(op) => Some((op.0, *own)),
            _ => None,
        });
        let first = all.next();
        assert!(all.next().is_none(), "a kernel has one activation");
        first
    }

    fn touches(&self, tensor: TensorId) -> bool {
        let mut accesses = self.kernel.accesses.iter();
        accesses.any(|access| access.tensor == tensor)
    }

    /// Whether its product is made by Winograd's way.
    pub(super) fn by_winograd(&self, at: &Places) -> bool {
        let mut operations = self.kernel.operations.iter();
        operations.any(|id| at.program.by_winograd(*id, &at.schedule.simplifications))
    }

    /// Whether what the group makes is rounded in it.
    pub(super) fn rounds(&self) -> bool {
        matches!(self.last().op, Op::Round(_))
    }

    /// The operand of a fused sum that is not made in the group.
    pub(super) fn other(&self) -> Option<TensorId> {
        let made = |id: &&TensorId| self.operations.iter().any(|one| one.outputs.contains(id));
        self.find(|op| matches!(op, Op::Add(_)))
            .and_then(|add| add.inputs.iter().find(|id| !made(id)).copied())
    }

    /// What the group rounds to this tensor, or the tensor itself.
    pub(super) fn unrounded(&self, tensor: TensorId) -> TensorId {
        let mut operations = self.operations.iter();
        let rounds =
            operations.find(|one| matches!(one.op, Op::Round(_)) && one.outputs[0] == tensor);
        rounds.map_or(tensor, |round| round.inputs[0])
    }

    /// The pieces that this tensor's slices are cut into.
    pub(super) fn tiles(&self, tensor: TensorId) -> Tiles {
        match self.part(tensor) {
            Part::Tile { pieces, .. } => Tiles { pieces },
            _ => Tiles::UNCUT,
        }
    }

    pub(super) fn part(&self, tensor: TensorId) -> Part {
        let access = self
            .kernel
            .accesses
            .iter()
            .find(|access| access.tensor == tensor);
        access.map_or(Part::Whole, |access| access.part)
    }
}
