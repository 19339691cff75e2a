//! Cuts kernels into slices and puts them into stages, with as few barriers as the values allow.

use laptime_graph::{
    FusionKind, Op, OpId, Operation, Program, Role, TensorId, Uses,
    schedule::{Access, Kernel, Part, Split, Stage},
};

use super::{
    groups::main_operation,
    memory::{extent, is_images, is_weight},
};
use crate::simd::LANES;

/// Rows a slice where work is cut by samples.
const ROWS: usize = 4;

/// One sample a slice, of any layout.
const SAMPLES: Part = Part::Along { axis: 2, width: 1 };

/// A kernel with the number of slices it is cut into (any, where it is not cut).
struct Cut {
    slices: Option<usize>,
    kernel: Kernel,
}

/// The stages of a step, without the barrier at its end.
pub(super) fn arrange(program: &Program, groups: &[Vec<OpId>], taken: &[FusionKind]) -> Vec<Stage> {
    let mut arranger = Arranger {
        program,
        uses: Uses::of(program),
        taken,
        stages: Vec::new(),
        waiting: Vec::new(),
        first_parts: vec![None; program.tensors.len()],
        accesses: 0,
    };
    for group in groups {
        let cuts = arranger.cuts(group);
        if arranger.may_wait(group) && !arranger.fits(&cuts) {
            arranger.waiting.push(cuts);
        } else {
            arranger.place(cuts);
        }
    }
    arranger.place_waiting();
    let mut stages = arranger.stages;
    // Threads meet at least once a step: they must agree on where training stops.
    if stages.iter().all(|stage| !stage.barrier)
        && let Some(last) = stages.last_mut()
    {
        last.barrier = true;
    }
    stages
}

struct Arranger<'a> {
    program: &'a Program,
    uses: Uses,
    taken: &'a [FusionKind],
    stages: Vec<Stage>,
    /// Updates that need a barrier before them, waiting for one that is needed anyway.
    waiting: Vec<Vec<Cut>>,
    /// What the first kernel that touches each tensor touches of it, and the number of that access.
    first_parts: Vec<Option<(usize, Part)>>,
    /// How many accesses the placed kernels have.
    accesses: usize,
}

