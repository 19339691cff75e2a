//! Sums over all but the channels, as the gradient of a bias is.

use laptime_graph::{Operation, Program};

use crate::{
    shader::{Shader, THREADS},
    target::Target,
    work::Work,
};

/// What such an operation adds up.
pub(crate) trait ColumnSums {
    /// How many values each sum has.
    fn rows(&self, own: &Operation, program: &Program) -> usize {
        let elements = |id| program.tensor(id).elements();
        elements(own.inputs[0]) / elements(own.outputs[0])
    }

    /// The value of row `row` for the sum `i`; of rows of channels, at `index` in what the operation reads
    /// first.
    fn term(&self, own: &Operation, index: &str, shader: &mut Shader) -> String;
}

/// Channels of a workgroup; its other threads share the rows among them.
fn columns(all: usize) -> usize {
    all.next_power_of_two().min(16)
}

/// How many workgroups add up so many channels.
pub(crate) fn workgroups(all: usize) -> usize {
    all.div_ceil(columns(all))
}

/// What a workgroup does to add so many rows of so many channels.
pub(crate) fn work(all: usize, rows: usize) -> Work {
    let rows = rows.div_ceil(THREADS / columns(all));
    Work::of_values(rows, rows.div_ceil(LOADED), 1)
}

/// What a workgroup does that goes over a thread's rows of so many values once for each sum and, where it
/// `applies` them, again: from registers where these hold all.
pub(super) fn work_of_passes(rows: usize, values: usize, sums: usize, applies: usize) -> Work {
    let passes = if rows * values <= HELD {
        1
    } else {
        sums + applies
    };
    Work::of_values(rows * values, passes * rows.div_ceil(LOADED) + 1, sums)
}

/// Threads of a workgroup that goes over so many rows of so many values several times, where `width` threads share a
/// row: as many as make each hold few enough to load them all at once, so far as the target allows.
pub(super) fn threads(rows: usize, values: usize, width: usize, target: Target) -> usize {
    // Without subgroups each thread adds up what all of them leave.
    let most = match target.subgroup {
        1 => THREADS,
        _ => target.threads,
    };
    let mut threads = THREADS;
    while 2 * threads <= most && rows.div_ceil(threads / width) * values > WANTED {
        threads *= 2;
    }
    threads
}

/// Rows that a thread adds before it adds their sum to that of the rows before: one long chain of
/// additions loses digits.
const RUN: usize = 64;

/// Rows whose values a thread loads before it uses the first of them, so that it waits for memory once.
const LOADED: usize = 8;

/// Values that a thread holds in registers at most, where it goes over its rows several times.
const HELD: usize = 32;

/// Values that it had better hold at most: more registers would leave room for fewer threads on a multiprocessor.
const WANTED: usize = 16;

/// A loop over a thread's rows.
#[derive(Clone)]
pub(super) struct Rows<'a> {
    /// The thread's first row.
    pub first: String,
    /// All rows there are.
    pub count: usize,
    /// From one row of the thread to its next.
    pub apart: usize,
    /// Statements that name what the values need, of `row`.
    pub place: String,
    /// What is read of each row: a name, and the value.
    pub values: &'a [(&'a str, &'a str)],
}

