//! Images made larger, and the gradient. Slices are sixteen channels.

use std::ops::Range;

use laptime_graph::{Upsample, UpsampleGrad};

use super::{CpuOp, Group, Places, Task};
use crate::{
    kernels::{Images, Run, Step},
    memory::View,
    simd::{LANES, Simd},
};

impl CpuOp for Upsample {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.main.outputs[0]);
        Task::Upsample(Repeat {
            small: at.images(x),
            large: at.images(y),
            small_of: small_of(self.factor, at.shape(y)),
        })
    }
}

impl CpuOp for UpsampleGrad {
    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.main.outputs[0]);
        Task::UpsampleGrad(RepeatGrad(Repeat {
            small: at.images(dx),
            large: at.images(dy),
            small_of: small_of(self.factor, at.shape(dy)),
        }))
    }
}

/// For each position of the large images of this shape, that of the small ones.
fn small_of([down, right]: [usize; 2], large: &[usize]) -> Vec<usize> {
    let columns = large[2] / right;
    let positions = 0..large[1] * large[2];
    positions
        .map(|position| position / large[2] / down * columns + position % large[2] / right)
        .collect()
}

/// Small and large images, and which position of the large ones is which of the small ones.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Repeat {
    small: Images,
    large: Images,
    small_of: Vec<usize>,
}

/// The large images become small: the sums of what is one position there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RepeatGrad(Repeat);

impl Run for Repeat {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for (position, from) in self.small_of.iter().enumerate() {
            for channel in self.large.channels_of(slices.clone()) {
                for at in (0..self.large.stride).step_by(LANES) {
                    // SAFETY: both images have this channel and block, and their positions.
                    unsafe {
                        let value = self.small.load(s, view, *from, channel, at);
                        s.store(self.large.at(view, position, channel).add(at), value);
                    }
                }
            }
        }
    }
}

impl Run for RepeatGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Repeat {
            small,
            large,
            small_of,
        } = &self.0;
        let channels = small.channels_of(slices);
        // SAFETY: both images have these channels and blocks, and their positions.
        unsafe {
            for position in 0..small.positions {
                for channel in channels.clone() {
                    for at in (0..small.stride).step_by(LANES) {
                        s.store(small.at(view, position, channel).add(at), s.splat(0.0));
                    }
                }
            }
            for (position, to) in small_of.iter().enumerate() {
                for channel in channels.clone() {
                    for at in (0..small.stride).step_by(LANES) {
                        let value = large.load(s, view, position, channel, at);
                        let sum = small.at(view, *to, channel).add(at);
                        s.store(sum, s.add(s.load(sum), value));
                    }
                }
            }
        }
    }
}
