//! Which products Winograd's way serves: candidates, as fusions are.

use crate::{
    class::Class,
    program::{Mode, OpId, Operation, Program},
    simplification::{Simplification, multiplied_pairs},
    tensor::{Role, Tensor, TensorId},
};

/// Sums over fewer channels do not pay for the transformation of their results, and fewer channels of results not for
/// that of what they are made of; for gradients of weights it is as for the products forward.
/// (`docs/performance.md`)
const LEAST_CHANNELS: usize = 32;

/// The largest share of multiplications that is still worth it: of maps of 2×2 it would be 16 for 16.
const WORTH_IT: f64 = 0.7;

/// How many pairs of a position and a component are multiplied, of a product that is made so.
pub(crate) fn component_pairs(program: &Program, own: &Operation) -> usize {
    // Tiles are of what a product makes; the gradient of weights has them of dy, which it reads.
    let [height, width] = height_and_width(images(program, own)[1]);
    16 * height.div_ceil(2) * width.div_ceil(2)
}

/// The images of a product, what is read first: x and y; dy and dx; or x and dy.
fn images<'a>(program: &'a Program, own: &Operation) -> [&'a Tensor; 2] {
    let tensors = own.inputs.iter().chain(&own.outputs);
    let mut images = tensors
        .map(|id| program.tensor(*id))
        .filter(|tensor| tensor.is_images());
    std::array::from_fn(|_| images.next().expect("a convolution has two images"))
}

fn height_and_width(images: &Tensor) -> [usize; 2] {
    [images.shape[1], images.shape[2]]
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
    let [read, other] = images(program, own);
    let [from, to] = [read, other].map(height_and_width);
    // The gradient of inputs has results as large as what the forward product reads.
    let (input, output) = match read.role {
        Role::Gradient { .. } => (to, from),
        _ => (from, to),
    };
    let direct = multiplied_pairs(&window, input, output, &Simplification::OF_PADDING);
    let is_worth_it = component_pairs(program, own) as f64 <= WORTH_IT * direct as f64;
    let is_rounded = matches!(read.role, Role::Rounded { .. });
    let has_channels = read.shape[3].min(other.shape[3]) >= LEAST_CHANNELS;
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
