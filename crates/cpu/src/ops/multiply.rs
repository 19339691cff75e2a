//! Products value by value, and of images with a factor for each channel. Slices are sixteen channels.

use std::ops::Range;

use laptime_graph::{Multiply, MultiplyChannels, MultiplyChannelsGrad};

use super::{Arranging, CpuOp, Cut, Group, Places, Task, pointwise::pointwise};
use crate::{
    kernels::{Function, Images, Matrix, Run, Step, Terms, row_sums},
    memory::View,
    simd::{LANES, Simd},
};

impl CpuOp for Multiply {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        at.value_by_value()
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        pointwise(group, at, Function::Multiply)
    }
}

impl CpuOp for MultiplyChannels {
    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::ScaleChannels(ScaleChannels {
            x: at.images(group.main.inputs[0]),
            factors: at.matrix(group.main.inputs[1]),
            y: at.images(group.main.outputs[0]),
        })
    }
}

impl CpuOp for MultiplyChannelsGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        Task::ScaleChannelsGrad(ScaleChannelsGrad {
            dy: at.images(group.main.inputs[0]),
            x: at.images(group.main.inputs[1]),
            to: at.matrix(group.main.outputs[0]),
        })
    }
}

/// y = x·factors, of which each sample has one for each channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScaleChannels {
    x: Images,
    factors: Matrix,
    y: Images,
}

impl Run for ScaleChannels {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { x, factors, y } = *self;
        for channel in y.channels_of(slices) {
            for start in (0..y.samples).step_by(LANES) {
                let mut lanes = [0.0; LANES];
                // SAFETY: the factors have these rows and this column, both images this channel and block at
                // all positions; the array has LANES values.
                unsafe {
                    for (sample, lane) in (start..y.samples).zip(&mut lanes) {
                        *lane = *view
                            .at(factors.place)
                            .add(sample * factors.stride + channel);
                    }
                    let factor = s.load(lanes.as_ptr());
                    for position in 0..y.positions {
                        let value = x.load(s, view, position, channel, start);
                        let to = y.at(view, position, channel).add(start);
                        s.store(to, s.mul(value, factor));
                    }
                }
            }
        }
    }
}

/// The sums of dy·x over all positions, of each sample and channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScaleChannelsGrad {
    dy: Images,
    x: Images,
    to: Matrix,
}

impl Run for ScaleChannelsGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { dy, x, to } = *self;
        for channel in slices.start * LANES..(slices.end * LANES).min(to.stride) {
            for start in (0..dy.samples).step_by(LANES) {
                // SAFETY: both images have this block at all positions, of a channel that there is; a row of
                // sums is as long as the stride, with its padding, which stays 0.
                unsafe {
                    let mut sums = [0.0; LANES];
                    if channel < to.columns {
                        let terms = Products { dy, x, view, start };
                        let (_, products) = row_sums(s, channel, dy.positions, &terms);
                        sums = s.to_array(products);
                    }
                    for (sample, sum) in (start..dy.samples).zip(sums) {
                        *view.at(to.place).add(sample * to.stride + channel) = sum;
                    }
                }
            }
        }
    }
}

/// The values of sixteen samples, each position as a row.
struct Products {
    dy: Images,
    x: Images,
    view: View,
    start: usize,
}

impl<S: Simd> Terms<S> for Products {
    #[inline(always)]
    unsafe fn at(&self, s: S, position: usize, channel: usize, _: usize) -> (S::Block, S::Block) {
        let Self { dy, x, view, start } = *self;
        // SAFETY: the caller's promise.
        unsafe {
            (
                dy.load(s, view, position, channel, start),
                x.load(s, view, position, channel, start),
            )
        }
    }
}
