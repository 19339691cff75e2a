//! Images made larger.

use super::windows::pair;
use crate::{flow::Layout, messages::Node, net::Layer, problem::Problem, walk::Walk};

/// Far beyond use; products of it cannot overflow.
const MOST: f64 = 4096.0;

/// What laptime has of it: each value in as many places. Whether it is that is asked of the places themselves, of
/// which ONNX has many formulas.
pub(super) fn resize<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    let [height, width, channels] = walk.image(&flow)?;
    let refused = |what: String| {
        let advice = "the nearest is upsample, the nearest value by a whole factor: mode=\"nearest\" in PyTorch, \
                      interpolation=\"nearest\" in Keras";
        Err(Problem::new(what, advice))
    };
    let mode = match node.text("mode") {
        "" => "nearest",
        mode => mode,
    };
    if mode != "nearest" {
        return refused(format!("its mode is {mode:?}"));
    }
    let factors = factors(walk, node, &flow.dims)?;
    let is_factor = |one: &f64| one.fract() == 0.0 && (1.0..=MOST).contains(one);
    let Layout::Image([down, right, _]) = flow.layout else {
        return refused("it reads a row".into());
    };
    let places = [down, right];
    let is_position = |axis: &usize| places.contains(&Some(*axis));
    let is_whole = factors.iter().all(is_factor);
    let others = (0..factors.len()).filter(|axis| !is_position(axis));
    if !is_whole || others.map(|axis| factors[axis]).any(|one| one != 1.0) {
        return refused(format!("it makes the axes {factors:?} times as long"));
    }
    let factor = places.map(|axis| axis.map_or(1, |axis| factors[axis] as usize));
    for (factor, extent) in factor.into_iter().zip([height, width]) {
        if !is_nearest(node, factor, extent) {
            return refused(format!(
                "it takes other values than the nearest ({:?}, {:?})",
                node.text("coordinate_transformation_mode"),
                node.text("nearest_mode")
            ));
        }
    }
    let shape = vec![height * factor[0], width * factor[1], channels];
    let layer = Layer::new("upsample", &[flow.place], shape).key("factor", pair(factor));
    let mut larger = flow.clone();
    for (axis, factor) in places.into_iter().zip(factor) {
        if let Some(axis) = axis {
            larger.dims[axis] *= factor;
        }
    }
    walk.set_layer(node, layer, &larger);
    Ok(())
}

/// How much longer each axis becomes, without that of the batch.
fn factors(walk: &Walk, node: &Node, dims: &[usize]) -> Result<Vec<f64>, Problem> {
    // An older version has no region of interest before the scales; the oldest has an attribute.
    let is_old = node.op_type == "Upsample" || node.input.len() == 2;
    let scales = match walk.optional(node, if is_old { 1 } else { 2 })? {
        Some(scales) if !scales.is_nothing() => Some(scales.doubles(walk.beside)?),
        _ => None,
    };
    let all = match scales {
        Some(scales) => scales,
        None => {
            let sizes = walk.whole(node, 3)?.numbers;
            let sizes = sizes.into_iter().rev().zip(dims.iter().rev());
            let mut factors: Vec<f64> = sizes
                .map(|(size, dim)| match size {
                    crate::walk::Extent::Known(size) => size as f64 / *dim as f64,
                    crate::walk::Extent::Batch => 0.0,
                })
                .collect();
            factors.push(1.0);
            factors.reverse();
            factors
        }
    };
    let axes = node.ints("axes");
    if !axes.is_empty() || all.len() != dims.len() + 1 || all[0] != 1.0 {
        let what = format!("its scales are {all:?} for the axes {axes:?}");
        return Err(Problem::new(
            what,
            "export the model with a scale for every axis, and 1 for the batch",
        ));
    }
    Ok(all[1..].to_vec())
}

/// Whether each place of the larger image has the value of the place that it lies in.
fn is_nearest(node: &Node, factor: usize, extent: usize) -> bool {
    let (scale, most) = (factor as f64, extent as f64 - 1.0);
    let is_old = node.op_type == "Upsample";
    let transformation = match node.text("coordinate_transformation_mode") {
        "" if is_old => "asymmetric",
        "" => "half_pixel",
        given => given,
    };
    let rounding = match node.text("nearest_mode") {
        "" if is_old => "floor",
        "" => "round_prefer_floor",
        given => given,
    };
    let larger = factor * extent;
    (0..larger).all(|place| {
        let at = place as f64;
        let from = match transformation {
            "asymmetric" => at / scale,
            "half_pixel" | "half_pixel_symmetric" => (at + 0.5) / scale - 0.5,
            "pytorch_half_pixel" if larger == 1 => 0.0,
            "pytorch_half_pixel" => (at + 0.5) / scale - 0.5,
            "align_corners" if larger == 1 => 0.0,
            "align_corners" => at * most / (larger as f64 - 1.0),
            _ => return false,
        };
        let from = match rounding {
            "floor" => from.floor(),
            "ceil" => from.ceil(),
            "round_prefer_ceil" => (from + 0.5).floor(),
            "round_prefer_floor" => (from - 0.5).ceil(),
            _ => return false,
        };
        from.clamp(0.0, most) as usize == place / factor
    })
}
