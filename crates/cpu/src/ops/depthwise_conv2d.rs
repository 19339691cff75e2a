//! The convolution of each channel by itself, and its gradients. Slices are sixteen channels of everything, so
//! nothing crosses between threads. Padding is never multiplied, whatever the passes.

use std::ops::Range;

use laptime_graph::{
    CHANNELS, DepthwiseConv2d, DepthwiseConv2dGradInput, DepthwiseConv2dGradWeight,
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

impl CpuOp for DepthwiseConv2d {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_channels(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_output(&self.window, at.shape(x), at.shape(y));
        products(group, at, met)
    }
}

impl CpuOp for DepthwiseConv2dGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_channels(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_input(&self.window, at.shape(dx), at.shape(dy));
        products(group, at, met)
    }
}

impl CpuOp for DepthwiseConv2dGradWeight {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_channels(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, dy) = (group.main.inputs[0], group.main.inputs[1]);
        let met = met_by_tap(&self.window, at.shape(x), at.shape(dy));
        Task::DepthwiseGradWeight(GradWeight {
            x: at.images(x),
            dy: at.images(dy),
            to: gradient_use(group, at),
            met,
        })
    }
}

/// Sixteen channels of images and weights a slice.
fn by_channels(at: &Arranging) -> Vec<Cut> {
    let part = |id| match is_weight(at.program, id) {
        true => BY_OUTPUTS,
        false => BY_CHANNELS,
    };
    let images = |id: &&laptime_graph::TensorId| !is_weight(at.program, **id);
    let own = at.main();
    let images = own.inputs.iter().find(images).expect("it reads images");
    vec![at.sliced(*images, CHANNELS, part)]
}

fn products(group: &Group, at: &Places, met: Met) -> Task {
    let inputs = &group.main.inputs;
    let w = at.filters(inputs[1]);
    Task::Depthwise(Products {
        from: at.images(inputs[0]),
        weights: w.place,
        taps: w.taps,
        to: at.images(group.main.outputs[0]),
        met,
    })
}

/// Each value is the sum, over taps, of a weight times a value of the same channel: y of x, or dx of dy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Products {
    from: Images,
    weights: Place,
    taps: usize,
    to: Images,
    /// For each position of `to`: taps, with the positions of `from`.
    met: Met,
}

impl Run for Products {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for (position, met) in self.met.iter().enumerate() {
            for channel in self.to.channels_of(slices.clone()) {
                let first = channel / LANES * self.taps * LANES + channel % LANES;
                // SAFETY: both images have this channel and these positions and blocks, the weights all taps
                // of the channel, sixteen channels side by side.
                unsafe {
                    let weights = view.at(self.weights).add(first);
                    let to = self.to.at(view, position, channel);
                    for at in (0..self.to.stride).step_by(LANES) {
                        let mut sum = s.splat(0.0);
                        for &(tap, from) in met {
                            let weight = s.splat(*weights.add(tap * LANES));
                            let value = self.from.load(s, view, from, channel, at);
                            sum = s.mul_add(value, weight, sum);
                        }
                        s.store(to.add(at), sum);
                    }
                }
            }
        }
    }
}

/// dw of x and dy.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GradWeight {
    x: Images,
    dy: Images,
    to: GradientUse,
    /// For each tap: positions of x and of y.
    met: Met,
}

impl Run for GradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { x, dy, .. } = *self;
        with_rule!(&self.to, s, step, view, |rule| {
            for slice in blocks(slices, x.channels) {
                for (tap, met) in self.met.iter().enumerate() {
                    let channels = x.channels_of(slice..slice + 1);
                    let terms = OfTap { x, dy, view, met };
                    // SAFETY: both images have these channels and positions; the weights have this block, and
                    // it is this slice's; the array has LANES values.
                    unsafe {
                        let (_, products) = channel_sums(s, channels, met.len(), x.samples, &terms);
                        let at = (slice * self.met.len() + tap) * LANES;
                        rule.apply(at, s.load(products.as_ptr()));
                    }
                }
            }
        });
    }
}

/// The values that a tap joins.
struct OfTap<'a> {
    x: Images,
    dy: Images,
    view: View,
    met: &'a [(usize, usize)],
}

impl<S: Simd> Terms<S> for OfTap<'_> {
    #[inline(always)]
    unsafe fn at(&self, s: S, pair: usize, channel: usize, at: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        unsafe {
            let &(input, output) = self.met.get_unchecked(pair);
            (
                self.x.load(s, self.view, input, channel, at),
                self.dy.load(s, self.view, output, channel, at),
            )
        }
    }
}
