//! What changes shapes and orders of axes. None of it moves a value in laptime but a flatten; what would is refused.

use crate::{
    constant::Constant,
    flow::{Flow, Layout},
    messages::Node,
    problem::Problem,
    walk::{Extent, Value, Walk, Whole, axis},
};

pub(super) fn flatten<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.loose(node, 0)?;
    if axis(node.int("axis", 1), &flow.dims)? != Some(0) && !flow.dims.is_empty() {
        let what = format!("it flattens from axis {}", node.int("axis", 1));
        return Err(Problem::new(
            what,
            "laptime flattens a whole sample: axis 1",
        ));
    }
    in_a_row(walk, node, &flow)
}

/// All values of a sample in a row. Where they are in one already, as behind a global pool, that is no layer.
fn in_a_row<'a>(walk: &mut Walk<'a>, node: &'a Node, flow: &Flow) -> Result<(), Problem> {
    let dims = vec![flow.values()];
    let same = match flow.layout {
        Layout::Row(_) => Some(flow.clone()),
        Layout::Image(_) => flow.with_ones(&dims),
    };
    let row = match same {
        Some(row) => row,
        None => walk.row(flow)?,
    };
    walk.set_flow(node, Flow { dims, ..row });
    Ok(())
}

pub(super) fn reshape<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let wanted = walk.whole(node, 1)?.numbers;
    match walk.value(node, 0)? {
        Value::Constant(constant) => {
            let dims = resolved(&wanted, &constant.dims, node)?;
            walk.set(node, Value::Constant(constant.reshaped(dims)));
            Ok(())
        }
        Value::Whole(whole) => {
            let is_scalar = wanted.is_empty();
            walk.set(node, Value::Whole(Whole { is_scalar, ..whole }));
            Ok(())
        }
        _ => {
            let flow = walk.loose(node, 0)?;
            let dims = of_samples(walk, node, &wanted, &flow)?;
            if dims == [flow.values()] {
                return in_a_row(walk, node, &flow);
            }
            let moved = flow.with_ones(&dims).ok_or_else(|| {
                let what = format!("it makes {dims:?} of {:?} a sample", flow.dims);
                Problem::new(
                    what,
                    "laptime can flatten a sample, and no more: the nearest is Flatten",
                )
            })?;
            walk.set_flow(node, moved);
            Ok(())
        }
    }
}

/// The shape of a sample, where the first of the numbers is that of samples.
fn of_samples(
    walk: &Walk,
    node: &Node,
    wanted: &[Extent],
    flow: &Flow,
) -> Result<Vec<usize>, Problem> {
    let wrong = || {
        let what = format!(
            "its shape does not begin with the number of samples: {}",
            texts(wanted)
        );
        Problem::new(what, "reshape each sample by itself")
    };
    let (first, rest) = wanted.split_first().ok_or_else(wrong)?;
    let is_batch = match first {
        Extent::Batch | Extent::Known(-1) => true,
        Extent::Known(0) => node.int("allowzero", 0) == 0,
        Extent::Known(number) => walk.batch == Some(*number),
    };
    if !is_batch {
        return Err(wrong());
    }
    let rest: Vec<Extent> = rest.to_vec();
    let mut dims = flow.dims.clone();
    // A 0 copies the axis at its own place, counted with the batch.
    dims.truncate(rest.len().max(flow.dims.len()));
    resolved_of(&rest, &dims, node, flow.values())
}

fn resolved(wanted: &[Extent], from: &[usize], node: &Node) -> Result<Vec<usize>, Problem> {
    resolved_of(wanted, from, node, from.iter().product())
}

/// The extents with 0 and -1 replaced; they must have as many values.
fn resolved_of(
    wanted: &[Extent],
    from: &[usize],
    node: &Node,
    values: usize,
) -> Result<Vec<usize>, Problem> {
    let wrong = || {
        let what = format!(
            "{from:?} has {values} values, its shape {} has not",
            texts(wanted)
        );
        Problem::new(what, "export the model with fixed sizes but for the batch")
    };
    let copies = node.int("allowzero", 0) == 0;
    let mut open = None;
    let mut dims = Vec::with_capacity(wanted.len());
    for (place, extent) in wanted.iter().enumerate() {
        dims.push(match extent {
            Extent::Known(-1) if open.is_none() => {
                open = Some(place);
                1
            }
            Extent::Known(0) if copies => *from.get(place).ok_or_else(wrong)?,
            Extent::Known(number) if *number > 0 => *number as usize,
            _ => return Err(wrong()),
        });
    }
    let known = dims
        .iter()
        .try_fold(1_usize, |all, dim| all.checked_mul(*dim));
    let known = known.filter(|known| *known > 0).ok_or_else(wrong)?;
    if let Some(place) = open {
        dims[place] = values / known;
    }
    let is_whole = if open.is_some() {
        values.is_multiple_of(known)
    } else {
        values == known
    };
    is_whole.then_some(dims).ok_or_else(wrong)
}

fn texts(extents: &[Extent]) -> String {
    let texts = extents.iter().map(|extent| match extent {
        Extent::Known(number) => number.to_string(),
        Extent::Batch => "batch".into(),
    });
    format!("[{}]", texts.collect::<Vec<_>>().join(", "))
}

