//! Operators on single values: with constants, and with each other.

use super::{affine, channels, functions, joins, masks};
use crate::{
    activations::Function,
    constant::Constant,
    flow::{Flow, Layout},
    messages::Node,
    pointwise::Operand,
    problem::Problem,
    walk::{Extent, Value, Walk, Whole},
};

pub(super) fn unary<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let function = functions::of_one(walk, node)?;
    if let Value::Constant(constant) = walk.value(node, 0)? {
        return folded(walk, node, &function, &[constant]);
    }
    let flow = walk.loose(node, 0)?;
    let Some(function) = channels::unary(walk, node, &flow, function)? else {
        return Ok(());
    };
    add(
        walk,
        node,
        function,
        vec![Operand::Value(flow.place)],
        &flow,
        None,
    )
}

/// One value or another, by a third: a formula's parts, as PyTorch spells out softplus.
pub(super) fn choice<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let mut like: Option<Flow> = None;
    let mut operands = Vec::new();
    for place in 0..3 {
        operands.push(match walk.value(node, place)? {
            Value::Constant(constant) if constant.len() == 1 => {
                Operand::Scalar(constant.doubles(walk.beside)?[0])
            }
            _ => {
                let flow = walk.loose(node, place)?;
                if like
                    .as_ref()
                    .is_some_and(|like| like.dims != flow.dims || like.order() != flow.order())
                {
                    let what = "it chooses between values of two shapes";
                    return Err(Problem::new(what, "the nearest is an activation"));
                }
                let place = Operand::Value(flow.place);
                like.get_or_insert(flow);
                place
            }
        });
    }
    let Some(like) = like else {
        return Err(Problem::new(
            "it chooses between constants",
            "export the model with its constants folded",
        ));
    };
    let function: Function = Box::new(|x| if x[0] == 0.0 { x[2] } else { x[1] });
    add(walk, node, function, operands, &like, None)
}

pub(super) fn arithmetic<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    if node.input.len() != 2 {
        let what = format!("it has {} inputs", node.input.len());
        return Err(Problem::new(
            what,
            "the nearest are several layers of two inputs each",
        ));
    }
    let (function, joins) = functions::of_two(&node.op_type);
    let of_two = move || -> Function { Box::new(move |values| function(values[0], values[1])) };
    if channels::arithmetic(walk, node, of_two)? {
        return Ok(());
    }
    let function = of_two();
    match (walk.value(node, 0)?, walk.value(node, 1)?) {
        (Value::Flow(one), Value::Flow(other)) => {
            let (mut one, mut other) = (one, other);
            let is_row = |flow: &Flow| matches!(flow.layout, Layout::Row(_));
            let is_mixed = is_row(&one) != is_row(&other);
            if one.dims != other.dims || (is_mixed && node.op_type == "Mul") {
                return joins::gate(walk, node, &[one, other]);
            }
            if is_mixed {
                // An image of one position, and what a global pool gives.
                (one, other) = (walk.row(&one)?, walk.row(&other)?);
            }
            if one.layout != other.layout && one.order() != other.order() {
                let what = "it computes with values in two orders";
                return Err(Problem::new(what, "flatten both in the same way"));
            }
            let operands = vec![Operand::Value(one.place), Operand::Value(other.place)];
            add(walk, node, function, operands, &one, joins)
        }
        (Value::Flow(flow), Value::Constant(constant)) => {
            if affine::as_layer(walk, node, &flow, &constant, false)? {
                return Ok(());
            }
            let scalar = Operand::Scalar(scalar(walk, &constant, &flow)?);
            add(
                walk,
                node,
                function,
                vec![Operand::Value(flow.place), scalar],
                &flow,
                None,
            )
        }
        (Value::Constant(constant), Value::Flow(flow)) => {
            if affine::as_layer(walk, node, &flow, &constant, true)? {
                return Ok(());
            }
            let scalar = Operand::Scalar(scalar(walk, &constant, &flow)?);
            add(
                walk,
                node,
                function,
                vec![scalar, Operand::Value(flow.place)],
                &flow,
                None,
            )
        }
        (Value::Mask(mask), Value::Constant(constant)) => {
            masks::with_constant(walk, node, mask, &constant)
        }
        (Value::Flow(flow), Value::Mask(mask)) | (Value::Mask(mask), Value::Flow(flow)) => {
            masks::applied(walk, node, &flow, &mask)
        }
        (Value::Constant(one), Value::Constant(other)) if !one.is_whole() => {
            folded(walk, node, &function, &[one, other])
        }
        _ => of_sizes(walk, node),
    }
}

