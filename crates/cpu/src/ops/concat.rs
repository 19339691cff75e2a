//! Channels of several tensors, one behind the other, and back. Slices are rows, or positions of images: whole
//! lines of channels, which lie together.

use std::ops::Range;

use laptime_graph::{CHANNELS, Concat, Split as SplitOff, TensorId, schedule::Split};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, arranging::along};
use crate::{
    extents::{extent, lines},
    kernels::{Images, Matrix, Run, Step},
    memory::View,
    simd::{LANES, Simd},
};

impl CpuOp for Concat {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_lines(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (inputs, y) = (&group.main.inputs, group.main.outputs[0]);
        let moves = inputs.iter().zip(self.firsts());
        let moves: Vec<_> = moves.map(|(from, to)| ((*from, 0), (y, to))).collect();
        task(at, &moves)
    }
}

impl CpuOp for SplitOff {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_lines(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (y, part) = (group.main.inputs[0], group.main.outputs[0]);
        task(at, &[((y, self.from), (part, 0))])
    }
}

/// A row or a position of each tensor a slice.
fn by_lines(at: &Arranging) -> Vec<Cut> {
    let axes = lines(at.program, at.main().outputs[0]);
    let count = extent(at.program, at.main().outputs[0], axes);
    vec![at.cut(Some(count), Split::Slices, |_| along(axes, 1))]
}

/// A tensor, and the first of some of its channels.
type Channels = (TensorId, usize);

/// The kernel that moves channels from a tensor, from this one on, to a tensor, there from that one on.
fn task(at: &Places, moves: &[(Channels, Channels)]) -> Task {
    match at.is_images(moves[0].1.0) {
        true => Task::MoveImageChannels(kernel(at, moves, |id| at.images(id))),
        false => Task::MoveChannels(kernel(at, moves, |id| at.matrix(id))),
    }
}

fn kernel<T>(
    at: &Places,
    moves: &[(Channels, Channels)],
    of: impl Fn(TensorId) -> T,
) -> MoveChannels<T> {
    let channels = |id| extent(at.program, id, CHANNELS);
    let lines = extent(at.program, moves[0].0.0, lines(at.program, moves[0].0.0));
    let moves = moves.iter().map(|&((from, first), (to, there))| Move {
        from: of(from),
        first,
        to: of(to),
        there,
        channels: channels(from).min(channels(to)),
    });
    MoveChannels {
        moves: moves.collect(),
        lines,
    }
}

/// Channels of one tensor that become channels of another.
#[derive(Debug, Clone, PartialEq)]
struct Move<T> {
    from: T,
    /// The first of them.
    first: usize,
    to: T,
    /// Where that goes.
    there: usize,
    channels: usize,
}

/// Moves channels. Slices are lines.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MoveChannels<T> {
    moves: Vec<Move<T>>,
    lines: usize,
}

impl Run for MoveChannels<Images> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for position in slices.start..slices.end.min(self.lines) {
            for one in &self.moves {
                let Move {
                    from,
                    first,
                    to,
                    there,
                    channels,
                } = *one;
                for channel in 0..channels {
                    for at in (0..to.stride).step_by(LANES) {
                        // SAFETY: both have this position, these channels and this block.
                        unsafe {
                            let value = from.load(s, view, position, first + channel, at);
                            s.store(to.at(view, position, there + channel).add(at), value);
                        }
                    }
                }
            }
        }
    }
}

impl Run for MoveChannels<Matrix> {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, _: S, _: &Step, view: View, slices: Range<usize>) {
        for row in slices.start..slices.end.min(self.lines) {
            for one in &self.moves {
                let Move {
                    from,
                    first,
                    to,
                    there,
                    channels,
                } = *one;
                let end = there + channels;
                // SAFETY: both have this row and these columns, and they are different tensors; a row is as
                // long as the stride, with its padding.
                unsafe {
                    let read = view.at(from.place).add(row * from.stride + first);
                    let written = view.at(to.place).add(row * to.stride);
                    written.add(there).copy_from_nonoverlapping(read, channels);
                    if end == to.columns {
                        written.add(end).write_bytes(0, to.stride - end);
                    }
                }
            }
        }
    }
}
