//! The memory of a lowered Schedule: arenas of numbers, read and written through the layouts of
//! its buffers, so that a misplaced or overlapping buffer shows in the result.
//!
//! Every value is one `f64` here, in a place for each two bytes, or for each four where only values of
//! four bytes live. What no one has written yet is NaN.

use std::{collections::BTreeMap, ops::Range};

use laptime_graph::{
    Program, Role, TensorId,
    schedule::{Arena, Buffer, Layout, Schedule},
};

pub(crate) struct Memory<'a> {
    program: &'a Program,
    buffers: Vec<Option<&'a Buffer>>,
    arenas: BTreeMap<Arena, Vec<f64>>,
    written: Vec<bool>,
    copy: usize,
}

impl<'a> Memory<'a> {
    /// Panics where a buffer cannot be what it says.
    pub(crate) fn new(program: &'a Program, schedule: &'a Schedule) -> Self {
        let mut buffers = vec![None; program.tensors.len()];
        for buffer in &schedule.buffers {
            check(program, buffer);
            let place = &mut buffers[buffer.tensor.0];
            assert!(
                place.replace(buffer).is_none(),
                "`{}` has two buffers",
                program.tensor(buffer.tensor).name
            );
        }
        let arenas = [Arena::Persistent, Arena::Step, Arena::Thread]
            .into_iter()
            .map(|arena| {
                (
                    arena,
                    vec![f64::NAN; schedule.arena_bytes(arena).div_ceil(place_bytes(arena))],
                )
            })
            .collect();
        Self {
            program,
            buffers,
            arenas,
            written: vec![false; program.tensors.len()],
            copy: 0,
        }
    }

    /// Forgets all that lives within a step, and takes the other copy of buffers that have two.
    pub(crate) fn begin_step(&mut self) {
        for arena in [Arena::Step, Arena::Thread] {
            if let Some(values) = self.arenas.get_mut(&arena) {
                values.fill(f64::NAN);
            }
        }
        for (written, tensor) in self.written.iter_mut().zip(&self.program.tensors) {
            *written &= tensor.role.is_kept();
        }
        self.copy = 1 - self.copy;
    }

    pub(crate) fn has(&self, tensor: TensorId) -> bool {
        self.buffers[tensor.0].is_some()
    }

    /// The tensor's values, row-major. Panics, naming `reader`, where there is nothing to read.
    pub(crate) fn read(&self, tensor: TensorId, reader: &str) -> Vec<f64> {
        let name = &self.program.tensor(tensor).name;
        let Some(buffer) = self.buffers[tensor.0] else {
            panic!("{reader} reads `{name}`, which has no buffer");
        };
        assert!(
            self.written[tensor.0],
            "{reader} reads `{name}` before it is written"
        );
        let stored = &self.arenas[&buffer.arena][self.place(buffer)];
        let width = buffer.layout.value_bytes() / place_bytes(buffer.arena);
        let parts = buffer.layout.partials();
        let mut values = vec![0.0; self.program.tensor(tensor).elements()];
        for part in stored.chunks(stored.len() / parts) {
            let mut is_padding = vec![true; part.len()];
            buffer
                .layout
                .each_stored_in_lines(values.len(), |index, place| {
                    values[index] += part[place * width];
                    is_padding[place * width] = false;
                });
            let mut padding = part.iter().zip(&is_padding).filter(|(_, is)| **is);
            assert!(
                padding.all(|(value, _)| *value == 0.0),
                "{reader} reads `{name}`, whose padding something else has overwritten"
            );
        }
        values
    }

    /// Stores the tensor's row-major values; padding, and partials but the first, become 0.
    /// Panics, naming `writer`, where the tensor has no buffer.
    pub(crate) fn write(&mut self, tensor: TensorId, values: &[f64], writer: &str) {
        let name = &self.program.tensor(tensor).name;
        let Some(buffer) = self.buffers[tensor.0] else {
            panic!("{writer} writes `{name}`, which has no buffer");
        };
        self.written[tensor.0] = true;
        let place = self.place(buffer);
        let width = buffer.layout.value_bytes() / place_bytes(buffer.arena);
        let arena = self
            .arenas
            .get_mut(&buffer.arena)
            .expect("all arenas exist");
        let stored = &mut arena[place];
        stored.fill(0.0);
        buffer
            .layout
            .each_stored_in_lines(values.len(), |index, place| {
                stored[place * width] = values[index];
            });
    }

