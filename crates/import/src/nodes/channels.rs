//! What is computed of means over channels: the parts of a layer norm that an exporter has spelled out.

use std::rc::Rc;

use super::names::of_node;
use crate::{
    activations::Function,
    channels::{Of, Part},
    constant::Constant,
    flow::{Flow, Layout, Place},
    messages::Node,
    problem::Problem,
    walk::{Value, Walk, axis},
};

/// The mean over the channels of each position, or over a row; false where it is another mean.
pub(super) fn mean<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<bool, Problem> {
    let flow = walk.loose(node, 0)?;
    let axes = walk.known(node, 1, "axes")?.unwrap_or_default();
    let [one] = axes[..] else {
        return Ok(false);
    };
    let Some(axis) = axis(one, &flow.dims)? else {
        return Ok(false);
    };
    if !flow.is_last(axis) || flow.dims[axis] < 2 || node.int("keepdims", 1) == 0 {
        return Ok(false);
    }
    let (of, part) = match unfinished(walk, &flow) {
        Some(number) => (
            walk.expressions.channels.of(number).clone(),
            Part::Expression(number),
        ),
        None => (Of::layer(&walk.settled(&flow)?), Part::Channels),
    };
    let channels = &mut walk.expressions.channels;
    let place = channels.add(of, None, vec![part], node.title(), None)?;
    let mut single = flow.at(place);
    single.dims[axis] = 1;
    walk.set_flow(node, single);
    Ok(true)
}

/// A part of a norm that is no whole one.
fn unfinished(walk: &Walk, flow: &Flow) -> Option<usize> {
    match flow.place {
        Place::Channels(number) if !walk.expressions.channels.is_norm(number) => Some(number),
        _ => None,
    }
}

/// A function of a part of a norm; it is given back where that is a whole one, or no part of any.
pub(super) fn unary<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    flow: &Flow,
    function: Function,
) -> Result<Option<Function>, Problem> {
    let Some(number) = unfinished(walk, flow) else {
        return Ok(Some(function));
    };
    let of = walk.expressions.channels.of(number).clone();
    let parts = vec![Part::Expression(number)];
    add(walk, node, of, function, parts, flow)?;
    Ok(None)
}

/// What an operator makes of two values, one of which is a part of a norm; false where there is none, or where it is
/// a whole norm that something is done with: scales and shifts of its channels are its own.
pub(super) fn arithmetic<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    function: impl Fn() -> Function,
) -> Result<bool, Problem> {
    let mut values = [walk.value(node, 0)?, walk.value(node, 1)?];
    for value in &mut values {
        // A norm that another one begins with.
        if let Value::Flow(flow) = value
            && let Place::Channels(number) = flow.place
            && let Some(settled) = walk.expressions.channels.settled(number)
        {
            flow.place = settled;
        }
    }
    let parts_of = |value: &Value| match value {
        Value::Flow(Flow {
            place: Place::Channels(number),
            ..
        }) => Some(*number),
        _ => None,
    };
    let Some(number) = values.iter().find_map(parts_of) else {
        return Ok(false);
    };
    let of = walk.expressions.channels.of(number).clone();
    let mut parts = Vec::new();
    // Each with all channels.
    let mut whole: Option<Flow> = None;
    let mut single = None;
    let mut is_single = true;
    let mut constants = Vec::new();
    for value in &values {
        match value {
            Value::Flow(flow) => {
                let place = match flow.place {
                    Place::Channels(_) => flow.place,
                    _ => walk.settled(flow)?.place,
                };
                parts.push(match place {
                    Place::Channels(number)
                        if walk.expressions.channels.of(number).place == of.place =>
                    {
                        Part::Expression(number)
                    }
                    place if place == of.place => Part::Channels,
                    _ => return Ok(false),
                });
                let Some(widened) = widened(flow, of.channels) else {
                    return Ok(false);
                };
                if whole.as_ref().is_some_and(|whole| {
                    (&whole.dims, &whole.layout) != (&widened.dims, &widened.layout)
                }) {
                    return Ok(false);
                }
                match flow.dims == widened.dims {
                    true => is_single = false,
                    false => single = Some(flow.clone()),
                }
                whole = Some(widened);
            }
            Value::Constant(constant) => {
                constants.push((parts.len(), constant));
                parts.push(Part::Constant([].into()));
            }
            _ => return Ok(false),
        }
    }
    let Some(whole) = whole else {
        return Ok(false);
    };
    let mut is_of_channels = false;
    for (place, constant) in constants {
        let Some(values) = values_of(walk, &whole, constant)? else {
            return Ok(false);
        };
        is_of_channels |= values.len() > 1;
        parts[place] = Part::Constant(values);
    }
    let is_whole_norm = |part: &Part| match part {
        Part::Expression(number) => walk.expressions.channels.is_norm(*number),
        _ => false,
    };
    if parts.iter().any(is_whole_norm) && !is_of_channels {
        return Ok(false);
    }
    let like = match (is_single && !is_of_channels, single) {
        (true, Some(single)) => single,
        _ => whole,
    };
    add(walk, node, of, function(), parts, &like)?;
    Ok(true)
}

fn add<'a>(
    walk: &mut Walk<'a>,
    node: &'a Node,
    of: Of,
    function: Function,
    parts: Vec<Part>,
    like: &Flow,
) -> Result<(), Problem> {
    let (title, name) = (node.title(), of_node(node));
    let channels = &mut walk.expressions.channels;
    let place = channels.add(of, Some(function), parts, title, name)?;
    walk.set_flow(node, like.at(place));
    Ok(())
}

/// A value of one channel as one of all of them.
fn widened(flow: &Flow, channels: usize) -> Option<Flow> {
    let axis = channel_axis(flow)?;
    let mut wide = flow.clone();
    match wide.dims[axis] {
        1 => wide.dims[axis] = channels,
        extent if extent == channels => {}
        _ => return None,
    }
    Some(wide)
}

fn channel_axis(flow: &Flow) -> Option<usize> {
    match &flow.layout {
        Layout::Image([_, _, channels]) => *channels,
        Layout::Row(_) if flow.dims.len() == 1 => Some(0),
        Layout::Row(_) => (0..flow.dims.len()).find(|axis| flow.dims[*axis] > 1),
    }
}

/// A constant for all channels, or one for each of those of `whole`.
fn values_of(walk: &Walk, whole: &Flow, constant: &Constant) -> Result<Option<Rc<[f64]>>, Problem> {
    let is_plain = constant.len() == 1 && constant.dims.len() <= whole.dims.len() + 1;
    if !is_plain && !super::affine::is_along_channels(whole, constant) {
        return Ok(None);
    }
    Ok(Some(constant.doubles(walk.beside)?.into()))
}
