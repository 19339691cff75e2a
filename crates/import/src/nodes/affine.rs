//! Constants for each channel: the bias of a layer that has none yet, or what is left of a batch norm that an exporter
//! has folded, γ·x + β.

use super::names::layer_name;
use crate::{
    constant::Constant,
    flow::{Flow, Place},
    messages::Node,
    net::{Layer, Net, Parameter, number},
    problem::Problem,
    walk::Walk,
};

/// Added to the variance of a folded batch norm, which is 1 less that.
const EPSILON: f64 = 1e-3;

/// Makes a bias or a batch norm of a constant for each channel; false where it is no such thing. `is_swapped`: the
/// constant stands before the value.
pub(super) fn as_layer<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    constant: &Constant<'a>,
    is_swapped: bool,
) -> Result<bool, Problem> {
    let name = node.given(usize::from(is_swapped)).unwrap_or_default();
    let channels = flow.shape().last().copied().unwrap_or(0);
    if !is_along_channels(flow, constant) || flow.order().is_some() && flow.shape().len() == 1 {
        return Ok(false);
    }
    let is_read_here_alone = walk.is_read_once(name, flow);
    let (scales, sign) = match node.op_type.as_str() {
        "Add" => (false, 1.0),
        "Sub" if !is_swapped => (false, -1.0),
        "Mul" => (true, 1.0),
        "Div" if !is_swapped => (true, -1.0),
        _ => return Ok(false),
    };
    if !scales
        && is_read_here_alone
        && let Some(layer) = walk.net.layer_mut(flow.place)
        && layer.has("bias", "false")
    {
        layer.set("bias", true);
        let mut bias = walk.parameter("bias", vec![channels], constant, None)?;
        bias.values
            .iter_mut()
            .flatten()
            .for_each(|one| *one *= sign);
        add_parameter(&mut walk.net, flow, bias);
        walk.set_flow(node, flow.clone());
        return Ok(true);
    }
    if constant.len() == 1 {
        return Ok(false);
    }
    let values = constant.doubles(walk.beside)?.into_iter();
    let values: Vec<f32> = match (scales, sign < 0.0) {
        (true, true) => values.map(|one| (1.0 / one) as f32).collect(),
        (_, true) => values.map(|one| -one as f32).collect(),
        _ => values.map(|one| one as f32).collect(),
    };
    let settled = walk.settled(flow)?;
    if !scales && is_read_here_alone && shifts(walk, &settled, &values) {
        walk.set_flow(node, settled);
        return Ok(true);
    }
    let layer = Layer::new("batch_norm", &[settled.place], settled.shape())
        .key("epsilon", number(EPSILON))
        .key("momentum", 0.99);
    let filled = |name, value| walk.filled(name, vec![channels], value);
    let mut parameters = [
        filled("weight", 1.0),
        filled("bias", 0.0),
        filled("running_mean", 0.0),
        filled("running_var", (1.0 - EPSILON) as f32),
    ];
    let which = if scales { 0 } else { 1 };
    parameters[which].values = walk.wants_weights.then_some(values);
    let layer = Layer {
        name: layer_name(node, constant),
        parameters: parameters.into(),
        ..layer
    };
    walk.norms_of_constants += 1;
    walk.folded_norms.push(walk.net.layers.len());
    walk.set_layer(node, layer, &settled);
    Ok(true)
}

fn add_parameter(net: &mut Net, flow: &Flow, parameter: Parameter) {
    if let Some(layer) = net.layer_mut(flow.place) {
        layer.parameters.push(parameter);
    }
}

/// Puts the shift into the batch norm that was made of the scale in front of it.
fn shifts(walk: &mut Walk, flow: &Flow, values: &[f32]) -> bool {
    let Place::Layer(number) = flow.place else {
        return false;
    };
    let Some(at) = walk.folded_norms.iter().position(|one| *one == number) else {
        return false;
    };
    walk.folded_norms.remove(at);
    let bias = walk.net.layers[number]
        .parameters
        .iter_mut()
        .find(|one| one.name == "bias");
    if let Some(known) = bias.and_then(|bias| bias.values.as_mut()) {
        known.copy_from_slice(values);
    }
    true
}

/// Whether a constant has a value for each channel and is the same everywhere else.
pub(super) fn is_along_channels(flow: &Flow, constant: &Constant) -> bool {
    let channels = (0..flow.dims.len()).find(|axis| flow.is_last(*axis));
    let Some(channels) = channels else {
        return false;
    };
    let all = flow.dims.len() + 1;
    let Some(before) = all.checked_sub(constant.dims.len()) else {
        return false;
    };
    let fits = |(place, dim): (usize, &usize)| match place + before {
        0 => *dim == 1,
        axis if axis - 1 == channels => *dim == flow.dims[channels],
        _ => *dim == 1,
    };
    let has_channels = channels + 1 >= before;
    has_channels && constant.dims.iter().enumerate().all(fits)
}
