//! Gives every tensor that reaches memory its layout and its place.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use laptime_graph::{
    Axis, CHANNELS, OpId, POSITIONS, Program, Role, TensorId,
    schedule::{Arena, Buffer, Layout, Part, Split, Stage},
};

use crate::{
    extents::{columns, extent, is_images, is_weight, rows_apart},
    kernels::sums_bytes,
    simd::LANES,
};

/// Buffers start on cache lines, so that no two threads write to the same line.
const LINE_BYTES: usize = 64;

/// Between persistent buffers. A parameter and its moments are as long as each other, often a
/// multiple of 4096 bytes; a load then waits for an earlier store whose address has the same low
/// 12 bits. Without the gap a Fashion-MNIST step took ten times as long.
const GAP_BYTES: usize = 17 * LINE_BYTES;

/// The buffers of all tensors that the stages touch, with room for sums of some.
pub(super) fn plan(program: &Program, stages: &[Stage], sums: &[Option<OpId>]) -> Vec<Buffer> {
    let lives = lives(program, stages);
    let unplaced = |id: TensorId, arena| {
        let mut buffer = unplaced(program, id, lives[id.0].partials, arena);
        if sums[id.0].is_some() {
            let [channels, positions] = [CHANNELS, POSITIONS].map(|axes| extent(program, id, axes));
            buffer.sums_bytes = sums_bytes(channels, positions);
            buffer.bytes += buffer.sums_bytes;
        }
        buffer
    };
    let mut buffers = Vec::new();
    let mut persistent_bytes = 0;
    for (tensor, _) in program.kept() {
        let buffer = unplaced(tensor, Arena::Persistent);
        buffers.push(Buffer {
            offset_bytes: persistent_bytes,
            ..buffer
        });
        persistent_bytes += buffers[buffers.len() - 1].bytes + GAP_BYTES;
    }
    for arena in [Arena::Step, Arena::Thread] {
        let mut living: Vec<(Buffer, Kept)> = (0..program.tensors.len())
            .map(TensorId)
            .filter(|id| !program.tensor(*id).role.is_kept())
            .filter_map(|id| {
                let life = &lives[id.0];
                let kept = life.kept.filter(|_| life.arena() == arena)?;
                Some((unplaced(id, arena), kept))
            })
            .collect();
        // Large ones first: small ones find room between them.
        living.sort_by_key(|(buffer, _)| Reverse(buffer.bytes));
        buffers.extend(place(living));
    }
    buffers
}

/// What the stages do with a tensor.
#[derive(Debug, Clone, Copy, Default)]
struct Life {
    kept: Option<Kept>,
    /// Whether each thread makes one for itself.
    of_each_thread: bool,
    /// The number of partial sums that it is stored as.
    partials: Option<usize>,
}

impl Life {
    fn arena(&self) -> Arena {
        if self.of_each_thread {
            Arena::Thread
        } else {
            Arena::Step
        }
    }
}

/// The stretches between barriers in which a tensor must be kept, from its first use to its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kept {
    first: usize,
    last: usize,
    /// Whether it is kept in the first stretch too: without a barrier at the step's end, the last one is also
    /// the next step's first.
    at_the_beginning: bool,
}

impl Kept {
    fn meets(&self, other: &Self) -> bool {
        let [a, b] = [self, other];
        a.first <= b.last && b.first <= a.last
            || a.at_the_beginning && (b.first == 0 || b.at_the_beginning)
            || b.at_the_beginning && a.first == 0
    }

    /// The same, where a step has so many barriers.
    fn within(self, barriers: usize) -> Self {
        match self.last {
            last if last < barriers.max(1) => self,
            last if self.first == last => Self {
                first: 0,
                last: 0,
                ..self
            },
            last => Self {
                last: last - 1,
                at_the_beginning: true,
                ..self
            },
        }
    }
}

/// Of each tensor.
fn lives(program: &Program, stages: &[Stage]) -> Vec<Life> {
    let mut lives = vec![Life::default(); program.tensors.len()];
    let mut stretch = 0;
    for stage in stages {
        for kernel in &stage.kernels {
            for access in &kernel.accesses {
                let life = &mut lives[access.tensor.0];
                life.kept = Some(Kept {
                    first: life.kept.map_or(stretch, |kept| kept.first),
                    last: stretch,
                    at_the_beginning: false,
                });
                life.of_each_thread |= access.write && kernel.split == Split::EachThread;
                if access.part == Part::Partial && life.partials.is_none() {
                    life.partials = Some(stage.slices);
                }
            }
        }
        stretch += usize::from(stage.barrier);
    }
    // Metrics are read behind the step: nothing that a thread makes for itself meanwhile takes their place.
    let of_threads = lives.iter().filter(|life| life.of_each_thread);
    let latest = of_threads.filter_map(|life| Some(life.kept?.first)).max();
    for metric in &program.metrics {
        if let (Some(kept), Some(latest)) = (&mut lives[metric.0].kept, latest) {
            kept.last = kept.last.max(latest);
        }
    }
    for life in &mut lives {
        life.kept = life.kept.map(|kept| kept.within(stretch));
    }
    lives
}

/// The most buffers for which first fit is tried: it compares each with all others. Nets that are in use
/// have some hundreds.
const MOST_COMPARED: usize = 2_000;

