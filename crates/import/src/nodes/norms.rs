//! Normalisations.

use super::names::layer_name;
use crate::{
    flow::Flow,
    messages::Node,
    net::{Layer, number},
    problem::Problem,
    walk::{Walk, axis},
};

pub(super) fn batch_norm<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    if !flow.is_last(0) {
        let what = "it normalizes an axis that is not its input's channels";
        return Err(Problem::new(
            what,
            "the nearest is a BatchNormalization of channels",
        ));
    }
    let layer = Layer::new("batch_norm", &[flow.place], flow.shape())
        .key("epsilon", number(node.float("epsilon", 1e-5)))
        .key("momentum", number(node.float("momentum", 0.9)));
    const NAMES: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
    with_channels(walk, node, &flow, layer, &NAMES)
}

pub(super) fn layer_norm<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    let first = axis(node.int("axis", -1), &flow.dims)?;
    let last = flow.dims.len().checked_sub(1);
    if first.is_none() || first != last || !flow.is_last(last.unwrap_or(0)) {
        let what = "it normalizes more than the channels of each position, or a part of a row";
        let advice = "the nearest is a LayerNormalization of channels, or a batch_norm";
        return Err(Problem::new(what, advice));
    }
    let layer = Layer::new("layer_norm", &[flow.place], flow.shape())
        .key("epsilon", number(node.float("epsilon", 1e-5)));
    with_channels(walk, node, &flow, layer, &["weight", "bias"])
}

/// Adds a layer with a parameter for each channel under each of these names.
fn with_channels<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    mut layer: Layer,
    names: &[&'static str],
) -> Result<(), Problem> {
    let channels = layer.shape.last().copied().unwrap_or(0);
    // A row may be a flattened image; an image's channels have one order.
    let order = match layer.shape.len() {
        1 => flow.order(),
        _ => None,
    };
    for (place, name) in names.iter().enumerate() {
        let parameter = match walk.optional(node, place + 1)? {
            None if place > 0 => walk.filled(name, vec![channels], 0.0),
            None => walk.filled(name, vec![channels], 1.0),
            Some(constant) if constant.len() != channels => {
                let what = format!("it has {} values for {channels} channels", constant.len());
                return Err(Problem::new(what, "export the model again"));
            }
            Some(constant) => {
                if place == 0 {
                    layer.name = layer_name(node, &constant);
                }
                walk.parameter(name, vec![channels], &constant, order.as_ref())?
            }
        };
        layer.parameters.push(parameter);
    }
    walk.set_layer(node, layer, flow);
    Ok(())
}
