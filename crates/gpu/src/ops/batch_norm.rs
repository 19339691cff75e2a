//! Batch norm over the batch's own statistics, and its gradient. A workgroup has a few channels
//! from the first sum to the last value, so that a norm is one dispatch: what it reads again is in
//! the cache by then.

use laptime_graph::{BatchNorm, BatchNormEvaluation, Program, TensorId};

use super::{
    each::{Each, Reading},
    sums::{self, Rows},
};
use crate::{
    shader::{Shader, THREADS, number},
    work::Work,
};

impl Each for BatchNormEvaluation {
    fn value(&self, at: &mut Reading) -> String {
        let channel = format!("i % {}u", at.input_shape(1)[0]);
        let [gamma, beta, mean, variance] = [1, 2, 3, 4].map(|input| at.input(input, &channel));
        format!(
            "v = ({} - {mean}) * ({gamma} / sqrt({variance} + {})) + {beta};\n",
            at.input(0, "i"),
            number(self.epsilon)
        )
    }
}

/// How many workgroups do the norm of this tensor.
pub(crate) fn workgroups(program: &Program, of: TensorId) -> usize {
    extents(program, of).1.div_ceil(channels(program, of))
}

/// What a workgroup does for the norm of this tensor, with so many sums one behind the other.
pub(crate) fn work(program: &Program, of: TensorId, sums: usize) -> Work {
    let rows = extents(program, of)
        .0
        .div_ceil(THREADS / channels(program, of));
    sums::work_of_passes(rows, 2, sums, 1)
}

/// Workgroups that a norm should have at least, where there are as many channels.
const WORKGROUPS: usize = 64;

/// Channels of a workgroup: few where there are few, so that all of the adapter has work and no thread has many
/// rows, up to eight, which is a sector of 32 bytes, and more where there are very many.
fn channels(program: &Program, of: TensorId) -> usize {
    let all = program.tensor(of).shape.last().copied().unwrap_or(1);
    if all >= 1024 {
        16
    } else {
        (all / WORKGROUPS)
            .next_power_of_two()
            .clamp(2, 8)
            .min(all.next_power_of_two())
    }
}

/// Values a channel, and channels.
fn extents(program: &Program, of: TensorId) -> (usize, usize) {
    let tensor = program.tensor(of);
    let channels = tensor.shape.last().copied().unwrap_or(1);
    (tensor.elements() / channels, channels)
}

/// A norm's kernel: its head, and the loops over a thread's rows of channel `c`.
struct Norm<'a> {
    width: usize,
    /// Values a channel.
    count: usize,
    head: String,
    rows: Rows<'a>,
}

impl<'a> Norm<'a> {
    /// The norm of this tensor, whose loops read these values, with `i` the place of each.
    fn of(shader: &mut Shader, x: TensorId, values: &'a [(&'a str, &'a str)]) -> Self {
        let width = channels(shader.program, x);
        let (count, channels) = extents(shader.program, x);
        shader.sum_of_rows(THREADS, width);
        let rows = Rows {
            first: format!("thread / {width}u"),
            count,
            apart: THREADS / width,
            place: format!("let i = row * {channels}u + c;\n"),
            values,
        };
        let [declare, read] = rows.begin();
        let head = format!(
            "{}let c = (group.y * groups.x + group.x) * {width}u + thread % {width}u;\n\
             let is_inside = c < {channels}u;\n{declare}if is_inside {{\n{read}}}\n",
            shader.entry(THREADS)
        );
        Self {
            width,
            count,
            head,
            rows,
        }
    }

