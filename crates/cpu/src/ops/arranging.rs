//! What an operation may look at when it says how its kernel is cut.

use laptime_graph::{
    Axes, CHANNELS, FusionKind, INPUTS, OUTPUTS, OpId, Operation, POSITIONS, Program, Role,
    SAMPLES, TensorId, Uses,
    schedule::{Access, Kernel, Part, Split},
};

use super::{main_operation, of};
use crate::{
    extents::{extent, is_images},
    kernels::pieces,
    simd::LANES,
};

/// Sixteen columns or channels.
pub(super) const BY_CHANNELS: Part = sixteen(CHANNELS);
/// Sixteen outputs of weights.
pub(super) const BY_OUTPUTS: Part = sixteen(OUTPUTS);
/// Sixteen inputs of weights.
pub(super) const BY_INPUTS: Part = sixteen(INPUTS);

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
    /// How many threads there will be.
    pub(crate) threads: usize,
    /// Whether logits are partial sums, where that is decided: as on one thread.
    pub(crate) partial_logits: Option<bool>,
    /// For whom sums of each tensor's pieces are left.
    pub(crate) sums: &'a [Option<OpId>],
    pub(crate) group: &'a [OpId],
}

impl Arranging<'_> {
    /// The operation that gives the group its kernel.
    pub(crate) fn main(&self) -> &Operation {
        main_operation(self.program, self.group)
    }

    /// Sixteen columns or channels of each tensor a slice.
    pub(super) fn by_columns(&self) -> Vec<Cut> {
        vec![self.sliced(self.main().outputs[0], CHANNELS, |_| BY_CHANNELS)]
    }

    /// Slices of sixteen along axes of this tensor.
    pub(super) fn sliced(&self, id: TensorId, axes: Axes, part: impl Fn(TensorId) -> Part) -> Cut {
        let slices = extent(self.program, id, axes).div_ceil(LANES);
        self.cut(Some(slices), Split::Slices, part)
    }

    /// Slices of sixteen along axes of this tensor, each in pieces across others, if any, where there are few. `part`
    /// is told what a slice has of this tensor.
    pub(super) fn tiled(
        &self,
        id: TensorId,
        (axes, across): (Axes, Option<Axes>),
        part: impl Fn(TensorId, Part) -> Part,
    ) -> Cut {
        self.tiled_at_most(id, (axes, across), usize::MAX, part)
    }

    /// The same, in no more pieces than these.
    pub(super) fn tiled_at_most(
        &self,
        id: TensorId,
        (axes, across): (Axes, Option<Axes>),
        most: usize,
        part: impl Fn(TensorId, Part) -> Part,
    ) -> Cut {
        let slices = extent(self.program, id, axes).div_ceil(LANES);
        let pieces = across.map_or(1, |across| pieces(slices, extent(self.program, id, across)));
        let pieces = pieces.min(most);
        let own = match across {
            Some(across) if pieces > 1 => Part::Tile {
                axes,
                width: LANES,
                across,
                pieces,
            },
            _ => sixteen(axes),
        };
        self.cut(Some(slices * pieces), Split::Slices, |id| part(id, own))
    }

    /// The cut of a kernel that needs sums over all positions of images: in tiles, where they are left to it.
    pub(super) fn of_sums(&self, summed: TensorId) -> Vec<Cut> {
        if self.sums[summed.0].is_none() {
            return self.by_columns();
        }
        let (inputs, written) = (&self.main().inputs, self.outputs());
        // Who has the last piece has what is one value a channel.
        let part = |id, own| match inputs.contains(&id) && !written.contains(&id) {
            true => Part::Whole,
            false => own,
        };
        let y = self.main().outputs[0];
        vec![self.tiled(y, (CHANNELS, Some(POSITIONS)), part)]
    }

    /// The cut of a kernel that may leave sums of what it makes last: it reads what else these are made of.
    pub(super) fn leaving_sums(&self, mut cut: Cut) -> Cut {
        let made = self.last().outputs[0];
        let Some(norm) = self.sums[made.0] else {
            return cut;
        };
        let accesses = &mut cut.kernel.accesses;
        let own = accesses.iter().find(|access| access.tensor == made);
        let own = own.map_or(Part::Whole, |access| access.part);
        let norm = self.program.operation(norm);
        for tensor in of(&norm.op).terms_of_sums(norm) {
            if accesses.iter().all(|access| access.tensor != tensor) {
                let is_images = is_images(self.program, tensor);
                let part = if is_images { own } else { Part::Whole };
                accesses.push(Access {
                    tensor,
                    write: false,
                    part,
                });
            }
        }
        cut
    }

    fn last(&self) -> &Operation {
        self.program.operation(self.group[self.group.len() - 1])
    }

    /// The cuts of what is done value by value: where it needs no barrier by channels, else by tiles of images.
    pub(super) fn value_by_value(&self) -> Vec<Cut> {
        let y = self.main().outputs[0];
        let mut cuts = self.by_columns();
        if is_images(self.program, y) && self.group.len() == 1 {
            let is_image = |id| is_images(self.program, id);
            let part = |id, own| if is_image(id) { own } else { Part::Whole };
            let tiled = self.leaving_sums(self.tiled(y, (CHANNELS, Some(POSITIONS)), part));
            if self.sums[y.0].is_some() {
                return vec![tiled];
            }
            cuts.push(tiled);
        }
        cuts
    }

    /// Each thread does the whole kernel for itself.
    pub(super) fn by_each_thread(&self) -> Vec<Cut> {
        vec![self.cut(None, Split::EachThread, |_| Part::Whole)]
    }

    /// A sample of every tensor a slice.
    pub(super) fn by_samples(&self) -> Vec<Cut> {
        let samples = Some(self.program.batch_size);
        vec![self.cut(samples, Split::Slices, |_| along(SAMPLES, 1))]
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
    pub(super) fn weight_axis(&self) -> Axes {
        match self.forward_part() {
            Some(Part::Along { axes, .. }) => axes,
            _ => OUTPUTS,
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

/// Tiles may cost a barrier or more work; slices that keep so much of the threads' time busy need none.
const BUSY_ENOUGH: f64 = 0.85;

/// Whether slices of these images leave threads idle that tiles would not.
pub(crate) fn leaves_idle(program: &Program, images: TensorId, threads: usize) -> bool {
    are_idle(program, images, (CHANNELS, POSITIONS), threads)
}

/// Whether slices of sixteen along axes of this tensor leave threads idle that pieces of them across others would not.
pub(super) fn are_idle(
    program: &Program,
    id: TensorId,
    (axes, across): (Axes, Axes),
    threads: usize,
) -> bool {
    let slices = extent(program, id, axes).div_ceil(LANES);
    let tiles = slices * pieces(slices, extent(program, id, across));
    let busy = |parts: usize| parts as f64 / parts.next_multiple_of(threads) as f64;
    busy(slices) < BUSY_ENOUGH * busy(tiles)
}

/// So many along axes.
pub(super) const fn along(axes: Axes, width: usize) -> Part {
    Part::Along { axes, width }
}

/// Sixteen along axes.
pub(super) const fn sixteen(axes: Axes) -> Part {
    along(axes, LANES)
}