    /// The places of this step's copy of a buffer in its arena.
    fn place(&self, buffer: &Buffer) -> Range<usize> {
        let copy = self.copy % buffer.copies;
        let first = (buffer.offset_bytes + copy * buffer.bytes) / place_bytes(buffer.arena);
        let elements = self.program.tensor(buffer.tensor).elements();
        let bytes = buffer.layout.stored_elements(elements) * buffer.layout.value_bytes();
        first..first + bytes / place_bytes(buffer.arena)
    }
}

/// The bytes that one place of an emulated arena stands for. Parameters are never in pairs of two
/// bytes, and have most of the memory.
fn place_bytes(arena: Arena) -> usize {
    match arena {
        Arena::Persistent => 4,
        Arena::Step | Arena::Thread => 2,
    }
}

/// How many values the layout takes for one row, or for one output or sample.
fn columns(layout: Layout) -> usize {
    match layout {
        Layout::Rows { columns, .. }
        | Layout::RowPairs { columns }
        | Layout::OutputLanes { columns, .. }
        | Layout::Partials { columns, .. } => columns,
        Layout::FilterLanes { inputs, taps, .. } | Layout::FilterPartials { inputs, taps, .. } => {
            inputs * taps
        }
        Layout::SampleLanes {
            positions,
            channels,
            ..
        }
        | Layout::SamplePairs {
            positions,
            channels,
            ..
        } => positions * channels,
    }
}

fn check(program: &Program, buffer: &Buffer) {
    let tensor = program.tensor(buffer.tensor);
    let name = &tensor.name;
    assert!(
        !matches!(tensor.role, Role::Input { .. }),
        "`{name}` is given to every step and has no buffer of its own"
    );
    assert_eq!(
        tensor.role.is_kept(),
        buffer.arena == Arena::Persistent,
        "`{name}` is in the wrong arena, {:?}",
        buffer.arena
    );
    assert!(
        buffer.copies >= 1 && (buffer.copies == 1 || buffer.arena != Arena::Persistent),
        "`{name}` has {} copies",
        buffer.copies
    );
    assert!(
        buffer.offset_bytes.is_multiple_of(4) && buffer.bytes.is_multiple_of(4),
        "`{name}` does not lie on whole values"
    );
    let columns = columns(buffer.layout);
    assert!(
        columns > 0 && tensor.elements().is_multiple_of(columns),
        "`{name}` of {} values has rows of {columns}",
        tensor.elements()
    );
    match buffer.layout {
        Layout::Rows { stride, .. } | Layout::Partials { stride, .. } => assert!(
            stride >= columns,
            "`{name}` has rows of {columns} values but a stride of {stride}"
        ),
        Layout::RowPairs { columns } => assert!(
            columns.is_multiple_of(2),
            "`{name}` has pairs across rows of {columns} values"
        ),
        Layout::OutputLanes { lanes, .. }
        | Layout::FilterLanes { lanes, .. }
        | Layout::FilterPartials { lanes, .. } => {
            assert!(lanes > 0, "`{name}` has no lanes");
        }
        Layout::SampleLanes { stride, .. } | Layout::SamplePairs { stride, .. } => {
            let samples = tensor.elements() / columns;
            assert!(
                stride >= samples,
                "`{name}` has {samples} samples but a stride of {stride}"
            );
        }
    }
    assert!(
        buffer.layout.value_bytes() == 4 || buffer.arena != Arena::Persistent,
        "`{name}` lives across steps in reduced precision"
    );
    let needed = buffer.layout.value_bytes() * buffer.layout.stored_elements(tensor.elements());
    assert!(
        buffer.bytes >= needed,
        "`{name}` needs {needed} bytes and has a buffer of {}",
        buffer.bytes
    );
}
