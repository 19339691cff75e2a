//! Layers that read several others.

use crate::{
    constant::Constant,
    flow::{Flow, Layout},
    messages::Node,
    net::{Layer, has_layer},
    order::Order,
    problem::Problem,
    walk::{Value, Walk, Whole, axis},
};

pub(super) fn concat<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let values = (0..node.input.len()).map(|place| walk.value(node, place));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    if values.iter().any(|value| matches!(value, Value::Flow(_))) {
        return of_layers(walk, node);
    }
    if let Some(constant) = of_constants(walk, &values)? {
        walk.set(node, Value::Constant(constant));
        return Ok(());
    }
    let numbers = (0..node.input.len()).map(|place| walk.whole(node, place));
    let numbers = numbers.collect::<Result<Vec<Whole>, _>>()?;
    let numbers = numbers
        .into_iter()
        .flat_map(|whole| whole.numbers)
        .collect();
    walk.set(node, Value::Whole(Whole::list(numbers)));
    Ok(())
}

/// Numbers that need not be whole, as the factors of a Resize.
fn of_constants<'a>(
    walk: &Walk<'a>,
    values: &[Value<'a>],
) -> Result<Option<Constant<'a>>, Problem> {
    let mut joined = Vec::new();
    for value in values {
        match value {
            Value::Constant(one) if one.dims.len() == 1 && one.len() <= 64 && !one.is_whole() => {
                joined.extend(one.doubles(walk.beside)?);
            }
            _ => return Ok(None),
        }
    }
    Ok(Some(Constant::made(vec![joined.len()], joined)))
}

fn of_layers<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flows = (0..node.input.len()).map(|place| walk.flow(node, place));
    let flows = flows.collect::<Result<Vec<Flow>, _>>()?;
    let Some(first) = flows.first() else {
        return Err(Problem::new("it reads nothing", "export the model again"));
    };
    if flows.len() == 1 {
        walk.set_flow(node, first.clone());
        return Ok(());
    }
    let along = axis(node.int("axis", 1), &first.dims)?;
    let fits = |flow: &Flow| {
        let is_same = |at: usize| Some(at) == along || flow.dims[at] == first.dims[at];
        let rank = first.dims.len();
        let is_image = matches!(first.layout, Layout::Image(_));
        let same_layout = if is_image {
            flow.layout == first.layout
        } else {
            matches!(flow.layout, Layout::Row(_))
        };
        same_layout
            && flow.dims.len() == rank
            && (0..rank).all(is_same)
            && along.is_some_and(|along| flow.is_last(along))
    };
    let (Some(along), true) = (along, flows.iter().all(fits)) else {
        let shapes: Vec<&[usize]> = flows.iter().map(|flow| flow.dims.as_slice()).collect();
        let what = format!(
            "it joins {shapes:?} a sample along axis {}",
            node.int("axis", 1)
        );
        return Err(Problem::new(
            what,
            "laptime joins the channels of images, or rows",
        ));
    };
    if !has_layer("concat") {
        let what = "laptime has no layer that joins channels";
        return Err(Problem::new(what, "the nearest is add"));
    }
    let mut dims = first.dims.clone();
    dims[along] = flows.iter().map(|flow| flow.dims[along]).sum();
    let layout = match &first.layout {
        Layout::Image(axes) => Layout::Image(*axes),
        Layout::Row(_) => {
            let rows = flows.iter().map(|flow| (flow.order(), flow.values()));
            Layout::Row(Order::of_rows(&rows.collect::<Vec<_>>()))
        }
    };
    let joined = Flow {
        place: first.place,
        dims,
        layout,
    };
    let places: Vec<_> = flows.iter().map(|flow| flow.place).collect();
    let layer = Layer::new("concat", &places, joined.shape());
    walk.set_layer(node, layer, &joined);
    Ok(())
}

/// An image times a number for each of its channels, as squeeze and excitation has it.
pub(super) fn gate<'a>(walk: &mut Walk<'a>, node: &'a Node, flows: &[Flow]) -> Result<(), Problem> {
    let refused = || {
        let shapes: Vec<&[usize]> = flows.iter().map(|flow| flow.dims.as_slice()).collect();
        let what = format!("it computes with values of different shapes: {shapes:?} a sample");
        Problem::new(what, "the nearest is a layer of two inputs of one shape")
    };
    let [one, other] = flows else {
        return Err(refused());
    };
    let is_image = |flow: &Flow| matches!(flow.layout, Layout::Image(_));
    let is_first = match one.values() == other.values() {
        true => is_image(one),
        false => one.values() > other.values(),
    };
    let (image, gate) = if is_first { (one, other) } else { (other, one) };
    let channels = (0..image.dims.len()).find(|axis| image.is_last(*axis));
    let fits = channels.is_some_and(|channels| {
        let ones = |axis: usize| {
            gate.dims[axis]
                == if axis == channels {
                    image.dims[axis]
                } else {
                    1
                }
        };
        gate.dims.len() == image.dims.len() && (0..gate.dims.len()).all(ones)
    });
    if node.op_type != "Mul" || !fits || !is_image(image) {
        return Err(refused());
    }
    if !has_layer("multiply") {
        let what = "laptime has no layer that multiplies channels by what another layer gives";
        return Err(Problem::new(
            what,
            "leave squeeze and excitation out of the model",
        ));
    }
    let image = walk.settled(image)?;
    let gate = walk.row(gate)?;
    let layer = Layer::new("multiply", &[image.place, gate.place], image.shape());
    walk.set_layer(node, layer, &image);
    Ok(())
}
