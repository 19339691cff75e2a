//! The rows of a table that symbols name, and the gradient: a workgroup has a row of the table, goes over all places and
//! adds those that have its symbol, in one order.

use laptime_graph::{Embedding, EmbeddingGrad};

use super::{
    ByRows,
    each::{Each, Reading},
};
use crate::shader::{Shader, THREADS};

impl Each for Embedding {
    fn value(&self, at: &mut Reading) -> String {
        let channels = at.input_shape(1)[1];
        let symbol = at.input(0, &format!("i / {channels}u"));
        let row = format!("u32({symbol}) * {channels}u + i % {channels}u");
        format!("v = {};\n", at.input(1, &row))
    }
}

/// Channels that a workgroup adds up at once; its other threads share the places among them.
const CHANNELS: usize = 32;

impl ByRows for EmbeddingGrad {
    fn text(&self, shader: &mut Shader, place: usize) -> String {
        let own = shader.operation(place);
        let [entries, channels] = *shader.shape(own.outputs[0]) else {
            unreachable!("a table has rows and channels")
        };
        let places = shader.program.tensor(own.inputs[0]).elements();
        let width = channels.next_power_of_two().min(CHANNELS);
        let apart = THREADS / width;
        shader.sum_of_rows(THREADS, width);
        let symbol = shader.value(own.inputs[0], "place");
        let dy = shader.value(own.inputs[1], &format!("place * {channels}u + channel"));
        let chain = shader.chain(place).here();
        format!(
            "{}let line = group.y * groups.x + group.x;\nif line >= {entries}u {{ return; }}\n\
             for (var first = 0u; first < {channels}u; first += {width}u) {{\n\
             let channel = first + thread % {width}u;\nvar sum = 0.0;\n\
             if channel < {channels}u {{\n\
             for (var place = thread / {width}u; place < {places}u; place += {apart}u) {{\n\
             if u32({symbol}) == line {{ sum += {dy}; }}\n}}\n}}\n\
             var v = sum_of_rows(sum, thread);\n\
             if thread < {width}u && channel < {channels}u {{\n\
             let i = line * {channels}u + channel;\n{chain}}}\n}}\n}}\n",
            shader.entry(THREADS)
        )
    }
}
