//! The convolution of groups of channels by themselves, and its gradients. Slices are sixteen channels of what is
//! made, which read any group. Padding is never multiplied, whatever the passes.

use std::ops::Range;

use laptime_graph::{
    CHANNELS, GroupedConv2d, GroupedConv2dGradInput, GroupedConv2dGradWeight, OUTPUTS, TensorId,
    schedule::Part,
};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, BY_OUTPUTS},
    tap_joins::{Met, met_by_input, met_by_output, met_by_tap},
    update::gradient_use,
};
use crate::{
    extents::is_weight,
    kernels::{GradientUse, Images, Rule, Run, Step, Terms, blocks, channel_sums, with_rule},
    memory::{Place, View},
    simd::{LANES, Simd},
};

impl CpuOp for GroupedConv2d {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_channels_made(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_output(&self.window, at.shape(x), at.shape(y));
        products(group, at, met, self.groups, false)
    }
}

impl CpuOp for GroupedConv2dGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_channels_made(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_input(&self.window, at.shape(dx), at.shape(dy));
        products(group, at, met, self.groups, true)
    }
}

impl CpuOp for GroupedConv2dGradWeight {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let inputs = &at.main().inputs;
        let part = |id| match id {
            id if inputs.contains(&id) => Part::Whole,
            id if is_weight(at.program, id) => BY_OUTPUTS,
            _ => Part::Whole,
        };
        vec![at.sliced(at.main().outputs[0], OUTPUTS, part)]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, dy) = (group.main.inputs[0], group.main.inputs[1]);
        let met = met_by_tap(&self.window, at.shape(x), at.shape(dy));
        let (x, dy) = (at.images(x), at.images(dy));
        Task::GroupedGradWeight(GradWeight {
            x,
            dy,
            inputs: x.channels / self.groups,
            outputs: dy.channels / self.groups,
            to: gradient_use(group, at),
            met,
        })
    }
}

/// Sixteen channels of the result a slice.
fn by_channels_made(at: &Arranging) -> Vec<Cut> {
    let made = at.main().outputs[0];
    let part = |id: TensorId| if id == made { BY_CHANNELS } else { Part::Whole };
    vec![at.sliced(made, CHANNELS, part)]
}

fn products(group: &Group, at: &Places, met: Met, groups: usize, is_gradient: bool) -> Task {
    let inputs = &group.main.inputs;
    let (from, to) = (at.images(inputs[0]), at.images(group.main.outputs[0]));
    let w = at.filters(inputs[1]);
    Task::Grouped(Products {
        from,
        weights: w.place,
        inputs: w.inputs,
        taps: w.taps,
        to,
        read: from.channels / groups,
        made: to.channels / groups,
        is_gradient,
        met,
    })
}

/// How many channels of a group are made at once, of values that are read once.
const AT_ONCE: usize = 4;

/// Each value is the sum, over taps and the channels of its group, of a weight times a value: y of x, or dx of dy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Products {
    from: Images,
    weights: Place,
    /// Channels that a filter sees, and its taps.
    inputs: usize,
    taps: usize,
    to: Images,
    /// Channels of a group of `from`, and of `to`.
    read: usize,
    made: usize,
    /// Whether filters make `from`, not `to`.
    is_gradient: bool,
    /// For each position of `to`: taps, with the positions of `from`.
    met: Met,
}

impl Products {
    /// Where the weight is that joins a filter with a channel of its group, by a tap.
    #[inline(always)]
    fn weight(&self, filter: usize, input: usize, tap: usize) -> usize {
        let tap = filter / LANES * self.taps + tap;
        (tap * self.inputs + input) * LANES + filter % LANES
    }

    /// Makes so many channels of one group at a position.
    ///
    /// # Safety
    /// `to` has this position, these channels and this block, and is not paired; `from` has the positions of
    /// `met`; the weights are filters of these groups.
    #[inline(always)]
    unsafe fn make<S: Simd, const CHANNELS: usize>(
        &self,
        s: S,
        view: View,
        (position, channel): (usize, usize),
        met: &[(usize, usize)],
        at: usize,
    ) {
        let group = channel / self.made;
        let mut sums = [s.splat(0.0); CHANNELS];
        // SAFETY: the caller's promise.
        unsafe {
            let weights = view.at(self.weights);
            for &(tap, from) in met {
                for read in 0..self.read {
                    let other = group * self.read + read;
                    let value = self.from.load(s, view, from, other, at);
                    for (next, sum) in sums.iter_mut().enumerate() {
                        let own = channel + next;
                        let place = match self.is_gradient {
                            true => self.weight(other, own % self.made, tap),
                            false => self.weight(own, read, tap),
                        };
                        *sum = s.mul_add(value, s.splat(*weights.add(place)), *sum);
                    }
                }
            }
            for (next, sum) in sums.into_iter().enumerate() {
                s.store(self.to.at(view, position, channel + next).add(at), sum);
            }
        }
    }
}

impl Run for Products {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let channels = self.to.channels_of(slices);
        for (position, met) in self.met.iter().enumerate() {
            let mut channel = channels.start;
            while channel < channels.end {
                let of_group = (channel / self.made + 1) * self.made;
                let is_wide = of_group.min(channels.end) - channel >= AT_ONCE;
                for at in (0..self.to.stride).step_by(LANES) {
                    let place = (position, channel);
                    // SAFETY: both images have these channels, positions and blocks; the channels are of one
                    // group.
                    unsafe {
                        if is_wide {
                            self.make::<S, AT_ONCE>(s, view, place, met, at);
                        } else {
                            self.make::<S, 1>(s, view, place, met, at);
                        }
                    }
                }
                channel += if is_wide { AT_ONCE } else { 1 };
            }
        }
    }
}

/// dw of x and dy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GradWeight {
    x: Images,
    dy: Images,
    /// Channels of a group of x, and of dy.
    inputs: usize,
    outputs: usize,
    to: GradientUse,
    /// For each tap: positions of x and of y.
    met: Met,
}

impl Run for GradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { x, dy, .. } = *self;
        with_rule!(&self.to, s, step, view, |rule| {
            for slice in blocks(slices, dy.channels) {
                for (tap, met) in self.met.iter().enumerate() {
                    for input in 0..self.inputs {
                        let channels = dy.channels_of(slice..slice + 1);
                        let terms = OfTap {
                            of: self,
                            input,
                            view,
                            met,
                        };
                        // SAFETY: both images have these channels and positions; the weights have this block,
                        // and it is this slice's; the array has LANES values.
                        unsafe {
                            let (_, products) =
                                channel_sums(s, channels, met.len(), x.samples, &terms);
                            let row = slice * self.met.len() + tap;
                            let at = (row * self.inputs + input) * LANES;
                            rule.apply(at, s.load(products.as_ptr()));
                        }
                    }
                }
            }
        });
    }
}

/// The values that a tap joins, of one channel of each group of x.
struct OfTap<'a> {
    of: &'a GradWeight,
    input: usize,
    view: View,
    met: &'a [(usize, usize)],
}

impl<S: Simd> Terms<S> for OfTap<'_> {
    #[inline(always)]
    unsafe fn at(&self, s: S, pair: usize, filter: usize, at: usize) -> (S::Block, S::Block) {
        let GradWeight {
            x,
            dy,
            inputs,
            outputs,
            ..
        } = *self.of;
        // SAFETY: the caller's promise.
        unsafe {
            let &(input, output) = self.met.get_unchecked(pair);
            let channel = filter / outputs * inputs + self.input;
            (
                x.load(s, self.view, input, channel, at),
                dy.load(s, self.view, output, filter, at),
            )
        }
    }
}
