//! Transposed convolutions of one and two dimensions.

use super::{
    convolution,
    windows::{Window, channels_first, numbers, pair, two},
};
use crate::{messages::Node, net::Layer, problem::Problem, walk::Walk};

pub(super) fn conv_transpose<'a>(walk: &mut Walk<'a>, node: &'a Node) -> Result<(), Problem> {
    let flow = walk.flow(node, 0)?;
    let weight = walk.constant(node, 1)?;
    let bias = walk.optional(node, 2)?.filter(|bias| !bias.is_nothing());
    let (inputs, filters, kernel) = match weight.dims.as_slice() {
        [inputs, filters, kernel @ ..] if [1, 2].contains(&kernel.len()) => {
            (*inputs, *filters, kernel.to_vec())
        }
        dims => {
            let what = format!("its weights have the shape {dims:?}");
            let advice = "laptime has transposed convolutions of one and two dimensions";
            return Err(Problem::new(what, advice));
        }
    };
    if node.int("group", 1) != 1 {
        let what = format!("it has {} groups", node.int("group", 1));
        let advice = "laptime's transposed convolutions have one: the nearest is an upsampling layer and a conv2d \
                      with groups";
        return Err(Problem::new(what, advice));
    }
    let [height, width, channels] = channels_first(walk, &flow)?;
    if inputs != channels {
        let what = format!("its weights read {inputs} channels, its input has {channels}");
        return Err(Problem::new(what, "export the model again"));
    }
    let padded = Padded::read(node, [height, width], &kernel)?;
    let [out_height, out_width] = padded.output;
    let layer = Layer::new(
        "conv2d_transpose",
        &[flow.place],
        vec![out_height, out_width, filters],
    );
    let layer = padded.keys(layer.key("filters", filters), [height, width]);
    let layer = layer.key("bias", bias.is_some());
    let [kernel_height, kernel_width] = padded.window.size;
    let shape = [inputs, filters, kernel_height, kernel_width];
    let output = [out_height, out_width, filters];
    convolution::add(walk, node, layer, (&weight, shape), bias.as_ref(), output)
}

/// A window, and what it comes to over an input.
struct Padded {
    window: Window,
    /// What the output has beyond what windows need.
    output_padding: [usize; 2],
    output: [usize; 2],
}

impl Padded {
    /// ONNX gives the padding, or the output that it must leave.
    fn read(node: &Node, input: [usize; 2], kernel: &[usize]) -> Result<Self, Problem> {
        let rank = kernel.len();
        let mut window = Window::read(node, input, Some(kernel))?;
        let given = two(&numbers(node, "output_padding", 0, rank)?, 0);
        let shape = node.ints("output_shape");
        let is_same = node.text("auto_pad").starts_with("SAME");
        let wanted = if !shape.is_empty() {
            let last = &shape[shape.len().saturating_sub(rank)..];
            let last: Vec<usize> = last
                .iter()
                .map(|one| usize::try_from(*one).unwrap_or(0))
                .collect();
            Some(two(&last, 1))
        } else if is_same {
            Some([0, 1].map(|axis| input[axis].saturating_mul(window.stride[axis])))
        } else {
            None
        };
        let mut output_padding = given;
        let mut output = [0; 2];
        for axis in 0..2 {
            let strides = input[axis]
                .saturating_sub(1)
                .saturating_mul(window.stride[axis]);
            let room = strides.saturating_add(window.span(axis) + given[axis]);
            if let Some(wanted) = wanted {
                let total = room.saturating_sub(wanted[axis]);
                let before = match node.text("auto_pad") {
                    "SAME_UPPER" => total / 2,
                    _ => total - total / 2,
                };
                window.padding[2 * axis] = before;
                window.padding[2 * axis + 1] = total - before;
                output_padding[axis] += wanted[axis].saturating_sub(room);
            }
            let padding = window.padding[2 * axis] + window.padding[2 * axis + 1];
            let room = strides.saturating_add(window.span(axis) + output_padding[axis]);
            output[axis] = room.saturating_sub(padding);
            if output[axis] == 0 || output_padding[axis] >= window.stride[axis] {
                let what = format!(
                    "it pads its output by {output_padding:?} and cuts off {:?}, with strides of {:?}",
                    window.padding, window.stride
                );
                let advice = "laptime's padding of the output is smaller than the stride";
                return Err(Problem::new(what, advice));
            }
        }
        Ok(Self {
            window,
            output_padding,
            output,
        })
    }

    fn keys(&self, layer: Layer, input: [usize; 2]) -> Layer {
        let Window {
            size,
            stride,
            padding,
            dilation,
        } = self.window;
        let total = [0, 1].map(|axis| self.window.span(axis).saturating_sub(stride[axis]));
        let [down, right] = total;
        let same = [down / 2, down - down / 2, right / 2, right - right / 2];
        let is_same = padding == same
            && (0..2).all(|axis| self.output[axis] == input[axis] * stride[axis])
            && padding != [0; 4];
        let mut layer = layer
            .key("kernel", pair(size))
            .key("stride", pair(stride))
            .key(
                "padding",
                match padding {
                    [0, 0, 0, 0] => "\"valid\"".into(),
                    _ if is_same => "\"same\"".into(),
                    padding => format!("{padding:?}"),
                },
            );
        if !is_same && self.output_padding != [0; 2] {
            layer = layer.key("output_padding", pair(self.output_padding));
        }
        match dilation {
            [1, 1] => layer,
            dilation => layer.key("dilation", pair(dilation)),
        }
    }
}