pub(super) fn squeeze<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let axes = walk.known(node, 1, "axes")?;
    match walk.value(node, 0)? {
        Value::Whole(whole) => {
            let is_scalar = whole.numbers.len() == 1;
            walk.set(node, Value::Whole(Whole { is_scalar, ..whole }));
            Ok(())
        }
        Value::Constant(constant) => {
            let dims = without_ones(&constant.dims, axes.as_deref(), 0)?;
            walk.set(node, Value::Constant(constant.reshaped(dims)));
            Ok(())
        }
        _ => {
            let flow = walk.loose(node, 0)?;
            if walk.batch == Some(1) && axes.as_ref().is_none_or(|axes| axes.contains(&0)) {
                let what = "it removes the axis of samples";
                return Err(Problem::new(what, "squeeze the other axes alone"));
            }
            let dims = without_ones(&flow.dims, axes.as_deref(), 1)?;
            with_ones(walk, node, &flow, &dims)
        }
    }
}

/// The extents but for those of these axes, or of all that are 1. `before` axes stand before the first.
fn without_ones(
    dims: &[usize],
    axes: Option<&[i64]>,
    before: usize,
) -> Result<Vec<usize>, Problem> {
    let Some(axes) = axes else {
        return Ok(dims.iter().copied().filter(|dim| *dim != 1).collect());
    };
    let rank = (dims.len() + before) as i64;
    let axes: Vec<i64> = axes
        .iter()
        .map(|axis| if *axis < 0 { axis + rank } else { *axis })
        .collect();
    let removed = |place: usize| axes.contains(&((place + before) as i64));
    let is_right = (0..dims.len()).all(|place| !removed(place) || dims[place] == 1);
    if !is_right
        || axes
            .iter()
            .any(|axis| *axis < before as i64 || *axis >= rank)
    {
        let what = format!("it removes the axes {axes:?} of {dims:?} a sample");
        return Err(Problem::new(what, "squeeze axes with the extent 1 alone"));
    }
    Ok((0..dims.len())
        .filter(|place| !removed(*place))
        .map(|place| dims[place])
        .collect())
}

pub(super) fn unsqueeze<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let axes = walk.known(node, 1, "axes")?.unwrap_or_default();
    match walk.value(node, 0)? {
        Value::Whole(whole) => {
            walk.set(node, Value::Whole(Whole::list(whole.numbers)));
            Ok(())
        }
        Value::Constant(constant) => {
            let dims = more_ones(&constant.dims, &axes, 0)?;
            walk.set(node, Value::Constant(constant.reshaped(dims)));
            Ok(())
        }
        _ => {
            let flow = walk.loose(node, 0)?;
            let dims = more_ones(&flow.dims, &axes, 1)?;
            with_ones(walk, node, &flow, &dims)
        }
    }
}

fn more_ones(dims: &[usize], axes: &[i64], before: usize) -> Result<Vec<usize>, Problem> {
    let rank = (dims.len() + axes.len() + before) as i64;
    let axes: Vec<i64> = axes
        .iter()
        .map(|axis| if *axis < 0 { axis + rank } else { *axis })
        .collect();
    let mut left = dims.iter();
    let mut all = Vec::new();
    for place in before as i64..rank {
        match axes.contains(&place) {
            true => all.push(1),
            false => all.extend(left.next()),
        }
    }
    if all.len() + before != rank as usize || left.next().is_some() {
        let what = format!("it adds the axes {axes:?} to {dims:?} a sample");
        return Err(Problem::new(
            what,
            "unsqueeze axes behind that of the samples",
        ));
    }
    Ok(all)
}

fn with_ones<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    dims: &[usize],
) -> Result<(), Problem> {
    let moved = flow.with_ones(dims).ok_or_else(|| {
        let what = format!("it makes {dims:?} of {:?} a sample", flow.dims);
        Problem::new(what, "export the model without it")
    })?;
    walk.set_flow(node, moved);
    Ok(())
}

pub(super) fn transpose<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let order = node.ints("perm");
    if let Value::Constant(constant) = walk.value(node, 0)? {
        let order = permutation(order, constant.dims.len())?;
        let transposed: Constant = constant.transposed(&order);
        walk.set(node, Value::Constant(transposed));
        return Ok(());
    }
    let (flow, padding) = match walk.value(node, 0)? {
        Value::Padded(flow, padding) => (flow, Some(padding)),
        _ => (walk.loose(node, 0)?, None),
    };
    let order = permutation(order, flow.dims.len() + 1)?;
    let (first, rest) = order.split_first().unwrap_or((&0, &[]));
    let rest: Vec<usize> = rest.iter().filter_map(|axis| axis.checked_sub(1)).collect();
    let moved = match (*first, rest.len() == flow.dims.len()) {
        (0, true) => flow.transposed(&rest),
        _ => None,
    };
    let moved = moved.ok_or_else(|| {
        let what = format!(
            "it puts the axes of {:?} a sample in the order {order:?}",
            flow.dims
        );
        let advice = "laptime moves no values: transpose images alone, before they are flattened";
        Problem::new(what, advice)
    })?;
    walk.set(
        node,
        match padding {
            Some(padding) => Value::Padded(moved, padding),
            None => Value::Flow(moved),
        },
    );
    Ok(())
}

fn permutation(order: &[i64], rank: usize) -> Result<Vec<usize>, Problem> {
    if order.is_empty() {
        return Ok((0..rank).rev().collect());
    }
    let known: Vec<usize> = order
        .iter()
        .filter_map(|axis| usize::try_from(*axis).ok())
        .collect();
    let is_right = order.len() == rank && (0..rank).all(|axis| known.contains(&axis));
    is_right.then_some(known).ok_or_else(|| {
        let what = format!("its perm is {order:?} for {rank} axes");
        Problem::new(what, "export the model again")
    })
}
