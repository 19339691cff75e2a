//! What an operation may look at when it says how its kernel is cut.

use laptime_graph::{
    FusionKind, OpId, Operation, Program, Role, TensorId, Uses,
    schedule::{Access, Kernel, Part, Split},
};

use super::{main_operation, of};
use crate::{
    extents::{extent, is_images},
    simd::LANES,
};

/// Sixteen columns, channels or inputs.
pub(super) const COLUMNS: Part = along(1, LANES);

/// A kernel with the number of slices it is cut into (any, where it is not cut).
pub(crate) struct Cut {
    pub(crate) slices: Option<usize>,
    pub(crate) kernel: Kernel,
}

/// A group that is to be cut.
pub(crate) struct Arranging<'a> {
    pub(crate) program: &'a Program,
    pub(crate) uses: &'a Uses,
    pub(crate) taken: &'a [FusionKind],
    /// What the first kernel that touches each tensor touches of it, and the number of that access.
    pub(crate) first_parts: &'a [Option<(usize, Part)>],
    pub(crate) group: &'a [OpId],
}

impl Arranging<'_> {
    /// The operation that gives the group its kernel.
    pub(crate) fn main(&self) -> &Operation {
        main_operation(self.program, self.group)
    }

    /// Sixteen columns or channels of each tensor a slice.
    pub(super) fn by_columns(&self) -> Vec<Cut> {
        vec![self.sliced(self.main().outputs[0], 1, |_| COLUMNS)]
    }

    /// Slices of sixteen along an axis of this tensor.
    pub(super) fn sliced(&self, id: TensorId, axis: usize, part: impl Fn(TensorId) -> Part) -> Cut {
        let slices = extent(self.program, id, axis).div_ceil(LANES);
        self.cut(Some(slices), Split::Slices, part)
    }

    /// Each thread does the whole kernel for itself.
    pub(super) fn by_each_thread(&self) -> Vec<Cut> {
        vec![self.cut(None, Split::EachThread, |_| Part::Whole)]
    }

    /// A sample of every tensor a slice.
    pub(super) fn by_samples(&self) -> Vec<Cut> {
        let samples = Some(self.program.batch_size);
        vec![self.cut(samples, Split::Slices, |_| along(2, 1))]
    }

    /// A vector is cut as the forward pass has it.
    pub(super) fn vector_cut(&self, by_column: Cut, by_first: Cut) -> Vec<Cut> {
        match self.forward_part() {
            Some(Part::First) => vec![by_first],
            _ => vec![by_column],
        }
    }

    /// What the forward pass touches of the parameter that this group updates, or whose gradient it makes
    /// or reads: the update does the same, so that a parameter stays with its thread.
    fn forward_part(&self) -> Option<Part> {
        let parameter = |id: TensorId| match self.program.tensor(id).role {
            Role::Gradient { of } | Role::Accumulator { of } => of,
            _ => id,
        };
        let first_part = |ids: &[TensorId]| {
            let first = ids
                .iter()
                .filter_map(|id| self.first_parts[parameter(*id).0]);
            first
                .min_by_key(|(number, _)| *number)
                .map(|(_, part)| part)
        };
        first_part(&self.outputs()).or_else(|| first_part(&self.main().inputs))
    }

    /// The axis along which the forward pass has cut the weights that this group updates.
    pub(super) fn weight_axis(&self) -> usize {
        match self.forward_part() {
            Some(Part::Along { axis, .. }) => axis,
            _ => 0,
        }
    }

    /// Whether what the group writes is stored as images.
    pub(super) fn makes_images(&self) -> bool {
        self.outputs()
            .into_iter()
            .filter(|id| self.is_wanted(*id))
            .any(|id| is_images(self.program, id))
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.group.iter().map(|id| self.program.operation(*id))
    }

    pub(super) fn outputs(&self) -> Vec<TensorId> {
        self.operations()
            .flat_map(|operation| operation.outputs.clone())
            .collect()
    }

    /// A kernel of the group's operations: it reads what comes from outside and writes what
    /// others read; what only its own operations read never reaches memory.
    pub(super) fn cut(
        &self,
        slices: Option<usize>,
        split: Split,
        part: impl Fn(TensorId) -> Part,
    ) -> Cut {
        let written = self.outputs();
        let mut accesses: Vec<Access> = Vec::new();
        let mut touch = |tensor: TensorId, write: bool| match accesses
            .iter_mut()
            .find(|access| access.tensor == tensor)
        {
            Some(access) => access.write |= write,
            None => accesses.push(Access {
                tensor,
                write,
                part: part(tensor),
            }),
        };
        for operation in self.operations() {
            for &input in &operation.inputs {
                let role = &self.program.tensor(input).role;
                let given = matches!(role, Role::Input { .. });
                if !given && (!written.contains(&input) || role.is_kept()) {
                    touch(input, false);
                }
            }
            for &output in &operation.outputs {
                if self.is_wanted(output) {
                    touch(output, true);
                }
            }
        }
        Cut {
            slices,
            kernel: Kernel {
                operations: self.group.to_vec(),
                split,
                accesses,
            },
        }
    }

    fn is_wanted(&self, output: TensorId) -> bool {
        let tensor = self.program.tensor(output);
        let mut readers = self.uses.readers(output).iter();
        tensor.role.is_kept()
            || matches!(tensor.role, Role::Metric)
            || output == self.program.logits
            || readers.any(|id| !self.group.contains(id))
            || self
                .operations()
                .any(|own| of(&own.op).keeps(output, own, self))
    }
}

/// So many along an axis.
pub(super) const fn along(axis: usize, width: usize) -> Part {
    Part::Along { axis, width }
}
