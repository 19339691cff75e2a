//! Pools and their gradients. Slices are sixteen channels.

use std::ops::Range;

use super::{
    Images, Matrix, Run, Step, Tiles,
    channel_sums::{Terms, row_sums},
};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// For each output position, the input positions that its window meets, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Windows(pub(crate) Vec<Vec<u32>>);

impl Windows {
    /// Whether each of so many positions is in one window at the most; and those that must be 0 before anything is
    /// added to them: then those in none, else all.
    pub(crate) fn apart(&self, positions: usize) -> (bool, Vec<u32>) {
        let mut times = vec![0; positions];
        for position in self.0.iter().flatten() {
            times[*position as usize] += 1;
        }
        let is_apart = times.iter().all(|times| *times <= 1);
        let cleared = (0..positions as u32).filter(|it| !is_apart || times[*it as usize] == 0);
        (is_apart, cleared.collect())
    }

    /// For each of so many positions: the windows that it is in, with its place there.
    pub(crate) fn met(&self, positions: usize) -> Vec<Vec<(u32, u32)>> {
        let mut met = vec![Vec::new(); positions];
        for (window, positions) in self.0.iter().enumerate() {
            for (place, position) in positions.iter().enumerate() {
                met[*position as usize].push((window as u32, place as u32));
            }
        }
        met
    }
}

/// y = the largest value, not-a-number where one is, or the mean of each window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pool {
    /// Pieces of y's positions.
    pub(crate) tiles: Tiles,
    pub(crate) x: Images,
    pub(crate) y: Images,
    pub(crate) windows: Windows,
    pub(crate) mean: bool,
}

impl Run for Pool {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        let Self { x, y, .. } = *self;
        let tiles = y.parts(self.tiles, slices);
        let each =
            tiles.flat_map(|(slices, positions)| positions.map(move |it| (slices.clone(), it)));
        for (slices, position) in each {
            let window = &self.windows.0[position];
            let share = s.splat(1.0 / window.len() as f32);
            for channel in x.channels_of(slices.clone()) {
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
    /// Pieces of the windows, where these have no position of dx in common, or of dx's positions, which collect what
    /// they get.
    pub(crate) tiles: Tiles,
    /// For each position of dx, where these are cut, its windows and its place in each.
    pub(crate) collected: Option<Vec<Vec<(u32, u32)>>>,
    /// Whether windows have nothing in common, so that what one gives to dx is all that there is.
    pub(crate) is_apart: bool,
    /// The positions of dx that are set to 0 first.
    pub(crate) cleared: Vec<u32>,
    /// x and y of a max pool; `None` for a mean.
    pub(crate) largest: Option<(Images, Images)>,
    pub(crate) dy: Images,
    pub(crate) dx: Images,
    pub(crate) windows: Windows,
}

impl Run for PoolGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, _: &Step, view: View, slices: Range<usize>) {
        if let Some(met) = &self.collected {
            for (slices, positions) in self.dx.parts(self.tiles, slices) {
                // SAFETY: the caller's promise.
                unsafe { self.collect(s, view, self.dx.channels_of(slices), positions, met) }
            }
            return;
        }
        let windows = &self.windows.0;
        let tiles = self
            .tiles
            .of(slices, self.dx.channels.div_ceil(LANES), windows.len());
        for (slices, positions) in tiles {
            // SAFETY: the caller's promise. Where tiles are less than a slice, windows have nothing in common, and
            // what the first tile sets to 0 is in none.
            unsafe {
                let channels = self.dx.channels_of(slices);
                if positions.start == 0 {
                    self.clear(s, view, channels.clone());
                }
                self.share_out(s, view, channels, positions);
            }
        }
    }
}

impl PoolGrad {
    /// Sets dx to 0 where that must be.
    ///
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn clear<S: Simd>(&self, s: S, view: View, channels: Range<usize>) {
        for position in &self.cleared {
            for channel in channels.clone() {
                for at in (0..self.dx.stride).step_by(LANES) {
                    // SAFETY: the caller's promise: dx has this position, channel and block.
                    unsafe {
                        let to = self.dx.at(view, *position as usize, channel);
                        s.store(to.add(at), s.splat(0.0));
                    }
                }
            }
        }
    }

    /// Stores what these positions of dx get of all windows, the bits that windows would add one after the other.
    ///
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn collect<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
        positions: Range<usize>,
        met: &[Vec<(u32, u32)>],
    ) {
        for position in positions {
            for channel in channels.clone() {
                for at in (0..self.dx.stride).step_by(LANES) {
                    let mut sum = s.splat(0.0);
                    for (number, place) in &met[position] {
                        let number = *number as usize;
                        let window = &self.windows.0[number];
                        // SAFETY: all images have these channels, and the positions of the windows.
                        unsafe {
                            let mut dy = s.load(self.dy.at(view, number, channel).add(at));
                            if let Some((x, y)) = self.largest {
                                let y = y.load(s, view, number, channel, at);
                                let nan = s.is_nan(y);
                                let infinite = s.keep(nan, s.splat(f32::INFINITY));
                                let largest = s.add(s.drop(nan, y), infinite);
                                for before in &window[..*place as usize] {
                                    let x = x.load(s, view, *before as usize, channel, at);
                                    dy = s.keep(s.greater(largest, x), dy);
                                }
                                let x = x.load(s, view, position, channel, at);
                                dy = s.drop(s.greater(largest, x), dy);
                            } else {
                                dy = s.mul(dy, s.splat(1.0 / window.len() as f32));
                            }
                            sum = s.add(sum, dy);
                        }
                    }
                    // SAFETY: dx has this position, channel and block.
                    unsafe { s.store(self.dx.at(view, position, channel).add(at), sum) }
                }
            }
        }
    }

    /// Adds to dx what it has of dy at these windows.
    ///
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn share_out<S: Simd>(
        &self,
        s: S,
        view: View,
        channels: Range<usize>,
        positions: Range<usize>,
    ) {
        // SAFETY: all images have these channels, and the positions of the windows.
        unsafe {
            for position in positions {
                let window = &self.windows.0[position];
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
                            let before = if self.is_apart {
                                s.splat(0.0)
                            } else {
                                s.load(dx)
                            };
                            s.store(dx, s.add(before, part));
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