impl Rows<'_> {
    /// Whether a thread can hold all values of its rows in registers from one loop to the next.
    fn can_be_held(&self) -> bool {
        self.count.div_ceil(self.apart) * self.values.len() <= HELD
    }

    /// The rows of each thread, one after another: the turn's number, and statements that are done in it.
    fn turns(&self, statements: impl Fn(usize) -> String) -> String {
        let Self {
            first,
            count,
            apart,
            place,
            ..
        } = self;
        let mut text = String::new();
        for turn in 0..count.div_ceil(*apart) {
            let row = format!("let row = {first} + {}u;\n", turn * apart);
            let statements = statements(turn);
            text += &match (turn + 1) * apart > *count {
                false => format!("{{ {row}{place}{statements}}}\n"),
                true => format!("{{ {row}if row < {count}u {{\n{place}{statements}}}\n}}\n"),
            };
        }
        text
    }

    /// What stands before several loops over these rows: declarations, and reads of all values, where they can
    /// be held. A thread then waits for memory once, and not in each loop.
    pub(super) fn begin(&self) -> [String; 2] {
        if !self.can_be_held() {
            return [String::new(), String::new()];
        }
        let turns = 0..self.count.div_ceil(self.apart);
        [
            turns.map(|turn| self.declare(turn)).collect(),
            self.turns(|turn| self.read(turn)),
        ]
    }

    /// One of several loops behind [`Self::begin`], which needs the first `needed` of the values.
    pub(super) fn pass(&self, needed: usize, sums: &[&str], body: &str) -> String {
        if !self.can_be_held() {
            let values = &self.values[..needed];
            let rows = Self {
                values,
                ..self.clone()
            };
            return rows.each(sums, body);
        }
        self.turns(|turn| self.name(turn) + body)
    }

    /// Variables for a turn's values.
    fn declare(&self, turn: usize) -> String {
        let values = self.values.iter();
        values
            .map(|(name, _)| format!("var {name}{turn} = 0.0;\n"))
            .collect()
    }

    /// Reads them.
    fn read(&self, turn: usize) -> String {
        let values = self.values.iter();
        values
            .map(|(name, value)| format!("{name}{turn} = {value};\n"))
            .collect()
    }

    /// Gives them the names that are used.
    fn name(&self, turn: usize) -> String {
        let values = self.values.iter();
        values
            .map(|(name, _)| format!("let {name} = {name}{turn};\n"))
            .collect()
    }

    /// The loop, with what is done for each row, which adds to these variables.
    pub(super) fn each(&self, sums: &[&str], body: &str) -> String {
        let Self {
            first,
            count,
            apart,
            ..
        } = self;
        let run = RUN * apart;
        if *count <= run {
            return self.stretch(first, &format!("{count}u"), body);
        }
        let of_each =
            |text: fn(&str) -> String| sums.iter().map(|sum| text(sum)).collect::<String>();
        format!(
            "for (var start = {first}; start < {count}u; start += {run}u) {{\n{}{}{}}}\n",
            of_each(|sum| format!("let {sum}_before = {sum};\n{sum} = 0.0;\n")),
            self.stretch("start", &format!("min({count}u, start + {run}u)"), body),
            of_each(|sum| format!("{sum} = {sum}_before + {sum};\n")),
        )
    }

    /// The rows from here to there: several at a time, then what is left.
    fn stretch(&self, start: &str, end: &str, body: &str) -> String {
        let Self {
            apart,
            place,
            values,
            ..
        } = self;
        let mut several = String::new();
        let row = |turn: usize| format!("let row = next + {}u;\n{place}", turn * apart);
        for turn in 0..LOADED {
            several += &self.declare(turn);
            several += &format!("{{ {}{}}}\n", row(turn), self.read(turn));
        }
        for turn in 0..LOADED {
            several += &format!("{{ {}{}{body}}}\n", row(turn), self.name(turn));
        }
        let mut one = row(0);
        for (name, value) in *values {
            one += &format!("let {name} = {value};\n");
        }
        format!(
            "{{\nvar next = {start};\nfor (; next + {}u < {end}; next += {}u) {{\n{several}}}\n\
             for (; next < {end}; next += {apart}u) {{\n{one}{body}}}\n}}\n",
            (LOADED - 1) * apart,
            LOADED * apart,
        )
    }
}

pub(crate) fn text(shader: &mut Shader, place: usize, op: &dyn ColumnSums) -> String {
    let operation = shader.operation(place);
    let all = shader.program.tensor(operation.outputs[0]).elements();
    let rows = op.rows(operation, shader.program);
    let columns = columns(all);
    let value = op.term(operation, &format!("row * {all}u + i"), shader);
    let chain = shader.chain(place).here();
    shader.sum_of_rows(THREADS, columns);
    let lanes = THREADS / columns;
    let rows = Rows {
        first: format!("thread / {columns}u"),
        count: rows,
        apart: lanes,
        place: String::new(),
        values: &[("value", &value)],
    };
    let add = rows.each(&["sum"], "sum += value;\n");
    format!(
        "{}let i = (group.y * groups.x + group.x) * {columns}u + thread % {columns}u;\n\
         var sum = 0.0;\n\
         if i < {all}u {{\n{add}}}\n\
         var v = sum_of_rows(sum, thread);\n\
         if thread >= {columns}u || i >= {all}u {{ return; }}\n\
         {chain}}}\n",
        shader.entry(THREADS)
    )
}
