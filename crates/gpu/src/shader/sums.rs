//! Sums over the threads of a workgroup. Their order is a part of the text.

use super::{Shader, number};

/// Parts that a thread reads one after another without a loop.
const UNROLLED: usize = 8;

/// What is left in workgroup memory for each channel by those that add among themselves first: a pair of values by each
/// subgroup, or by each thread where there are none.
struct Parts {
    /// Channels: threads whose numbers differ by a multiple of it have the same.
    width: usize,
    /// Threads that leave one part.
    group: usize,
    /// Parts of a channel.
    count: usize,
    /// Threads of a subgroup among which the parts of a channel are shared out.
    spread: usize,
}

/// A channel's mean and variance over all threads of a workgroup, in the making.
pub(crate) struct Moments {
    parts: Parts,
    /// The rows of `part`, and what its sum is divided by for its mean.
    rows: String,
    divisor: String,
}

impl Parts {
    fn of(shader: &Shader, threads: usize, width: usize) -> Self {
        let subgroup = shader.target.subgroup;
        let group = subgroup.max(width);
        let count = threads / group;
        Self {
            width,
            group,
            count,
            spread: (subgroup / width).clamp(1, count),
        }
    }

    fn declaration(&self) -> String {
        let all = self.count * self.width;
        format!("var<workgroup> pairs: array<vec2<f32>, {all}>;\n")
    }

    /// Statements that leave a pair, and wait until all have.
    fn leave(&self, pair: &str) -> String {
        let Self { width, group, .. } = self;
        format!(
            "if thread % {group}u < {width}u {{ \
             pairs[thread / {group}u * {width}u + thread % {group}u] = {pair}; }}\nworkgroupBarrier();\n"
        )
    }

    /// Statements for the number, `part`, and the `pair` of each part that is a thread's share.
    fn each(&self, statements: &str) -> String {
        let Self { width, spread, .. } = self;
        let of = |turn: &str| {
            format!(
                "{{ let part = {turn} * {spread}u + thread / {width}u % {spread}u;\n\
                 let pair = pairs[part * {width}u + thread % {width}u];\n{statements}}}\n"
            )
        };
        match self.count / self.spread {
            turns @ 0..=UNROLLED => (0..turns).map(|turn| of(&format!("{turn}u"))).collect(),
            turns => format!(
                "for (var turn = 0u; turn < {turns}u; turn++) {}",
                of("turn")
            ),
        }
    }

    /// Statements that add what the threads have made of their shares.
    fn add_shares(&self, variable: &str) -> String {
        add_among(variable, self.width, self.width * self.spread)
    }
}

impl Moments {
    /// Statements that make of a thread's `sum` that of its part, and `middle`, the mean of that.
    pub(crate) fn middle(&self, shader: &Shader) -> String {
        let Parts { width, group, .. } = self.parts;
        let divisor = &self.divisor;
        let add = shader.add_in_subgroup("sum", width);
        format!("{add}let part = thread / {group}u;\nlet middle = sum / {divisor};\n")
    }

    /// Statements that make of `sum`, and of a thread's `square`, the sum of squared distances from `middle`, the
    /// channel's `mean` and `variance`.
    pub(crate) fn whole(&self, shader: &Shader) -> String {
        let add = shader.add_in_subgroup("square", self.parts.width);
        format!(
            "{add}let moments = moments_of_rows(vec2<f32>(sum, square), thread);\n\
             let mean = moments.x;\nlet variance = moments.y;\n"
        )
    }

    /// The function that puts the parts together: a part's squares about the mean of all are those about its own, and
    /// for each of its rows the square of the distance between the two.
    fn function(&self, count: usize) -> String {
        let Self {
            parts,
            rows,
            divisor,
        } = self;
        let n = number(count as f64);
        format!(
            "{}fn moments_of_rows(partial: vec2<f32>, thread: u32) -> vec2<f32> {{\n{}\
             var sum = 0.0;\n{}{}let mean = sum / {n};\n\
             var square = 0.0;\n{}{}return vec2<f32>(mean, square / {n});\n}}\n",
            parts.declaration(),
            parts.leave("partial"),
            parts.each("sum += pair.x;\n"),
            parts.add_shares("sum"),
            parts.each(&format!(
                "let away = pair.x / {divisor} - mean;\nsquare += pair.y + {rows} * (away * away);\n"
            )),
            parts.add_shares("square"),
        )
    }
}

