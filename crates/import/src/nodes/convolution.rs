//! Convolutions of one and two dimensions.

use super::{
    dense,
    names::layer_name,
    windows::{Window, channels_first},
};
use crate::{
    constant::Constant,
    flow::{Flow, Layout},
    messages::Node,
    net::Layer,
    problem::Problem,
    walk::Walk,
};

pub(super) fn conv<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let (flow, padding) = walk.padded(node)?;
    let weight = walk.constant(node, 1)?;
    let bias = walk.optional(node, 2)?.filter(|bias| !bias.is_nothing());
    let (filters, kernel) = match weight.dims.as_slice() {
        [filters, _, kernel @ ..] if [1, 2].contains(&kernel.len()) => (*filters, kernel.to_vec()),
        dims => {
            let what = format!("its weights have the shape {dims:?}");
            let advice = "laptime has convolutions of one and two dimensions";
            return Err(Problem::new(what, advice));
        }
    };
    let is_row = matches!(flow.layout, Layout::Row(_));
    if is_row && padding == [0; 4] && is_dense(node, &flow, &kernel) {
        return of_one_position(walk, node, &flow, &weight, bias.as_ref());
    }
    let [height, width, channels] = channels_first(walk, &flow)?;
    let groups = groups(node, channels, filters, weight.dims[1])?;
    let mut window = Window::read(node, [height, width], Some(&kernel))?;
    let is_automatic = node.text("auto_pad").starts_with("SAME");
    if is_automatic && padding != [0; 4] {
        let what = "it pads by itself what is padded already";
        return Err(Problem::new(what, "pad in one of both places"));
    }
    window.padded_by(padding);
    let [out_height, out_width] = window.output([height, width])?;
    let layer = Layer::new(
        "conv2d",
        &[flow.place],
        vec![out_height, out_width, filters],
    );
    let layer = layer.key("filters", filters);
    let layer = window.keys(layer, "kernel", [height, width]);
    let mut layer = layer.key("bias", bias.is_some());
    if groups != 1 {
        layer = layer.key("groups", groups);
    }
    let [kernel_height, kernel_width] = window.size;
    let shape = [filters, weight.dims[1], kernel_height, kernel_width];
    let output = [out_height, out_width, filters];
    add(walk, node, layer, (&weight, shape), bias.as_ref(), output)
}

/// Adds a layer that is complete but for its name and parameters: weights of this shape, and a bias where it has one.
/// ONNX's output has the axes that its weights have.
pub(super) fn add<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    mut layer: Layer,
    (weight, shape): (&Constant<'a>, [usize; 4]),
    bias: Option<&Constant<'a>>,
    [height, width, filters]: [usize; 3],
) -> Result<(), Problem> {
    layer.name = layer_name(node, weight);
    let weights = walk.parameter("weight", shape.to_vec(), weight, None)?;
    layer.parameters.push(weights);
    layer.parameters.extend(walk.bias(bias, filters)?);
    let dims = match weight.dims.len() {
        3 => vec![filters, width],
        _ => vec![filters, height, width],
    };
    let place = walk.net.add(layer);
    walk.set_flow(node, Flow::channels_first(place, dims));
    Ok(())
}

/// In how many groups channels and filters lie.
fn groups(node: &Node, channels: usize, filters: usize, reads: usize) -> Result<usize, Problem> {
    let groups = usize::try_from(node.int("group", 1)).unwrap_or(0);
    if groups == 0 || reads * groups != channels {
        let what = format!(
            "its weights read {reads} channels in {groups} groups, its input has {channels}"
        );
        return Err(Problem::new(what, "export the model again"));
    }
    if !filters.is_multiple_of(groups) {
        let what = format!("it has {groups} groups for {filters} filters");
        return Err(Problem::new(what, "export the model again"));
    }
    Ok(groups)
}

/// Whether a convolution over one position is a dense layer.
fn is_dense(node: &Node, flow: &Flow, kernel: &[usize]) -> bool {
    let is_one = kernel.iter().all(|size| *size == 1);
    let pads = node.ints("pads").iter().all(|pad| *pad == 0);
    is_one
        && pads
        && node.int("group", 1) == 1
        && flow.is_last(0)
        && flow.dims.len() == kernel.len() + 1
}

/// As in squeeze and excitation: behind a global pool there is one position.
fn of_one_position<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    weight: &Constant<'a>,
    bias: Option<&Constant<'a>>,
) -> Result<(), Problem> {
    let (units, inputs) = (weight.dims[0], weight.dims[1]);
    let weight = weight.clone().reshaped(vec![units, inputs]);
    let mut dims = vec![1; flow.dims.len()];
    dims[0] = units;
    dense::add(walk, node, flow, &weight, bias, dims)
}
