//! Layer norm and its gradients. A workgroup has a row, or a position of an image, from the first sum to the
//! last value.

use laptime_graph::{LayerNorm, LayerNormGrad, LayerNormGradScale, Operation};

use super::{
    ByRows,
    sums::{ColumnSums, Rows},
};
use crate::shader::{Shader, number};

/// Threads of a workgroup: rows of norms have a few hundred values.
const THREADS: usize = 64;

/// The head of a kernel, and the channels of a line.
fn begin(shader: &mut Shader, own: &Operation) -> (String, usize) {
    shader.sum_of_rows(THREADS, 1);
    let of = shader.program.tensor(own.outputs[0]);
    let channels = of.shape[of.shape.len() - 1];
    let head = format!(
        "{}let line = group.y * groups.x + group.x;\nif line >= {}u {{ return; }}\n",
        shader.entry(THREADS),
        of.elements() / channels
    );
    (head, channels)
}

/// The loops over this thread's channels of the line, which read these values, with `i` the place of each. A
/// channel is called `row` here, as in all such loops.
fn rows<'a>(channels: usize, values: &'a [(&'a str, &'a str)]) -> Rows<'a> {
    Rows {
        first: "thread".into(),
        count: channels,
        apart: THREADS,
        place: format!("let i = line * {channels}u + row;\n"),
        values,
    }
}

impl ByRows for LayerNorm {
    fn text(&self, shader: &mut Shader, place: usize) -> String {
        let own = shader.operation(place);
        let (head, channels) = begin(shader, own);
        let x = shader.value(own.inputs[0], "i");
        let [gamma, beta] = [1, 2].map(|n| shader.value(own.inputs[n], "row"));
        let chain = shader.chain(place);
        let mut store = String::new();
        for (id, value) in [
            (own.outputs[1], "mean"),
            (own.outputs[2], "inverse_deviation"),
        ] {
            if shader.writes(id) {
                store += &format!("{}[line] = {value};\n", shader.tensor(id));
            }
        }
        let n = number(channels as f64);
        let values: Vec<(&str, &str)> = [("x", &x[..]), ("gamma", &gamma), ("beta", &beta)]
            .into_iter()
            .chain(chain.values())
            .collect();
        let rows = rows(channels, &values);
        let [declare, read] = rows.begin();
        format!(
            "{head}{declare}{read}var sum = 0.0;\n{}let mean = sum_of_rows(sum, thread) / {n};\n\
             var square = 0.0;\n{}let variance = sum_of_rows(square, thread) / {n};\n\
             let inverse_deviation = 1.0 / sqrt(variance + {});\n\
             if thread == 0u {{\n{store}}}\n{}}}\n",
            rows.pass(1, &["sum"], "sum += x;\n"),
            rows.pass(1, &["square"], "let d = x - mean; square += d * d;\n"),
            number(self.epsilon),
            rows.pass(
                values.len(),
                &[],
                &format!(
                    "var v = (x - mean) * inverse_deviation * gamma + beta;\n{}",
                    chain.text
                )
            ),
        )
    }
}

impl ByRows for LayerNormGrad {
    fn text(&self, shader: &mut Shader, place: usize) -> String {
        let own = shader.operation(place);
        let (head, channels) = begin(shader, own);
        let [dy, x] = [0, 1].map(|n| shader.value(own.inputs[n], "i"));
        let gamma = shader.value(own.inputs[2], "row");
        let [mean, inverse_deviation] = [3, 4].map(|n| shader.value(own.inputs[n], "line"));
        let chain = shader.chain(place);
        let values: Vec<(&str, &str)> = [("x", &x[..]), ("dy", &dy), ("gamma", &gamma)]
            .into_iter()
            .chain(chain.values())
            .collect();
        let each = "let g = gamma * dy;\nlet normed = (x - mean) * inverse_deviation;\n";
        let n = number(channels as f64);
        let rows = rows(channels, &values);
        let [declare, read] = rows.begin();
        format!(
            "{head}let mean = {mean};\nlet inverse_deviation = {inverse_deviation};\n{declare}{read}\
             var sum = 0.0;\nvar products = 0.0;\n{}\
             let constant = sum_of_rows(sum, thread) / {n};\n\
             let slope = sum_of_rows(products, thread) / {n};\n{}}}\n",
            rows.pass(
                3,
                &["sum", "products"],
                &format!("{each}sum += g;\nproducts += g * normed;\n")
            ),
            rows.pass(
                values.len(),
                &[],
                &format!(
                    "{each}var v = inverse_deviation * (g - constant - normed * slope);\n{}",
                    chain.text
                )
            ),
        )
    }
}

impl ColumnSums for LayerNormGradScale {
    fn term(&self, own: &Operation, index: &str, shader: &mut Shader) -> String {
        let [dy, x] = [0, 1].map(|n| shader.value(own.inputs[n], index));
        let [mean, inverse_deviation] = [2, 3].map(|n| shader.value(own.inputs[n], "row"));
        format!("{dy} * (({x} - {mean}) * {inverse_deviation})")
    }
}