/// A place for each buffer, that of no other that lives at the same time.
fn place(living: Vec<(Buffer, Kept)>) -> Vec<Buffer> {
    if living.len() <= MOST_COMPARED {
        first_fit(living)
    } else {
        sweep(living)
    }
}

/// Puts each buffer at the first offset where it meets none that lives at the same time.
fn first_fit(living: Vec<(Buffer, Kept)>) -> Vec<Buffer> {
    let mut placed: Vec<(Buffer, Kept)> = Vec::new();
    for (mut buffer, kept) in living {
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(_, other)| other.meets(&kept))
            .map(|(other, _)| (other.offset_bytes, other.offset_bytes + size(other)))
            .collect();
        taken.sort_unstable();
        for (start, end) in taken {
            if buffer.offset_bytes + size(&buffer) <= start {
                break;
            }
            buffer.offset_bytes = buffer.offset_bytes.max(end);
        }
        placed.push((buffer, kept));
    }
    placed.into_iter().map(|(buffer, _)| buffer).collect()
}

/// Goes through the step, gives each buffer the smallest gap that has room for it when its life begins, and
/// gives the gap back behind its end: lives of a training nest like brackets, which this packs well.
fn sweep(mut living: Vec<(Buffer, Kept)>) -> Vec<Buffer> {
    // What must be kept over the step's end is kept all the time: it is little.
    let first = |kept: &Kept| if kept.at_the_beginning { 0 } else { kept.first };
    living.sort_by_key(|(_, kept)| first(kept));
    let mut gaps = Gaps::default();
    let mut ends: BinaryHeap<Reverse<(usize, usize, usize)>> = BinaryHeap::new();
    for (buffer, kept) in &mut living {
        while let Some(&Reverse((last, start, bytes))) = ends.peek()
            && last < first(kept)
        {
            ends.pop();
            gaps.give_back(start, bytes);
        }
        buffer.offset_bytes = gaps.take(size(buffer));
        ends.push(Reverse((kept.last, buffer.offset_bytes, size(buffer))));
    }
    living.into_iter().map(|(buffer, _)| buffer).collect()
}

/// The room between buffers, and behind them all.
#[derive(Debug, Default)]
struct Gaps {
    /// By length and first byte.
    by_size: BTreeSet<(usize, usize)>,
    /// Lengths by first byte.
    by_start: BTreeMap<usize, usize>,
    end: usize,
}

impl Gaps {
    fn take(&mut self, bytes: usize) -> usize {
        let fitting = self.by_size.range((bytes, 0)..).next().copied();
        let Some((length, start)) = fitting else {
            let start = self.end;
            self.end += bytes;
            return start;
        };
        self.remove(start, length);
        if length > bytes {
            self.add(start + bytes, length - bytes);
        }
        start
    }

    fn give_back(&mut self, mut start: usize, mut bytes: usize) {
        let before = self.by_start.range(..start).next_back();
        if let Some((&other, &length)) = before
            && other + length == start
        {
            self.remove(other, length);
            (start, bytes) = (other, bytes + length);
        }
        if let Some(&length) = self.by_start.get(&(start + bytes)) {
            self.remove(start + bytes, length);
            bytes += length;
        }
        self.add(start, bytes);
    }

    fn add(&mut self, start: usize, length: usize) {
        self.by_size.insert((length, start));
        self.by_start.insert(start, length);
    }

    fn remove(&mut self, start: usize, length: usize) {
        self.by_size.remove(&(length, start));
        self.by_start.remove(&start);
    }
}

/// The bytes of all copies.
fn size(buffer: &Buffer) -> usize {
    buffer.bytes * buffer.copies
}

/// A buffer with its layout, at no place yet; of a tensor that is stored as so many partial sums, if any.
fn unplaced(program: &Program, tensor: TensorId, partials: Option<usize>, arena: Arena) -> Buffer {
    let shape = &program.tensor(tensor).shape;
    let columns = extent(program, tensor, columns(program, tensor));
    let stride = columns.next_multiple_of(LANES);
    let layout = match partials {
        Some(slices) => Layout::Partials {
            slices,
            columns,
            stride,
        },
        None if is_weight(program, tensor) => match shape[2..] {
            [] => Layout::OutputLanes {
                columns,
                lanes: LANES,
            },
            ref kernel => Layout::FilterLanes {
                inputs: columns,
                taps: kernel.iter().product(),
                lanes: LANES,
            },
        },
        None if is_images(program, tensor) => {
            let (positions, channels) = (extent(program, tensor, POSITIONS), columns);
            let stride = shape[0].next_multiple_of(LANES);
            match program.tensor(tensor).role {
                Role::Rounded { .. } => Layout::SamplePairs {
                    positions,
                    channels,
                    stride,
                },
                _ => Layout::SampleLanes {
                    positions,
                    channels,
                    stride,
                },
            }
        }
        None => Layout::Rows {
            columns,
            stride: match program.tensor(tensor).has(Axis::Batch) {
                true => rows_apart(stride),
                false => stride,
            },
        },
    };
    let elements = layout.stored_elements(program.tensor(tensor).elements());
    Buffer {
        tensor,
        layout,
        arena,
        offset_bytes: 0,
        bytes: (elements * layout.value_bytes()).next_multiple_of(LINE_BYTES),
        // The next step's partial sums are written while slower threads still read this one's.
        copies: if partials.is_some() { 2 } else { 1 },
        sums_bytes: 0,
    }
}
