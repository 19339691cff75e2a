//! Which products Winograd's way serves: candidates, as fusions are.

use crate::{
    class::Class,
    program::{Mode, OpId, Operation, Program},
    simplification::{Simplification, multiplied_pairs},
    tensor::{Role, TensorId},
    uses::Uses,
};

/// Sums over fewer channels do not pay for the transformation of their results, and fewer channels of results not for
/// that of what they are made of. (`docs/performance.md`)
const LEAST_CHANNELS: usize = 32;

/// The largest share of multiplications that is still worth it: of maps of 2×2 it would be 16 for 16.
const WORTH_IT: f64 = 0.7;

/// How many pairs of a position and a component are multiplied for results of this height and width.
pub(crate) fn component_pairs([height, width]: [usize; 2]) -> usize {
    16 * height.div_ceil(2) * width.div_ceil(2)
}

/// All products that may be made so.
pub(crate) fn candidates(program: &Program) -> Vec<OpId> {
    let uses = Uses::of(program);
    let operations = program.operations_by_id();
    let served = operations.filter(|(_, own)| is_served(program, &uses, own));
    served.map(|(id, _)| id).collect()
}

fn is_served(program: &Program, uses: &Uses, own: &Operation) -> bool {
    let Some(window) = own.op.definition().winograd_window() else {
        return false;
    };
    let (read, made) = (
        program.tensor(own.inputs[0]),
        program.tensor(own.outputs[0]),
    );
    let [from, to] = [read, made].map(|tensor| [tensor.shape[1], tensor.shape[2]]);
    // The gradient's results are as large as what the forward product reads.
    let (input, output) = match made.role {
        Role::Activation => (from, to),
        _ => (to, from),
    };
    let direct = multiplied_pairs(&window, input, output, &Simplification::OF_PADDING);
    let is_worth_it = component_pairs(to) as f64 <= WORTH_IT * direct as f64;
    let is_rounded = matches!(read.role, Role::Rounded { .. });
    let has_channels = read.shape[3].min(made.shape[3]) >= LEAST_CHANNELS;
    // A norm's sums are made in the order of positions while results are in registers.
    is_worth_it && !is_rounded && has_channels && !feeds_sums(program, uses, own.outputs[0])
}

/// Whether a batch norm, or its gradient, sums up what is made of a tensor value by value.
fn feeds_sums(program: &Program, uses: &Uses, tensor: TensorId) -> bool {
    uses.readers(tensor).iter().any(|id| {
        let reader = program.operation(*id);
        let is_norm = reader.op.definition().is_norm();
        let goes_on = program.class(reader) == Class::Pointwise && !is_norm;
        let made = &program.tensor(reader.outputs[0]).role;
        let same_direction = *made == program.tensor(tensor).role
            || matches!(made, Role::Gradient { .. })
                && matches!(program.tensor(tensor).role, Role::Gradient { .. });
        is_norm && program.mode == Mode::Training
            || goes_on && same_direction && feeds_sums(program, uses, reader.outputs[0])
    })
}