/// A constant of one value, whose axes do not make its layer's more.
fn scalar(walk: &Walk, constant: &Constant, flow: &Flow) -> Result<f64, Problem> {
    let fits = constant.dims.len() <= flow.dims.len() + 1;
    match constant.scalar(walk.beside)? {
        // In single precision 0.044715 has eight digits.
        Some(value) if fits => Ok(value),
        _ => {
            let what = format!(
                "it computes with a constant of the shape {:?}, its other input has {:?} a sample",
                constant.dims, flow.dims
            );
            Err(Problem::new(
                what,
                "laptime has scales and shifts of channels in a batch_norm alone",
            ))
        }
    }
}

fn add<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    function: Function,
    operands: Vec<Operand>,
    like: &Flow,
    joins: Option<&'static str>,
) -> Result<(), Problem> {
    let (shape, title) = (like.shape(), node.title());
    let place = walk
        .expressions
        .add(&mut walk.net, function, operands, shape, joins, title)?;
    walk.set_flow(node, like.at(place));
    Ok(())
}

/// Far more than a layer has channels.
const MOST_FOLDED: usize = 1 << 20;

/// Constants of one shape, or with a scalar among them.
fn folded<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    function: &Function,
    constants: &[Constant<'a>],
) -> Result<(), Problem> {
    let longest = constants
        .iter()
        .max_by_key(|one| (one.len(), one.dims.len()));
    let dims = longest.map(|one| one.dims.clone()).unwrap_or_default();
    if constants
        .iter()
        .any(|one| one.len() != 1 && one.dims != dims)
    {
        let what = "it computes with constants of different shapes";
        return Err(Problem::new(
            what,
            "export the model with its constants folded",
        ));
    }
    if constants.iter().any(|one| one.len() > MOST_FOLDED) {
        let what = "it computes with more constants than sizes and scales have";
        return Err(Problem::new(
            what,
            "export the model with its constants folded",
        ));
    }
    let values = constants.iter().map(|one| one.doubles(walk.beside));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let count = dims.iter().product::<usize>();
    let result = (0..count).map(|at| {
        let operands: Vec<f64> = values
            .iter()
            .map(|of| if of.len() == 1 { of[0] } else { of[at] })
            .collect();
        function(&operands)
    });
    let result = result.collect();
    walk.set(node, Value::Constant(Constant::made(dims, result)));
    Ok(())
}

/// Sizes computed of sizes: one of them may be the number of samples only where nothing is done with it.
fn of_sizes<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let (one, other) = (walk.whole(node, 0)?, walk.whole(node, 1)?);
    let unknown = || {
        let what = "it computes with the number of samples, or with sizes that do not fit";
        Problem::new(what, "export the model with fixed sizes but for the batch")
    };
    let count = one.numbers.len().max(other.numbers.len());
    let at = |of: &Whole, at: usize| match of.numbers.as_slice() {
        [single] => Some(*single),
        numbers => numbers.get(at).copied(),
    };
    let numbers = (0..count).map(|place| match (at(&one, place)?, at(&other, place)?) {
        (Extent::Known(a), Extent::Known(b)) => whole(&node.op_type, a, b).map(Extent::Known),
        (Extent::Batch, Extent::Known(1)) if ["Mul", "Div"].contains(&node.op_type.as_str()) => {
            Some(Extent::Batch)
        }
        (Extent::Known(1), Extent::Batch) if node.op_type == "Mul" => Some(Extent::Batch),
        _ => None,
    });
    let numbers = numbers.collect::<Option<Vec<_>>>().ok_or_else(unknown)?;
    let is_scalar = one.is_scalar && other.is_scalar;
    walk.set(node, Value::Whole(Whole { numbers, is_scalar }));
    Ok(())
}

fn whole(op_type: &str, a: i64, b: i64) -> Option<i64> {
    match op_type {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Max" => Some(a.max(b)),
        "Min" => Some(a.min(b)),
        _ => None,
    }
}
