//! What is known before any training: constants, and sizes computed of shapes.

use super::masks;
use crate::{
    constant::{Constant, is_possible},
    messages::{Node, single},
    problem::Problem,
    walk::{Extent, Value, Walk, Whole},
};

pub(super) fn constant<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let value = if let Some(tensor) = node.attribute("value").and_then(|one| one.t.as_ref()) {
        Constant::stored(tensor)?
    } else if let Some(one) = node.attribute("value_float") {
        Constant::made(Vec::new(), vec![single(one.f)])
    } else if let Some(one) = node.attribute("value_int") {
        Constant::made(Vec::new(), vec![one.i as f64])
    } else if let Some(one) = node.attribute("value_floats") {
        let values: Vec<f64> = one.floats.iter().map(|one| single(*one)).collect();
        Constant::made(vec![values.len()], values)
    } else if let Some(one) = node.attribute("value_ints") {
        let values: Vec<f64> = one.ints.iter().map(|one| *one as f64).collect();
        Constant::made(vec![values.len()], values)
    } else {
        let what = "its constant is no list of numbers";
        return Err(Problem::new(what, "laptime has numbers alone"));
    };
    walk.set(node, Value::Constant(value));
    Ok(())
}

pub(super) fn shape<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let all: Vec<Extent> = match walk.value(node, 0)? {
        Value::Constant(constant) => known(&constant.dims).collect(),
        _ => {
            let flow = walk.loose(node, 0)?;
            [Extent::Batch]
                .into_iter()
                .chain(known(&flow.dims))
                .collect()
        }
    };
    let rank = all.len() as i64;
    let place = |number: i64| (if number < 0 { number + rank } else { number }).clamp(0, rank);
    let (start, end) = (place(node.int("start", 0)), place(node.int("end", rank)));
    let numbers = all.get(start as usize..end as usize).unwrap_or_default();
    walk.set(node, Value::Whole(Whole::list(numbers.to_vec())));
    Ok(())
}

fn known(dims: &[usize]) -> impl Iterator<Item = Extent> {
    dims.iter().map(|dim| Extent::Known(*dim as i64))
}

pub(super) fn gather<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    of_numbers(walk, node)?;
    let from = walk.whole(node, 0)?.numbers;
    let wanted = walk.whole(node, 1)?;
    let numbers = wanted.numbers.iter().map(|number| match number {
        Extent::Known(at) => {
            let at = if *at < 0 { at + from.len() as i64 } else { *at };
            usize::try_from(at)
                .ok()
                .and_then(|at| from.get(at))
                .copied()
        }
        Extent::Batch => None,
    });
    let numbers = numbers.collect::<Option<Vec<_>>>().ok_or_else(|| {
        let what = format!("it takes what is not there of {} numbers", from.len());
        Problem::new(what, "export the model again")
    })?;
    let is_scalar = wanted.is_scalar;
    walk.set(node, Value::Whole(Whole { numbers, is_scalar }));
    Ok(())
}

/// A part of a value of the net is nothing that laptime has.
fn of_numbers(walk: &Walk, node: &Node) -> Result<(), Problem> {
    match walk.value(node, 0)? {
        Value::Flow(_) => {
            let what = "it takes a part of what a layer gives";
            Err(Problem::new(what, "laptime's layers read all of it"))
        }
        _ => Ok(()),
    }
}

pub(super) fn slice<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    of_numbers(walk, node)?;
    let from = walk.whole(node, 0)?.numbers;
    let one = |place: usize, attribute: &str| -> Result<Option<i64>, Problem> {
        Ok(walk
            .known(node, place, attribute)?
            .and_then(|all| all.first().copied()))
    };
    let count = from.len() as i64;
    let place =
        |at: i64| (if at < 0 { at.saturating_add(count) } else { at }).clamp(0, count) as usize;
    let (start, end) = (
        one(1, "starts")?.unwrap_or(0),
        one(2, "ends")?.unwrap_or(count),
    );
    if one(4, "steps")?.unwrap_or(1) != 1 {
        return Err(Problem::new(
            "it takes every other number",
            "export the model again",
        ));
    }
    let numbers = from
        .get(place(start)..place(end))
        .unwrap_or_default()
        .to_vec();
    walk.set(node, Value::Whole(Whole::list(numbers)));
    Ok(())
}

pub(super) fn product<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    of_numbers(walk, node)?;
    let all = walk.known(node, 0, "")?.unwrap_or_default();
    let product = all
        .iter()
        .try_fold(1_i64, |all, one| all.checked_mul(*one))
        .ok_or_else(|| Problem::new("its product is too large", "export the model again"))?;
    let is_scalar = node.int("keepdims", 1) == 0;
    let numbers = vec![Extent::Known(product)];
    walk.set(node, Value::Whole(Whole { numbers, is_scalar }));
    Ok(())
}

pub(super) fn cast<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    const FLOATS: [i64; 4] = [1, 10, 11, 16];
    let value = walk.value(node, 0)?;
    if matches!(value, Value::Flow(_)) && !FLOATS.contains(&node.int("to", 1)) {
        let what = "it makes whole numbers of what a layer gives";
        return Err(Problem::new(
            what,
            "laptime's layers give numbers in single precision",
        ));
    }
    walk.set(node, value);
    Ok(())
}

/// One number at many places, as PyTorch's exporter makes biases of zeros.
pub(super) fn expand<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let wanted = walk.whole(node, 1)?.numbers;
    if wanted.contains(&Extent::Batch) {
        masks::shaped(walk, node, wanted);
        return Ok(());
    }
    let dims = walk.known(node, 1, "")?.unwrap_or_default();
    if let Value::Whole(whole) = walk.value(node, 0)? {
        // The sizes themselves, where they are not repeated.
        if dims != [1] {
            let what = "it repeats sizes";
            return Err(Problem::new(
                what,
                "export the model with its constants folded",
            ));
        }
        walk.set(node, Value::Whole(Whole::list(whole.numbers)));
        return Ok(());
    }
    let from = walk.constant(node, 0)?;
    let dims: Option<Vec<usize>> = dims.iter().map(|dim| usize::try_from(*dim).ok()).collect();
    let dims = dims.filter(|dims| is_possible(dims));
    let (Some(dims), Some(value)) = (dims, from.scalar(walk.beside)?) else {
        let what = "it repeats more than one number";
        return Err(Problem::new(
            what,
            "export the model with its constants folded",
        ));
    };
    walk.set(node, Value::Constant(Constant::filled(dims, value)));
    Ok(())
}