impl Shader<'_> {
    /// Statements that add a variable over the threads of a subgroup that are multiples of `apart`
    /// from each other: pairs first, then pairs of pairs, so that all have the same bits.
    pub(crate) fn add_in_subgroup(&self, variable: &str, apart: usize) -> String {
        add_among(variable, apart, self.target.subgroup)
    }

    /// Declares the function `sum_of_rows`: every thread gives a value, those whose numbers differ by
    /// a multiple of `width` have the same channel, and each gets the sum of its channel. Subgroups
    /// add first, where they hold more than one value of a channel; then each thread adds what they
    /// left, in their order.
    pub(crate) fn sum_of_rows(&mut self, threads: usize, width: usize) {
        let group = self.target.subgroup.max(width);
        let among = self.add_in_subgroup("partial", width);
        self.function(format!(
            "var<workgroup> sums: array<f32, {}>;\n\
             fn sum_of_rows(value: f32, thread: u32) -> f32 {{\n\
             var partial = value;\n{among}\
             workgroupBarrier();\n\
             if thread % {group}u < {width}u {{ \
             sums[thread / {group}u * {width}u + thread % {group}u] = partial; }}\n\
             workgroupBarrier();\n\
             var sum = 0.0;\n\
             for (var part = 0u; part < {}u; part++) {{ \
             sum += sums[part * {width}u + thread % {width}u]; }}\n\
             return sum;\n}}\n",
            threads / group * width,
            threads / group,
        ));
    }

    /// Declares the function `sums_of_rows`: every thread gives two values, and gets the sums of both over its channel,
    /// behind a single barrier. So a kernel may call it once. Subgroups add first, then each shares out what all
    /// have left among its threads.
    pub(crate) fn sums_of_rows(&mut self, threads: usize, width: usize) {
        let parts = Parts::of(self, threads, width);
        self.function(format!(
            "{}fn sums_of_rows(values: vec2<f32>, thread: u32) -> vec2<f32> {{\n\
             var partial = values;\n{}{}var both = vec2<f32>(0.0, 0.0);\n{}{}return both;\n}}\n",
            parts.declaration(),
            self.add_in_subgroup("partial", width),
            parts.leave("partial"),
            parts.each("both += pair;\n"),
            parts.add_shares("both"),
        ));
    }

    /// Declares what [`Moments`] calls, once in a kernel: the mean and the variance of `count` rows of each channel, of
    /// which the threads that have it take turns, behind a single barrier. Each subgroup has squares about the mean of
    /// its own rows, so no digits are lost where the mean of all is far from 0.
    pub(crate) fn moments_of_rows(
        &mut self,
        threads: usize,
        width: usize,
        count: usize,
    ) -> Moments {
        let parts = Parts::of(self, threads, width);
        let [lanes, of_part] = [threads, parts.group].map(|threads| threads / width);
        let [whole, rest] = [count / lanes * of_part, count % lanes];
        let rows = match rest {
            0 => number(whole as f64),
            _ => {
                self.function(format!(
                    "fn rows_of(part: u32) -> f32 {{\n\
                     let first = part * {of_part}u;\n\
                     return f32({whole}u + min(max({rest}u, first) - first, {of_part}u));\n}}\n"
                ));
                "rows_of(part)".into()
            }
        };
        let divisor = match whole {
            // A part may have no rows, whose sum is 0.
            0 => format!("max({rows}, 1.0)"),
            _ => rows.clone(),
        };
        let moments = Moments {
            parts,
            rows,
            divisor,
        };
        self.function(moments.function(count));
        moments
    }
}

/// Statements that add a variable over threads of a subgroup whose numbers differ by multiples of `apart`, below
/// `end`: pairs first, then pairs of pairs, so that all have the same bits.
fn add_among(variable: &str, apart: usize, end: usize) -> String {
    let distances = std::iter::successors(Some(apart), |apart| Some(2 * apart));
    distances
        .take_while(|apart| *apart < end)
        .map(|apart| format!("{variable} += subgroupShuffleXor({variable}, {apart}u);\n"))
        .collect()
}
