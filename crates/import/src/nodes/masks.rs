//! Dropout that an exporter has spelled out: random numbers below the share that is kept, divided by it, times what
//! a layer gives. PyTorch's does so where dropout is done in place.

use crate::{
    constant::Constant,
    flow::Flow,
    messages::{Node, single},
    net::{Layer, number},
    problem::Problem,
    walk::{Extent, Mask, Value, Walk},
};

/// Numbers of any kind in a shape that has the number of samples in it: what random numbers are made like.
pub(super) fn shaped<'a>(walk: &mut Walk<'a>, node: &'a Node, shape: Vec<Extent>) {
    let mask = Mask {
        shape,
        kept: None,
        is_scaled: false,
    };
    walk.set(node, Value::Mask(mask));
}

pub(super) fn random<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let shape = match walk.value(node, 0)? {
        Value::Mask(mask) => mask.shape,
        _ => of_samples(&walk.loose(node, 0)?),
    };
    if node.float("low", 0.0) != 0.0 || node.float("high", 1.0) != 1.0 {
        return Err(refused());
    }
    shaped(walk, node, shape);
    Ok(())
}

fn of_samples(flow: &Flow) -> Vec<Extent> {
    let dims = flow.dims.iter().map(|dim| Extent::Known(*dim as i64));
    [Extent::Batch].into_iter().chain(dims).collect()
}

fn refused() -> Problem {
    let what = "it computes with random numbers that are no dropout";
    Problem::new(
        what,
        "laptime has dropout; its rate is the share that is dropped",
    )
}

/// What is done with random numbers and a constant: they are compared with the share that is kept, or divided by it.
pub(super) fn with_constant<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    mask: Mask,
    constant: &Constant,
) -> Result<(), Problem> {
    let value = constant.scalar(walk.beside)?.ok_or_else(refused)?;
    let is_kept = |kept: f64| (kept - value).abs() < 1e-6;
    let mask = match (node.op_type.as_str(), mask.kept) {
        ("Less", None) => Mask {
            kept: Some(value),
            ..mask
        },
        ("Div", Some(kept)) if is_kept(kept) => Mask {
            is_scaled: true,
            ..mask
        },
        _ => return Err(refused()),
    };
    walk.set(node, Value::Mask(mask));
    Ok(())
}

/// What a layer gives times a mask.
pub(super) fn applied<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    mask: &Mask,
) -> Result<(), Problem> {
    let (Some(kept), true, "Mul") = (mask.kept, mask.is_scaled, node.op_type.as_str()) else {
        return Err(refused());
    };
    if mask.shape != of_samples(flow) {
        let what = "it drops whole samples or channels, as stochastic depth does";
        let advice = "the nearest is dropout; call eval() on these modules before you export";
        return Err(Problem::new(what, advice));
    }
    let rate = single((1.0 - kept) as f32);
    if !(0.0..1.0).contains(&rate) {
        return Err(refused());
    }
    let flow = walk.settled(flow)?;
    // What is kept is written with seven digits, so that the rest has as many.
    let rate = (rate * 1e6).round() / 1e6;
    let layer = Layer::new("dropout", &[flow.place], flow.shape()).key("rate", number(rate));
    walk.set_layer(node, layer, &flow);
    Ok(())
}
