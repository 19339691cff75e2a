//! What a training has no layer for, or decides by itself.

use crate::{
    messages::Node,
    net::{Layer, number},
    problem::Problem,
    walk::{Walk, axis},
};

pub(super) fn identity<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let value = walk.value(node, 0)?;
    walk.set(node, value);
    Ok(())
}

pub(super) fn dropout<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let rate = match walk.optional(node, 1)? {
        Some(rate) => rate.scalar(walk.beside)?.unwrap_or(0.5),
        None => node.float("ratio", 0.5),
    };
    let rate = crate::messages::single(rate as f32);
    if !(0.0..1.0).contains(&rate) {
        let what = format!("its ratio is {rate}");
        return Err(Problem::new(
            what,
            "drop a share of at least 0 and less than 1",
        ));
    }
    let flow = walk.flow(node, 0)?;
    match rate == 0.0 {
        true => walk.set_flow(node, flow),
        false => {
            let layer =
                Layer::new("dropout", &[flow.place], flow.shape()).key("rate", number(rate));
            walk.set_layer(node, layer, &flow);
        }
    }
    Ok(())
}

/// The loss has it.
pub(super) fn softmax<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.loose(node, 0)?;
    let of = axis(node.int("axis", -1), &flow.dims)?;
    let is_of_all = of.is_some_and(|of| flow.dims[of] == flow.values());
    if !walk.is_end(node) || !is_of_all {
        let what = "it is not the end of the model";
        let advice = "laptime has softmax in its loss alone, and no attention";
        return Err(Problem::new(what, advice));
    }
    walk.remarks.push(format!(
        "{} at the end is left out: the loss softmax-cross-entropy has it",
        node.op_type
    ));
    walk.set_flow(node, flow);
    Ok(())
}
