//! Pools.

use super::{
    channels,
    windows::{Window, channels_first},
};
use crate::{
    flow::{Flow, Layout},
    messages::Node,
    net::Layer,
    problem::Problem,
    walk::{Walk, axis},
};

pub(super) fn max_pool<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let indices = node.output.get(1).map_or(0, |name| walk.readers_of(name));
    if indices > 0 {
        let what = "the places of its largest values are read";
        return Err(Problem::new(what, "laptime gives the values alone"));
    }
    pool(walk, node, "max_pool")
}

pub(super) fn average_pool<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    pool(walk, node, "avg_pool")
}

fn pool<'a>(walk: &mut Walk<'a>, node: &'a Node, kind: &'static str) -> Result<(), Problem> {
    let (flow, padding) = walk.padded(node)?;
    let [height, width, channels] = channels_first(walk, &flow)?;
    let mut window = Window::read(node, [height, width], None)?;
    if padding != [0; 4] {
        // A zero is never the largest of values that are not negative: it may as well be left out.
        if kind != "max_pool" || !is_not_negative(walk, &flow) {
            let what = "zeros are put around what it reads, and count";
            return Err(Problem::new(what, "laptime's pools leave padding out"));
        }
        window.padded_by(padding);
    }
    if window.dilation != [1; 2] {
        let what = format!("its dilations are {:?}", node.ints("dilations"));
        let advice = "laptime's pools have none: the nearest is one without";
        return Err(Problem::new(what, advice));
    }
    let is_padded = window.padding != [0; 4];
    if kind == "avg_pool" && is_padded && node.int("count_include_pad", 0) != 0 {
        let what = "it counts padding as zeros";
        let advice =
            "laptime's avg_pool leaves padding out: write count_include_pad=False in the model";
        return Err(Problem::new(what, advice));
    }
    if node.int("ceil_mode", 0) != 0 {
        window.round_up([height, width]);
    }
    let [out_height, out_width] = window.output([height, width])?;
    let layer = Layer::new(kind, &[flow.place], vec![out_height, out_width, channels]);
    let layer = window.keys(layer, "size", [height, width]);
    let dims = match flow.dims.len() {
        2 => vec![channels, out_width],
        _ => vec![channels, out_height, out_width],
    };
    let place = walk.net.add(layer);
    walk.set_flow(node, Flow::channels_first(place, dims));
    Ok(())
}

/// Whether a value is of a layer that gives no negative ones.
fn is_not_negative(walk: &mut Walk, flow: &Flow) -> bool {
    const KINDS: [&str; 5] = ["relu", "relu6", "sigmoid", "hard_sigmoid", "softplus"];
    let layer = walk.net.layer_mut(flow.place);
    layer.is_some_and(|layer| KINDS.contains(&layer.kind))
}

impl Window {
    /// What `ceil_mode` does: a last window that begins inside of the image or in the padding before it reaches over
    /// its end. What it meets there counts for nothing, as padding does.
    fn round_up(&mut self, input: [usize; 2]) {
        let more = |axis: usize, before: usize, after: usize| {
            let (size, stride) = (self.size[axis], self.stride[axis]);
            let Some(room) = (input[axis] + before + after).checked_sub(size) else {
                return 0;
            };
            let windows = room.div_ceil(stride);
            let begins = windows * stride;
            match begins < input[axis] + before {
                true => begins - room,
                false => 0,
            }
        };
        let [above, below, left, right] = self.padding;
        let (below_more, right_more) = (more(0, above, below), more(1, left, right));
        self.padding = [above, below + below_more, left, right + right_more];
    }
}

pub(super) fn global_average_pool<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    channels_first(walk, &flow)?;
    let mut dims = vec![1; flow.dims.len()];
    dims[0] = flow.dims[0];
    mean_of_positions(walk, node, &flow, dims);
    Ok(())
}

pub(super) fn global_max_pool<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    let [height, width, channels] = channels_first(walk, &flow)?;
    let window = Window {
        size: [height, width],
        stride: [height, width],
        padding: [0; 4],
        dilation: [1; 2],
    };
    let layer = Layer::new("max_pool", &[flow.place], vec![1, 1, channels]);
    let layer = window.keys(layer, "size", [height, width]);
    let mut dims = vec![1; flow.dims.len()];
    dims[0] = flow.dims[0];
    let place = walk.net.add(layer);
    walk.set_flow(node, Flow::channels_first(place, dims));
    Ok(())
}

pub(super) fn reduce_mean<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    if channels::mean(walk, node)? {
        return Ok(());
    }
    let flow = walk.flow(node, 0)?;
    walk.image(&flow)?;
    let axes = walk.known(node, 1, "axes")?.unwrap_or_default();
    let axes = axes.iter().map(|one| axis(*one, &flow.dims));
    let axes = axes.collect::<Result<Option<Vec<usize>>, _>>()?;
    let mut axes = axes.unwrap_or_default();
    axes.sort_unstable();
    axes.dedup();
    let long = |axis: &usize| flow.dims[*axis] != 1;
    let is_all = flow
        .positions()
        .iter()
        .filter(|axis| long(axis))
        .all(|axis| axes.contains(axis));
    let is_no_more = axes
        .iter()
        .filter(|axis| long(axis))
        .all(|axis| flow.positions().contains(axis));
    if axes.is_empty() || !is_all || !is_no_more {
        let what = format!("it is a mean over the axes {axes:?} of {:?}", flow.dims);
        return Err(Problem::new(
            what,
            "the nearest is global_avg_pool, the mean over all positions",
        ));
    }
    let keeps = node.int("keepdims", 1) != 0;
    let dims = (0..flow.dims.len()).filter(|axis| keeps || !axes.contains(axis));
    let dims = dims.map(|axis| {
        if axes.contains(&axis) {
            1
        } else {
            flow.dims[axis]
        }
    });
    let dims = dims.collect();
    mean_of_positions(walk, node, &flow, dims);
    Ok(())
}

fn mean_of_positions<'a>(walk: &mut Walk<'a>, node: &'a Node, flow: &Flow, dims: Vec<usize>) {
    let channels = flow.shape().last().copied().unwrap_or(1);
    let place = walk
        .net
        .add(Layer::new("global_avg_pool", &[flow.place], vec![channels]));
    let layout = Layout::Row(None);
    walk.set_flow(
        node,
        Flow {
            place,
            dims,
            layout,
        },
    );
}