impl Arranger<'_> {
    /// Whether nothing later in the step reads what the group writes: an update in place.
    fn may_wait(&self, group: &[OpId]) -> bool {
        let last = self.program.operation(group[group.len() - 1]);
        last.op.definition().is_update()
    }

    /// Whether any of the cuts can be done with no further barrier.
    fn fits(&self, cuts: &[Cut]) -> bool {
        cuts.iter().any(|cut| self.needs_no_barrier(cut))
    }

    /// Puts the first of the cuts that fits into the open stage there; else the last of them
    /// into a stage of its own, behind a barrier where it needs one.
    fn place(&mut self, mut cuts: Vec<Cut>) {
        let fitting = cuts.iter().position(|cut| {
            self.stages.last().is_some_and(|stage| {
                let slices = cut.slices.unwrap_or(stage.slices);
                let fits = slices == stage.slices || !is_cut(stage);
                fits && !stage.barrier && self.needs_no_barrier(cut)
            })
        });
        if let Some(index) = fitting {
            let Cut { slices, kernel } = cuts.swap_remove(index);
            self.note(&kernel);
            let stage = self
                .stages
                .last_mut()
                .expect("the cut fits into the last stage");
            stage.slices = slices.unwrap_or(stage.slices);
            stage.kernels.push(kernel);
            return;
        }
        let cut = cuts.pop().expect("every group can be cut in some way");
        if !self.needs_no_barrier(&cut)
            && let Some(last) = self.stages.last_mut()
        {
            last.barrier = true;
            self.place_waiting();
        }
        let slices = cut.slices.unwrap_or(1);
        self.note(&cut.kernel);
        self.stages.push(Stage {
            slices,
            kernels: vec![cut.kernel],
            barrier: false,
        });
    }

    /// A kernel is placed behind all others.
    fn note(&mut self, kernel: &Kernel) {
        for access in &kernel.accesses {
            self.first_parts[access.tensor.0].get_or_insert((self.accesses, access.part));
            self.accesses += 1;
        }
    }

    /// Places the updates that waited, behind the barrier that was just set.
    fn place_waiting(&mut self) {
        for cuts in std::mem::take(&mut self.waiting) {
            self.place(cuts);
        }
    }

    /// Whether nothing done since the last barrier stands in the way of doing this now.
    fn needs_no_barrier(&self, cut: &Cut) -> bool {
        let open = self.stages.iter().rev().take_while(|stage| !stage.barrier);
        open.flat_map(|stage| stage.kernels.iter().map(move |kernel| (stage, kernel)))
            .all(|(stage, kernel)| {
                let slices = cut.slices.unwrap_or(stage.slices);
                let open_slices = if is_cut(stage) { stage.slices } else { slices };
                cut.kernel.may_follow(kernel, (open_slices, slices))
            })
    }

    /// The ways to cut a group, the preferred first; the last one always works.
    fn cuts(&self, group: &[OpId]) -> Vec<Cut> {
        let operation = main_operation(self.program, group);
        let (inputs, outputs) = (&operation.inputs, &operation.outputs);
        let columns = along(1, LANES);
        match operation.op {
            Op::ScalePixels(_) if self.makes_images(group) => {
                let slices = extent(self.program, outputs[0], 0).div_ceil(ROWS);
                vec![self.cut(group, Some(slices), Split::Slices, |_| along(0, ROWS))]
            }
            Op::ScalePixels(_) if self.taken.contains(&FusionKind::PixelsAtFirstRead) => {
                vec![self.cut(group, None, Split::EachThread, |_| Part::Whole)]
            }
            Op::ScalePixels(_) => {
                let slices = self.program.batch_size.div_ceil(ROWS);
                vec![self.cut(group, Some(slices), Split::Slices, |_| along(0, ROWS))]
            }
            Op::Reshape(_) | Op::Dropout(_) | Op::DropoutGrad(_) => {
                let slices = self.program.batch_size;
                vec![self.cut(group, Some(slices), Split::Slices, |_| SAMPLES)]
            }
            Op::Conv2d(_) => {
                let (x, w) = (inputs[0], inputs[1]);
                let part = |id| match id {
                    id if id == x => Part::Whole,
                    id if is_weight(self.program, id) => along(0, LANES),
                    _ => columns,
                };
                vec![self.cut(group, self.slices(w, 0), Split::Slices, part)]
            }
            Op::Conv2dGradInput(_) => {
                let dy = inputs[0];
                let part = |id| if id == dy { Part::Whole } else { columns };
                vec![self.cut(group, self.slices(outputs[0], 1), Split::Slices, part)]
            }
            Op::Conv2dGradWeight(_) => {
                let (x, dy) = (inputs[0], inputs[1]);
                let part = |id| match id {
                    id if id == x => Part::Whole,
                    id if id == dy => columns,
                    _ => along(0, LANES),
                };
                vec![self.cut(group, self.slices(outputs[0], 0), Split::Slices, part)]
            }
            Op::Dense(_) => {
                let (x, w) = (inputs[0], inputs[1]);
                let by_output = self.cut(group, self.slices(w, 0), Split::Slices, |id| {
                    self.dense_part(id, x, w, 0)
                });
                let by_input = self.cut(group, self.slices(x, 1), Split::Slices, |id| {
                    let written = id == *self.outputs(group).last().expect("a kernel writes");
                    if written {
                        Part::Partial
                    } else {
                        self.dense_part(id, x, w, 1)
                    }
                });
                // With the bias in another kernel, or another layer in this one, whole sums are needed.
                let ends_in_logits = self.outputs(group).last() == Some(&self.program.logits)
                    && self.makes_logits(operation);
                if ends_in_logits && self.partials_are_small(w) {
                    vec![by_input, by_output]
                } else {
                    vec![by_output]
                }
            }
            Op::DenseGradInput(_) => {
                let (dy, w) = (inputs[0], inputs[1]);
                let slices = self.slices(w, 1);
                let part = |id| if id == dy { Part::Whole } else { columns };
                vec![self.cut(group, slices, Split::Slices, part)]
            }
            Op::DenseGradWeight(_) => {
                let (x, dy) = (inputs[0], inputs[1]);
                let axis = self.weight_axis(group);
                let slices = self.slices(outputs[0], axis);
                let part = |id| match (id, axis) {
                    (id, 0) if id == x => Part::Whole,
                    (id, 1) if id == dy => Part::Whole,
                    (id, _) if id == x || id == dy => columns,
                    _ => along(axis, LANES),
                };
                vec![self.cut(group, slices, Split::Slices, part)]
            }
            Op::BiasGrad(_) => {
                let dy = inputs[0];
                let first = |id| if id == dy { Part::Whole } else { Part::First };
                let by_first = self.cut(group, None, Split::First, first);
                let by_column = self.cut(group, self.slices(dy, 1), Split::Slices, |_| columns);
                self.vector_cut(group, by_column, by_first)
            }
            Op::Round(_) if is_weight(self.program, inputs[0]) => {
                let axis = self.reader_axis(outputs[0]);
                let slices = self.slices(inputs[0], axis);
                vec![self.cut(group, slices, Split::Slices, |_| along(axis, LANES))]
            }
            Op::Adam(_) | Op::Sgd(_) | Op::Zeros(_) => {
                let parameter = *self.outputs(group).last().expect("a kernel writes");
                if is_weight(self.program, parameter) {
                    let axis = self.weight_axis(group);
                    let slices = self.slices(parameter, axis);
                    vec![self.cut(group, slices, Split::Slices, |_| along(axis, LANES))]
                } else {
                    let by_first = self.cut(group, None, Split::First, |_| Part::First);
                    let slices = self.slices(parameter, 1);
                    let by_column = self.cut(group, slices, Split::Slices, |_| columns);
                    self.vector_cut(group, by_column, by_first)
                }
            }
            Op::Bias(_)
            | Op::Round(_)
            | Op::Relu(_)
            | Op::ReluGrad(_)
            | Op::Activate(_)
            | Op::ActivateGrad(_)
            | Op::Add(_)
            | Op::BatchNorm(_)
            | Op::BatchNormEvaluation(_)
            | Op::BatchNormGrad(_)
            | Op::MaxPool(_)
            | Op::MaxPoolGrad(_)
            | Op::AvgPool(_)
            | Op::AvgPoolGrad(_)
            | Op::GlobalAvgPool(_)
            | Op::GlobalAvgPoolGrad(_) => {
                let slices = self.slices(outputs[0], 1);
                vec![self.cut(group, slices, Split::Slices, |_| columns)]
            }
            Op::SoftmaxCrossEntropy(_)
            | Op::SoftmaxCrossEntropyGrad(_)
            | Op::MeanSquaredError(_)
            | Op::MeanSquaredErrorGrad(_) => {
                vec![self.cut(group, None, Split::EachThread, |_| Part::Whole)]
            }
        }
    }

    /// Whether the partial sums of a dense layer that is cut along its inputs are no larger than
    /// what they are made of.
    fn partials_are_small(&self, w: TensorId) -> bool {
        let inputs = extent(self.program, w, 1);
        inputs.div_ceil(LANES) * outputs_of(self.program, w) <= inputs
    }

    /// The axis along which the product that reads these rounded weights first is likely cut.
    fn reader_axis(&self, rounded: TensorId) -> usize {
        let Some(reader) = self.uses.readers(rounded).first() else {
            return 0;
        };
        let reader = self.program.operation(*reader);
        match reader.op {
            Op::Dense(_) if self.makes_logits(reader) && self.partials_are_small(rounded) => 1,
            Op::Conv2dGradInput(_) => 1,
            _ => 0,
        }
    }

    /// Whether the sums of this dense layer, with the bias added, are the logits themselves. The softmax
    /// alone takes partial sums: whatever else stands behind the layer, as ReLU, needs whole ones.
    fn makes_logits(&self, dense: &Operation) -> bool {
        let logits = self.program.logits;
        let mut losses = self.operations(self.uses.readers(logits));
        if losses.any(|one| matches!(one.op, Op::MeanSquaredError(_))) {
            return false;
        }
        let sums = dense.outputs[0];
        let mut readers = self.operations(self.uses.readers(sums));
        sums == logits
            || readers.any(|one| matches!(one.op, Op::Bias(_)) && one.outputs.contains(&logits))
    }

    /// What a slice of a dense layer forward touches, cut along outputs (axis 0 of the weights)
    /// or inputs (axis 1).
    fn dense_part(&self, id: TensorId, x: TensorId, w: TensorId, axis: usize) -> Part {
        match axis {
            0 if id == x => Part::Whole,
            0 if id == w => along(0, LANES),
            0 => along(1, LANES),
            _ if id == x || id == w => along(1, LANES),
            _ => Part::First,
        }
    }

    /// A vector is cut as the forward pass has it.
    fn vector_cut(&self, group: &[OpId], by_column: Cut, by_first: Cut) -> Vec<Cut> {
        match self.forward_part(group) {
            Some(Part::First) => vec![by_first],
            _ => vec![by_column],
        }
    }

    /// What the forward pass touches of the parameter that this group updates or makes the
    /// gradient of: the update does the same, so that a parameter stays with its thread.
    fn forward_part(&self, group: &[OpId]) -> Option<Part> {
        let parameter = |id: TensorId| match self.program.tensor(id).role {
            Role::Gradient { of } => of,
            _ => id,
        };
        let written = self.outputs(group).into_iter().map(parameter);
        let first = written.filter_map(|id| self.first_parts[id.0]);
        first
            .min_by_key(|(number, _)| *number)
            .map(|(_, part)| part)
    }

    /// The axis along which the forward pass has cut the weights that this group updates.
    fn weight_axis(&self, group: &[OpId]) -> usize {
        match self.forward_part(group) {
            Some(Part::Along { axis, .. }) => axis,
            _ => 0,
        }
    }

    /// Whether what the group writes is stored as images.
    fn makes_images(&self, group: &[OpId]) -> bool {
        self.outputs(group)
            .into_iter()
            .filter(|id| self.is_wanted(*id, group))
            .any(|id| is_images(self.program, id))
    }

    fn slices(&self, id: TensorId, axis: usize) -> Option<usize> {
        Some(extent(self.program, id, axis).div_ceil(LANES))
    }

    fn operations(&self, group: &[OpId]) -> impl Iterator<Item = &Operation> {
        group.iter().map(|id| self.program.operation(*id))
    }

    fn outputs(&self, group: &[OpId]) -> Vec<TensorId> {
        self.operations(group)
            .flat_map(|operation| operation.outputs.clone())
            .collect()
    }

    /// A kernel of the group's operations: it reads what comes from outside and writes what
    /// others read; what only its own operations read never reaches memory.
    fn cut(
        &self,
        group: &[OpId],
        slices: Option<usize>,
        split: Split,
        part: impl Fn(TensorId) -> Part,
    ) -> Cut {
        let written = self.outputs(group);
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
        for operation in self.operations(group) {
            for &input in &operation.inputs {
                let role = &self.program.tensor(input).role;
                let given = matches!(role, Role::Pixels | Role::Labels);
                if !given && (!written.contains(&input) || role.is_persistent()) {
                    touch(input, false);
                }
            }
            for &output in &operation.outputs {
                if self.is_wanted(output, group) {
                    touch(output, true);
                }
            }
        }
        Cut {
            slices,
            kernel: Kernel {
                operations: group.to_vec(),
                split,
                accesses,
            },
        }
    }

    fn is_wanted(&self, output: TensorId, group: &[OpId]) -> bool {
        let tensor = self.program.tensor(output);
        // A batch norm that stands before all parameters makes a gradient of its input that nobody
        // reads. Its kernel stores it all the same: such images are small, and one kernel serves all.
        let is_norm_gradient = || {
            self.operations(group)
                .any(|one| matches!(one.op, Op::BatchNormGrad(_)) && one.outputs[0] == output)
        };
        let readers = self.uses.readers(output);
        // What a convolution's gradient makes, the gradient of a norm reads again when its sums are
        // there.
        let waits_for_sums = || {
            let of_norm =
                |one: &Operation| matches!(one.op, Op::BatchNormGrad(_)) && one.inputs[0] == output;
            let is_product = |one: &Operation| matches!(one.op, Op::Conv2dGradInput(_));
            self.operations(group).any(of_norm) && self.operations(group).any(is_product)
        };
        tensor.role.is_persistent()
            || matches!(tensor.role, Role::Metric)
            || output == self.program.logits
            || is_norm_gradient() && readers.is_empty()
            || waits_for_sums()
            || readers.iter().any(|id| !group.contains(id))
    }
}

fn is_cut(stage: &Stage) -> bool {
    stage
        .kernels
        .iter()
        .any(|kernel| kernel.split == Split::Slices)
}

fn along(axis: usize, width: usize) -> Part {
    Part::Along { axis, width }
}

fn outputs_of(program: &Program, weight: TensorId) -> usize {
    extent(program, weight, 0).next_multiple_of(LANES)
}
