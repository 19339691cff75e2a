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

/// What a workgroup does for the norm of this tensor, with so many sums one behind the other: as norms were when the
/// model's figures were fitted to a profile, in 256 threads. There is no profile yet of norms as they are.
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
    /// Channels of a workgroup, and threads.
    width: usize,
    threads: usize,
    /// Values a channel.
    count: usize,
    head: String,
    rows: Rows<'a>,
}

impl<'a> Norm<'a> {
    /// The norm of this tensor, whose loops read these values, with `i` the place of each. In front of them it reads
    /// what there is of each channel, by all threads or by the first that has the channel alone, so that nothing waits
    /// for memory behind a sum.
    fn of(
        shader: &mut Shader,
        x: TensorId,
        values: &'a [(&'a str, &'a str)],
        [of_channel, of_first]: [&[(&str, String)]; 2],
    ) -> Self {
        let width = channels(shader.program, x);
        let (count, channels) = extents(shader.program, x);
        let threads = sums::threads(count, values.len(), width, shader.target);
        let rows = Rows {
            first: format!("thread / {width}u"),
            count,
            apart: threads / width,
            place: format!("let i = row * {channels}u + c;\n"),
            values,
        };
        let [declare, read] = rows.begin();
        let all = of_channel.iter().chain(of_first);
        let declare_channel: String = all
            .map(|(name, _)| format!("var {name} = 0.0;\n"))
            .collect();
        let read_channel = |values: &[(&str, String)]| -> String {
            let values = values.iter();
            values
                .map(|(name, value)| format!("{name} = {value};\n"))
                .collect()
        };
        let read_first = match of_first {
            [] => String::new(),
            _ => format!("if thread < {width}u {{\n{}}}\n", read_channel(of_first)),
        };
        let head = format!(
            "{}let c = (group.y * groups.x + group.x) * {width}u + thread % {width}u;\n\
             let is_inside = c < {channels}u;\n{declare_channel}{declare}\
             if is_inside {{\n{read_first}{}{read}}}\n",
            shader.entry(threads),
            read_channel(of_channel),
        );
        Self {
            width,
            threads,
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
    let of_channel =
        [("gamma", gamma), ("beta", beta)].map(|(name, id)| (name, shader.value(id, "c")));
    let mut store = String::new();
    for (id, value) in [
        (operation.outputs[1], "mean"),
        (operation.outputs[2], "inverse_deviation"),
    ] {
        if shader.writes(id) {
            store += &format!("{}[c] = {value};\n", shader.tensor(id));
        }
    }
    let of_first = [
        ("moving_mean", moving_mean, "mean"),
        ("moving_variance", moving_variance, "variance"),
    ]
    .map(|(name, id, value)| {
        let place = format!("{}[c]", shader.tensor(id));
        store += &format!(
            "{place} = {} * {name} + {} * {value};\n",
            number(op.momentum),
            number(1.0 - op.momentum)
        );
        (name, place)
    });
    let values: Vec<(&str, &str)> = [("value", &value[..])]
        .into_iter()
        .chain(chain.values())
        .collect();
    let norm = Norm::of(shader, x, &values, [&of_channel, &of_first]);
    let moments = shader.moments_of_rows(norm.threads, norm.width, norm.count);
    format!(
        "{}var sum = 0.0;\n{}{}var square = 0.0;\n{}{}\
             let inverse_deviation = 1.0 / sqrt(variance + {});\n\
             let scale = gamma * inverse_deviation;\n\
             if is_inside && thread < {}u {{\n{store}}}\n{}}}\n",
        norm.head,
        norm.pass(1, &["sum"], "sum += value;\n"),
        moments.middle(shader),
        norm.pass(1, &["square"], "let d = value - middle; square += d * d;\n"),
        moments.whole(shader),
        number(op.epsilon),
        norm.width,
        norm.pass(
            values.len(),
            &[],
            &format!("var v = (value - mean) * scale + beta;\n{}", chain.text),
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
    let of_channel = [
        ("gamma", gamma),
        ("mean", mean),
        ("inverse_deviation", inverse_deviation),
    ]
    .map(|(name, id)| (name, shader.value(id, "c")));
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
    let norm = Norm::of(shader, x, &values, [&of_channel, &[]]);
    shader.sums_of_rows(norm.threads, norm.width);
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
        "{}let scale = gamma * inverse_deviation;\n\
             var d_beta_sum = 0.0;\nvar d_gamma_sum = 0.0;\n{add}\
             let sums = sums_of_rows(vec2<f32>(d_beta_sum, d_gamma_sum), thread);\n\
             let d_beta = sums.x;\nlet d_gamma = sums.y;\n\
             if is_inside && thread < {}u {{\n{store}}}\n{apply}}}\n",
        norm.head, norm.width,
    )
}
