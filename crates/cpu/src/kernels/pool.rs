//! Pools and their gradients. Slices are sixteen channels.

use std::ops::Range;

use super::{
    Images, Matrix, Run, Step,
    channel_sums::{Terms, row_sums},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// For each output position, the input positions that its window meets, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Windows(pub(crate) Vec<Vec<u32>>);

/// y = the largest value, not-a-number where one is, or the mean of each window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    pub(crate) x: Images,
    pub(crate) y: Images,
    pub(crate) windows: Windows,
    pub(crate) mean: bool,
}

impl Run for Pool {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        for (position, window) in self.windows.0.iter().enumerate() {
            let share = s.splat(1.0 / window.len() as f32);
            for channel in self.x.channels_of(slices.clone()) {
                for at in (0..self.x.stride).step_by(LANES) {
                    let mut value = s.splat(if self.mean { 0.0 } else { f32::NEG_INFINITY });
                    // SAFETY: x has these positions, y this one, both this channel and block.
                    unsafe {
                        for from in window {
                            let x = self.x.load(s, view, *from as usize, channel, at);
                            value = if self.mean {
                                s.add(value, x)
                            } else {
                                s.max_or_nan(value, x)
                            };
                        }
                        let value = if self.mean {
                            s.mul(value, share)
                        } else {
                            value
                        };
                        s.store(self.y.at(view, position, channel).add(at), value);
                    }
                }
            }
        }
    }
}

/// dx from dy: to the first largest value of each window, not-a-number being as large as ∞; or to all of
/// it in equal shares.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PoolGrad {
    /// x and y of a max pool; `None` for a mean.
    pub(crate) largest: Option<(Images, Images)>,
    pub(crate) dy: Images,
    pub(crate) dx: Images,
    pub(crate) windows: Windows,
}

impl Run for PoolGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let channels = self.dx.channels_of(slices);
        // SAFETY: all images have these channels, and the positions of the windows.
        unsafe {
            for position in 0..self.dx.positions {
                for channel in channels.clone() {
                    for at in (0..self.dx.stride).step_by(LANES) {
                        s.store(self.dx.at(view, position, channel).add(at), s.splat(0.0));
                    }
                }
            }
            for (position, window) in self.windows.0.iter().enumerate() {
                let share = s.splat(1.0 / window.len() as f32);
                for channel in channels.clone() {
                    for at in (0..self.dx.stride).step_by(LANES) {
                        let mut dy = s.load(self.dy.at(view, position, channel).add(at));
                        let largest = self.largest.map(|(x, y)| {
                            let y = y.load(s, view, position, channel, at);
                            let nan = s.is_nan(y);
                            let infinite = s.keep(nan, s.splat(f32::INFINITY));
                            (x, s.add(s.drop(nan, y), infinite))
                        });
                        if largest.is_none() {
                            dy = s.mul(dy, share);
                        }
                        for to in window.iter().map(|to| *to as usize) {
                            let mut part = dy;
                            if let Some((x, largest)) = largest {
                                // What is not below the largest is the largest; whoever comes
                                // first leaves 0 for the others.
                                let below = s.greater(largest, x.load(s, view, to, channel, at));
                                part = s.drop(below, dy);
                                dy = s.keep(below, dy);
                            }
                            let dx = self.dx.at(view, to, channel).add(at);
                            s.store(dx, s.add(s.load(dx), part));
                        }
                    }
                }
            }
        }
    }
}

/// y (B, C) = the mean of each channel over all positions of x.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GlobalAvgPool {
    pub(crate) x: Images,
    pub(crate) y: Matrix,
}

impl Run for GlobalAvgPool {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let share = s.splat(1.0 / self.x.positions as f32);
        for channel in self.x.channels_of(slices) {
            for start in (0..self.x.samples).step_by(LANES) {
                let terms = Block {
                    x: self.x,
                    view,
                    start,
                };
                // SAFETY: x has this channel and block at all positions, y these rows.
                unsafe {
                    let (sum, _) = row_sums(s, channel, self.x.positions, &terms);
                    let means = s.to_array(s.mul(sum, share));
                    for (sample, mean) in (start..self.x.samples).zip(means) {
                        *view.at(self.y.place).add(sample * self.y.stride + channel) = mean;
                    }
                }
            }
        }
    }
}

/// The values of sixteen samples, each position as a row.
struct Block {
    x: Images,
    view: View,
    start: usize,
}

impl<S: Simd> Terms<S> for Block {
    #[inline(always)]
    unsafe fn at(&self, s: S, position: usize, channel: usize, _: usize) -> (S::Block, S::Block) {
        // SAFETY: the caller's promise.
        let x = unsafe { self.x.load(s, self.view, position, channel, self.start) };
        (x, x)
    }
}

/// dx = dy (B, C), shared out evenly among all positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GlobalAvgPoolGrad {
    pub(crate) dy: Matrix,
    pub(crate) dx: Images,
}

impl Run for GlobalAvgPoolGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let share = s.splat(1.0 / self.dx.positions as f32);
        for channel in self.dx.channels_of(slices) {
            for start in (0..self.dx.samples).step_by(LANES) {
                let mut lanes = [0.0; LANES];
                // SAFETY: dy has these rows, dx this channel and block at all positions.
                unsafe {
                    for (sample, lane) in (start..self.dx.samples).zip(&mut lanes) {
                        *lane = *view
                            .at(self.dy.place)
                            .add(sample * self.dy.stride + channel);
                    }
                    let value = s.mul(s.load(lanes.as_ptr()), share);
                    for position in 0..self.dx.positions {
                        s.store(self.dx.at(view, position, channel).add(start), value);
                    }
                }
            }
        }
    }
}
