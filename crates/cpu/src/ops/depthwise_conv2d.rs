//! The convolution of each channel by itself, and its gradients. Slices are sixteen channels of everything, so
//! nothing crosses between threads; where that leaves threads idle, each is cut into pieces of the positions, or of the
//! taps. Padding is never multiplied, whatever the passes.

use std::ops::Range;

use laptime_graph::{
    CHANNELS, DepthwiseConv2d, DepthwiseConv2dGradInput, DepthwiseConv2dGradWeight, OUTPUTS,
    POSITIONS, TAPS, schedule::Part,
};

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, BY_OUTPUTS, leaves_idle},
    batch_norm::left_sums,
    tap_joins::{Met, met_by_input, met_by_output, met_by_tap},
    update::gradient_use,
};
use crate::{
    extents::is_weight,
    kernels::{
        GradientUse, Images, LeftSums, Rule, Run, Step, Terms, Tiles, channel_sums, with_rule,
    },
    memory::{Place, View},
    simd::{LANES, Simd},
};

impl CpuOp for DepthwiseConv2d {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_result(at)
    }

    fn leaves_sums(&self, operations: usize) -> bool {
        operations == 1
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, y) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_output(&self.window, at.shape(x), at.shape(y));
        products(group, at, met)
    }
}

impl CpuOp for DepthwiseConv2dGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_result(at)
    }

    fn leaves_sums(&self, operations: usize) -> bool {
        operations == 1
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (dy, dx) = (group.main.inputs[0], group.main.outputs[0]);
        let met = met_by_input(&self.window, at.shape(dx), at.shape(dy));
        products(group, at, met)
    }
}

impl CpuOp for DepthwiseConv2dGradWeight {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (dy, dw) = (at.main().inputs[1], at.main().outputs[0]);
        if !leaves_idle(at.program, dy, at.threads) {
            return by_channels(at);
        }
        // Who has some of the taps reads all positions.
        let part = |id, own| match is_weight(at.program, id) {
            true => own,
            false => Part::Whole,
        };
        vec![at.tiled(dw, (OUTPUTS, Some(TAPS)), part)]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, dy) = (group.main.inputs[0], group.main.inputs[1]);
        let met = met_by_tap(&self.window, at.shape(x), at.shape(dy));
        Task::DepthwiseGradWeight(GradWeight {
            x: at.images(x),
            dy: at.images(dy),
            to: gradient_use(group, at),
            met,
            tiles: group.tiles(group.last().outputs[0]),
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

/// The same or, where that leaves threads idle, pieces of its positions.
fn by_result(at: &Arranging) -> Vec<Cut> {
    let made = at.main().outputs[0];
    if !leaves_idle(at.program, made, at.threads) {
        return by_channels(at);
    }
    // What meets a piece of the positions is the window's affair.
    let part = |id, own| if id == made { own } else { Part::Whole };
    let cut = at.tiled(made, (CHANNELS, Some(POSITIONS)), part);
    vec![at.leaving_sums(cut)]
}

fn products(group: &Group, at: &Places, met: Met) -> Task {
    let (inputs, made) = (&group.main.inputs, group.main.outputs[0]);
    let w = at.filters(inputs[1]);
    Task::Depthwise(Products {
        from: at.images(inputs[0]),
        weights: w.place,
        taps: w.taps,
        to: at.images(made),
        met,
        tiles: group.tiles(made),
        sums: left_sums(at, made),
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
    /// Pieces of its positions.
    tiles: Tiles,
    /// The sums of these pieces, for a norm that is done apart.
    sums: Option<LeftSums>,
}

impl Run for Products {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for (slices, positions) in self.to.parts(self.tiles, slices) {
            for position in positions.clone() {
                for channel in self.to.channels_of(slices.clone()) {
                    // SAFETY: both images have this channel and these positions.
                    unsafe { self.at(s, view, position, channel) }
                }
            }
            if let Some(sums) = self.sums {
                // SAFETY: the images have these; tiles are whole pieces.
                unsafe { sums.leave(s, view, self.to, (slices, positions)) }
            }
        }
    }
}

impl Products {
    /// A channel at a position.
    ///
    /// # Safety
    /// As of [`Run::run`]; and both images have them.
    #[inline(always)]
    unsafe fn at<S: Simd>(&self, s: S, view: View, position: usize, channel: usize) {
        let first = channel / LANES * self.taps * LANES + channel % LANES;
        // SAFETY: both images have this channel and these positions and blocks, the weights all taps
        // of the channel, sixteen channels side by side.
        unsafe {
            let weights = view.at(self.weights).add(first);
            let to = self.to.at(view, position, channel);
            for at in (0..self.to.stride).step_by(LANES) {
                let mut sum = s.splat(0.0);
                for &(tap, from) in &self.met[position] {
                    let weight = s.splat(*weights.add(tap * LANES));
                    let value = self.from.load(s, view, from, channel, at);
                    sum = s.mul_add(value, weight, sum);
                }
                s.store(to.add(at), sum);
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
    /// Pieces of the taps.
    tiles: Tiles,
}

impl Run for GradWeight {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Self { x, dy, .. } = *self;
        with_rule!(&self.to, s, step, view, |rule| {
            let taps = self.met.len();
            for (slices, some) in self.tiles.of(slices, x.channels.div_ceil(LANES), taps) {
                for slice in slices {
                    for tap in some.clone() {
                        let met = &self.met[tap];
                        let channels = x.channels_of(slice..slice + 1);
                        let terms = OfTap { x, dy, view, met };
                        // SAFETY: both images have these channels and positions; the weights have this block, and
                        // it is this slice's; the array has LANES values.
                        unsafe {
                            let (_, products) =
                                channel_sums(s, channels, met.len(), x.samples, &terms);
                            let at = (slice * taps + tap) * LANES;
                            rule.apply(at, s.load(products.as_ptr()));
                        }
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
