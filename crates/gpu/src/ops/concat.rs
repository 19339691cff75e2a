use laptime_graph::{Concat, Split};

use super::each::{Each, Reading};

impl Each for Concat {
    fn value(&self, at: &mut Reading) -> String {
        let all: usize = self.channels.iter().sum();
        let mut text = format!("let c = i % {all}u;\nlet row = i / {all}u;\n");
        for (input, first) in self.firsts().enumerate() {
            let channels = self.channels[input];
            let value = at.input(input, &format!("row * {channels}u + c - {first}u"));
            let end = first + channels;
            text += &format!("if c >= {first}u && c < {end}u {{ v = {value}; }}\n");
        }
        text
    }
}

impl Each for Split {
    fn value(&self, at: &mut Reading) -> String {
        let channels = |shape: &[usize]| shape[shape.len() - 1];
        let (all, own) = (channels(at.input_shape(0)), channels(at.output_shape()));
        let place = format!("i / {own}u * {all}u + i % {own}u + {}u", self.from);
        format!("v = {};\n", at.input(0, &place))
    }
}
