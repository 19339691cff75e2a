use laptime_graph::{
    Axis, CHANNELS, Dense, DenseGradInput, DenseGradWeight, INPUTS, OUTPUTS, Op, Operation,
    SAMPLES, TensorId, schedule::Part,
};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, BY_INPUTS, BY_OUTPUTS, are_idle, sixteen},
    update::gradient_use,
};
use crate::{
    extents::{extent, is_weight},
    kernels::{self, DenseCut},
    simd::LANES,
};

impl CpuOp for Dense {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (x, w) = (at.main().inputs[0], at.main().inputs[1]);
        let by_output = at.sliced(w, OUTPUTS, |id| match id {
            id if id == x => Part::Whole,
            id if id == w => BY_OUTPUTS,
            _ => BY_CHANNELS,
        });
        let last = *at.outputs().last().expect("a kernel writes");
        let by_input = at.sliced(x, CHANNELS, |id| match id {
            id if id == last => Part::Partial,
            id if id == x => BY_CHANNELS,
            id if id == w => BY_INPUTS,
            _ => Part::First,
        });
        // With the bias in another kernel, or another layer in this one, whole sums are needed.
        let ends_in_logits = last == at.program.logits && makes_logits(at, at.main());
        let whole = by_rows(at).unwrap_or(by_output);
        match at.partial_logits {
            _ if !ends_in_logits || !partials_are_small(at, w) => vec![whole],
            None => vec![by_input, whole],
            Some(true) => vec![by_input],
            Some(false) => vec![whole],
        }
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let inputs = &group.main.inputs;
        let bias = group.find(|op| matches!(op, Op::Bias(_)));
        Task::Dense(kernels::Dense {
            x: at.matrix(inputs[0]),
            w: at.place(inputs[1]),
            y: at.matrix(group.stored()),
            bias: bias.map(|bias| at.place(bias.inputs[1])),
            epilogue: group.epilogue(|id| at.matrix(id)),
            cut: cut(group, inputs[1]),
            tiles: group.tiles(group.stored()),
        })
    }
}

impl CpuOp for DenseGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (dy, w) = (at.main().inputs[0], at.main().inputs[1]);
        if let Some(by_rows) = by_rows(at) {
            return vec![by_rows];
        }
        vec![at.sliced(w, INPUTS, |id| match id {
            id if id == dy => Part::Whole,
            id if id == w => BY_INPUTS,
            _ => BY_CHANNELS,
        })]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::DenseGradInput(kernels::DenseGradInput {
            dy: at.matrix(group.main.inputs[0]),
            w: at.place(group.main.inputs[1]),
            dx: at.matrix(group.last().outputs[0]),
            other: group.other().map(|id| at.matrix(id)),
            epilogue: group.gradient_epilogue(|id| at.matrix(id)),
            tiles: group.tiles(group.last().outputs[0]),
        })
    }
}

impl CpuOp for DenseGradWeight {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (x, dy) = (at.main().inputs[0], at.main().inputs[1]);
        let (dw, axis) = (at.main().outputs[0], at.weight_axis());
        if axis == OUTPUTS && are_idle(at.program, dw, (OUTPUTS, INPUTS), at.threads) {
            return vec![at.tiled(dw, (OUTPUTS, Some(INPUTS)), |id, own| match id {
                id if id == x || id == dy => Part::Whole,
                id if is_weight(at.program, id) => own,
                _ => Part::Whole,
            })];
        }
        vec![at.sliced(at.main().outputs[0], axis, |id| match id {
            id if id == x && axis == OUTPUTS => Part::Whole,
            id if id == dy && axis == INPUTS => Part::Whole,
            id if id == x || id == dy => BY_CHANNELS,
            _ => sixteen(axis),
        })]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::DenseGradWeight(kernels::DenseGradWeight {
            x: at.matrix(group.main.inputs[0]),
            dy: at.matrix(group.main.inputs[1]),
            to: gradient_use(group, at),
            cut: cut(group, group.last().outputs[0]),
            tiles: group.tiles(group.last().outputs[0]),
        })
    }
}

/// Sixteen columns of what a product makes a slice, in pieces of the rows: where slices alone leave threads idle. Who has
/// a piece reads all weights of its columns, so they do not stay with one thread.
fn by_rows(at: &Arranging) -> Option<Cut> {
    let (read, made) = (at.main().inputs[0], at.main().outputs[0]);
    let part = |id: TensorId, own| match at.program.tensor(id).has(Axis::Batch) {
        true if id != read => own,
        _ => Part::Whole,
    };
    is_cut_by_rows(at, made).then(|| at.tiled(made, (CHANNELS, Some(SAMPLES)), part))
}

/// Whether that is how this product is made.
pub(super) fn is_cut_by_rows(at: &Arranging, made: TensorId) -> bool {
    let rows = at.program.tensor(made).elements() / extent(at.program, made, CHANNELS);
    rows == extent(at.program, made, SAMPLES)
        && are_idle(at.program, made, (CHANNELS, SAMPLES), at.threads)
}

/// Whether the sums of this dense layer, with the bias added, are the logits themselves. The softmax
/// alone takes partial sums: whatever else stands behind the layer, as ReLU, needs whole ones.
pub(super) fn makes_logits(at: &Arranging, dense: &Operation) -> bool {
    let logits = at.program.logits;
    let readers = |id| {
        let readers = at.uses.readers(id).iter();
        readers.map(|id| at.program.operation(*id))
    };
    if readers(logits).any(|one| matches!(one.op, Op::MeanSquaredError(_))) {
        return false;
    }
    let sums = dense.outputs[0];
    sums == logits
        || readers(sums).any(|one| matches!(one.op, Op::Bias(_)) && one.outputs.contains(&logits))
}

/// Whether the partial sums of a dense layer that is cut along its inputs are no larger than
/// what they are made of.
pub(super) fn partials_are_small(at: &Arranging, w: TensorId) -> bool {
    let [outputs, inputs] = [OUTPUTS, INPUTS].map(|axis| extent(at.program, w, axis));
    inputs.div_ceil(LANES) * outputs.next_multiple_of(LANES) <= inputs
}

fn cut(group: &Group, weight: TensorId) -> DenseCut {
    match group.part(weight) {
        Part::Along { axes: INPUTS, .. } => DenseCut::Inputs,
        _ => DenseCut::Outputs,
    }
}
