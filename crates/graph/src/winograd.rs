//! Which products Winograd's way serves: candidates, as fusions are.

use crate::{
    class::Class,
    program::{Mode, OpId, Operation, Program},
    simplification::{Simplification, multiplied_pairs},
    tensor::{Role, TensorId},
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

/// All products that may be made so, in order.
pub(crate) fn candidates(program: &Program) -> Vec<OpId> {
    let summed = summed(program);
    let operations = program.operations_by_id();
    let served = operations.filter(|(_, own)| is_served(program, &summed, own));
    served.map(|(id, _)| id).collect()
}

impl Program {
    /// Whether Winograd's way serves a product, be it taken or not.
    pub fn may_be_by_winograd(&self, id: OpId) -> bool {
        self.winograd.binary_search(&id).is_ok()
    }

    /// Whether a product is made so where these simplifications are taken.
    pub fn by_winograd(&self, id: OpId, taken: &[Simplification]) -> bool {
        taken.contains(&Simplification::Winograd) && self.may_be_by_winograd(id)
    }
}

fn is_served(program: &Program, summed: &[bool], own: &Operation) -> bool {
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
    is_worth_it && !is_rounded && has_channels && !summed[own.outputs[0].0]
}

/// For each tensor whether a batch norm with the batch's statistics, or its gradient, sums up what is made of it value by
/// value, in one walk from the end.
fn summed(program: &Program) -> Vec<bool> {
    let mut summed = vec![false; program.tensors.len()];
    if program.mode != Mode::Training {
        return summed;
    }
    let is_gradient = |id: TensorId| matches!(program.tensor(id).role, Role::Gradient { .. });
    let are_alike = |one: TensorId, other: TensorId| {
        program.tensor(one).role == program.tensor(other).role
            || is_gradient(one) && is_gradient(other)
    };
    for own in program.operations.iter().rev() {
        let is_norm = own.op.definition().is_norm();
        let made = own.outputs[0];
        let goes_on = summed[made.0] && program.class(own) == Class::Pointwise;
        for &read in &own.inputs {
            summed[read.0] |= is_norm || goes_on && are_alike(read, made);
        }
    }
    summed
}
