use laptime_graph::{Multiply, MultiplyChannels, MultiplyChannelsGrad};

use super::each::{Each, Reading};

impl Each for Multiply {
    fn value(&self, at: &mut Reading) -> String {
        format!("v = {} * {};\n", at.input(0, "i"), at.input(1, "i"))
    }
}

impl Each for MultiplyChannels {
    fn value(&self, at: &mut Reading) -> String {
        let (sample, channels) = sample(at.output_shape());
        let factor = at.input(1, &format!("i / {sample}u * {channels}u + i % {channels}u"));
        format!("v = {} * {factor};\n", at.input(0, "i"))
    }
}

impl Each for MultiplyChannelsGrad {
    fn value(&self, at: &mut Reading) -> String {
        let (sample, channels) = sample(at.input_shape(0));
        let place = format!("i / {channels}u * {sample}u + p * {channels}u + i % {channels}u");
        let (dy, x) = (at.input(0, &place), at.input(1, &place));
        let positions = sample / channels;
        format!("for (var p = 0u; p < {positions}u; p++) {{ v += {dy} * {x}; }}\n")
    }
}

/// How many values an image has, and how many channels.
fn sample(images: &[usize]) -> (usize, usize) {
    (images[1..].iter().product(), images[3])
}