    /// A loop that needs the first of the values and adds to these variables.
    fn pass(&self, needed: usize, sums: &[&str], body: &str) -> String {
        format!(
            "if is_inside {{\n{}}}\n",
            self.rows.pass(needed, sums, body)
        )
    }
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &BatchNorm) -> String {
    let operation = shader.operation(place);
    let [x, gamma, beta, moving_mean, moving_variance] = operation.inputs[..] else {
        unreachable!("a batch norm reads five tensors")
    };
    let value = shader.value(x, "i");
    let chain = shader.chain(place);
    let [gamma, beta] = [gamma, beta].map(|id| shader.value(id, "c"));
    let mut store = String::new();
    for (id, value) in [
        (operation.outputs[1], "mean"),
        (operation.outputs[2], "inverse_deviation"),
    ] {
        if shader.writes(id) {
            store += &format!("{}[c] = {value};\n", shader.tensor(id));
        }
    }
    for (id, value) in [(moving_mean, "mean"), (moving_variance, "variance")] {
        let place = format!("{}[c]", shader.tensor(id));
        store += &format!(
            "{place} = {} * {place} + {} * {value};\n",
            number(op.momentum),
            number(1.0 - op.momentum)
        );
    }
    let values: Vec<(&str, &str)> = [("value", &value[..])]
        .into_iter()
        .chain(chain.values())
        .collect();
    let norm = Norm::of(shader, x, &values);
    let n = number(norm.count as f64);
    format!(
        "{}var sum = 0.0;\n{}let mean = sum_of_rows(sum, thread) / {n};\n\
             var square = 0.0;\n{}let variance = sum_of_rows(square, thread) / {n};\n\
             let inverse_deviation = 1.0 / sqrt(variance + {});\n\
             var scale = 0.0;\nvar shift = 0.0;\n\
             if is_inside {{ scale = {gamma} * inverse_deviation; shift = {beta}; }}\n\
             if is_inside && thread < {}u {{\n{store}}}\n{}}}\n",
        norm.head,
        norm.pass(1, &["sum"], "sum += value;\n"),
        norm.pass(1, &["square"], "let d = value - mean; square += d * d;\n"),
        number(op.epsilon),
        norm.width,
        norm.pass(
            values.len(),
            &[],
            &format!("var v = (value - mean) * scale + shift;\n{}", chain.text),
        ),
    )
}

pub(crate) fn gradient_text(shader: &mut Shader, place: usize) -> String {
    let operation = shader.operation(place);
    let [dy, x, gamma, mean, inverse_deviation] = operation.inputs[..] else {
        unreachable!("a batch norm's gradient reads five tensors")
    };
    // What flows in may be cut off by ReLU's gradient on the way.
    let flowing = match place.checked_sub(1).map(|before| shader.operation(before)) {
        Some(before) if before.op.cuts_off() => format!(
            "select(0.0, {}, {} > 0.0)",
            shader.value(before.inputs[1], "i"),
            shader.value(before.inputs[0], "i")
        ),
        _ => shader.value(dy, "i"),
    };
    let value = shader.value(x, "i");
    let [gamma, mean, inverse_deviation] =
        [gamma, mean, inverse_deviation].map(|id| shader.value(id, "c"));
    let outputs = &operation.outputs;
    let mut store = String::new();
    for (id, value) in [(outputs[1], "d_gamma"), (outputs[2], "d_beta")] {
        if shader.writes(id) {
            store += &format!("{}[c] = {value};\n", shader.tensor(id));
        }
    }
    let values = [("flowing", flowing.as_str()), ("value", value.as_str())];
    let n = number(extents(shader.program, x).0 as f64);
    let change = format!("scale * (flowing - d_beta / {n} - normed * (d_gamma / {n}))");
    let dx = match shader.kernel.operations.len() - place {
        1 => shader
            .writes(outputs[0])
            .then(|| format!("{}[i] = {change};\n", shader.tensor(outputs[0]))),
        // What is done with it behind.
        _ => {
            let chain = shader.chain(place);
            assert!(chain.reads.is_empty(), "only rounding follows");
            Some(format!("var v = {change};\n{}", chain.text))
        }
    };
    let norm = Norm::of(shader, x, &values);
    let add = norm.pass(
        2,
        &["d_beta_sum", "d_gamma_sum"],
        "d_beta_sum += flowing;\n\
             d_gamma_sum += flowing * ((value - mean) * inverse_deviation);\n",
    );
    let apply = dx.map_or(String::new(), |dx| {
        norm.pass(
            2,
            &[],
            &format!("let normed = (value - mean) * inverse_deviation;\n{dx}"),
        )
    });
    format!(
        "{}var mean = 0.0;\nvar inverse_deviation = 0.0;\nvar scale = 0.0;\n\
             if is_inside {{ mean = {mean}; inverse_deviation = {inverse_deviation}; \
             scale = {gamma} * inverse_deviation; }}\n\
             var d_beta_sum = 0.0;\nvar d_gamma_sum = 0.0;\n{add}\
             let d_beta = sum_of_rows(d_beta_sum, thread);\n\
             let d_gamma = sum_of_rows(d_gamma_sum, thread);\n\
             if is_inside && thread < {}u {{\n{store}}}\n{apply}}}\n",
        norm.head, norm.width,
    )
}
