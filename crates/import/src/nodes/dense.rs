//! Dense layers: products with a matrix of weights.

use super::names::layer_name;
use crate::{
    constant::Constant,
    flow::{Flow, Layout},
    messages::Node,
    net::Layer,
    problem::Problem,
    walk::{Value, Walk},
};

pub(super) fn gemm<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let is_plain = node.float("alpha", 1.0) == 1.0 && node.int("transA", 0) == 0;
    let bias = walk.optional(node, 2)?.filter(|bias| !bias.is_nothing());
    if !is_plain || (bias.is_some() && node.float("beta", 1.0) != 1.0) {
        let what = "it scales or transposes what it reads";
        return Err(Problem::new(what, "the nearest is a dense layer: x·Wᵀ + b"));
    }
    let flow = walk.loose(node, 0)?;
    let mut weight = matrix(walk, node)?;
    if node.int("transB", 0) == 0 {
        weight = weight.transposed(&[1, 0]);
    }
    let dims = vec![weight.dims[0]];
    add(walk, node, &flow, &weight, bias.as_ref(), dims)
}

pub(super) fn mat_mul<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    if let Value::Flow(_) = walk.value(node, 1)? {
        let what = "it multiplies what two layers give, as attention does";
        return Err(Problem::new(
            what,
            "laptime has products with weights alone",
        ));
    }
    let flow = walk.loose(node, 0)?;
    let weight = matrix(walk, node)?.transposed(&[1, 0]);
    let mut dims = flow.dims.clone();
    match dims.last_mut() {
        Some(last) => *last = weight.dims[0],
        None => return Err(Problem::new("it reads one value a sample", "give it a row")),
    }
    let is_image = matches!(flow.layout, Layout::Image(_)) && flow.dims.len() > 1;
    match is_image {
        true => of_each_position(walk, node, &flow, &weight, dims),
        false => add(walk, node, &flow, &weight, None, dims),
    }
}

fn matrix<'a>(walk: &Walk<'a>, node: &Node) -> Result<Constant<'a>, Problem> {
    let weight = walk.constant(node, 1)?;
    match weight.dims.len() {
        2 => Ok(weight),
        _ => {
            let what = format!("its weights have the shape {:?}", weight.dims);
            Err(Problem::new(
                what,
                "laptime has dense layers with a matrix of weights",
            ))
        }
    }
}

/// A dense layer; `weight` has the shape (units, inputs), `dims` is the shape of what ONNX makes of it.
pub(super) fn add<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    weight: &Constant<'a>,
    bias: Option<&Constant<'a>>,
    dims: Vec<usize>,
) -> Result<(), Problem> {
    let &[units, inputs] = weight.dims.as_slice() else {
        return Err(Problem::new(
            "its weights are no matrix",
            "export the model again",
        ));
    };
    let values = flow.values();
    if values != inputs || flow.dims.iter().filter(|dim| **dim != 1).count() > 1 {
        let what = format!(
            "its weights read {inputs} values, its input has the shape {:?}",
            flow.dims
        );
        return Err(Problem::new(what, "put a Flatten in front of it"));
    }
    let row = walk.row(flow)?;
    let Layout::Row(order) = row.layout else {
        return Err(Problem::new(
            "its input is no row",
            "put a Flatten in front of it",
        ));
    };
    let mut layer = Layer::new("dense", &[row.place], vec![units]);
    layer = layer.key("units", units).key("bias", bias.is_some());
    layer.name = layer_name(node, weight);
    let shape = vec![units, inputs];
    layer
        .parameters
        .push(walk.parameter("weight", shape, weight, order.as_ref())?);
    layer.parameters.extend(walk.bias(bias, units)?);
    let place = walk.net.add(layer);
    walk.set_flow(
        node,
        Flow {
            place,
            dims,
            layout: Layout::Row(None),
        },
    );
    Ok(())
}

/// A product with the channels of each position: a convolution with a kernel of 1×1.
fn of_each_position<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    weight: &Constant<'a>,
    dims: Vec<usize>,
) -> Result<(), Problem> {
    let flow = walk.settled(flow)?;
    let [height, width, channels] = walk.image(&flow)?;
    if !flow.is_last(flow.dims.len() - 1) || weight.dims[1] != channels {
        let what = "it multiplies along an axis that is not its input's channels";
        return Err(Problem::new(
            what,
            "the nearest is a 1×1 convolution over the channels",
        ));
    }
    let filters = weight.dims[0];
    let layer = Layer::new("conv2d", &[flow.place], vec![height, width, filters]);
    let layer = layer
        .key("filters", filters)
        .key("kernel", 1)
        .key("stride", 1);
    let mut layer = layer.key("padding", "\"valid\"").key("bias", false);
    layer.name = layer_name(node, weight);
    let shape = vec![filters, channels, 1, 1];
    layer
        .parameters
        .push(walk.parameter("weight", shape, weight, None)?);
    let place = walk.net.add(layer);
    walk.set_flow(
        node,
        Flow {
            place,
            dims,
            ..flow
        },
    );
    Ok(())
}
