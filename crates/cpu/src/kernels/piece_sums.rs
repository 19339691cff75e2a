//! A batch norm's sums over all positions and samples, made in pieces: whoever has made some of the positions can
//! add up those, and whoever needs the sums puts the pieces together in their order.
//!
//! Which pieces there are follows from the images' shape alone, and they are those that tiles are cut into
//! ([`super::tiles`]), so whoever has a tile has whole pieces: the sums are the same for any number of threads, and
//! whether they are made while values are in registers or from memory. Within a piece, blocks of sixteen samples are
//! added in runs of about 32, as in [`super::sum_tree`]; lanes are added at the end of a run, and runs in double
//! precision.

use std::ops::Range;

use laptime_graph::schedule::{SUMS_A_TILE, share};

use super::{
    Images,
    channel_sums::{Channels, Terms},
    sum_tree::{RUN, blocks_of},
    tiles,
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// The pieces that sums over images' positions are made in, and the runs of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pieces {
    positions: usize,
    samples: usize,
    pub(super) count: usize,
    positions_a_run: usize,
}

impl Pieces {
    #[inline(always)]
    pub(crate) fn of(images: Images) -> Self {
        let slices = images.channels.div_ceil(LANES);
        Self {
            positions: images.positions,
            samples: images.samples,
            count: tiles::pieces(slices, images.positions),
            positions_a_run: (RUN / blocks_of(images.samples).max(1)).max(1),
        }
    }

    /// The positions of a piece.
    #[inline(always)]
    pub(super) fn positions(self, piece: usize) -> Range<usize> {
        share(self.positions, piece, self.count)
    }

    /// The piece that a position is in.
    #[inline(always)]
    fn at(self, position: usize) -> usize {
        ((position + 1) * self.count - 1) / self.positions
    }

    /// Those that positions are made up of, which begin and end as pieces do.
    #[inline(always)]
    pub(super) fn within(self, positions: Range<usize>) -> Range<usize> {
        if positions.is_empty() {
            return 0..0;
        }
        self.at(positions.start)..self.at(positions.end - 1) + 1
    }

    /// The position behind the run that this one begins.
    #[inline(always)]
    pub(super) fn run_end(self, position: usize) -> usize {
        let piece = self.positions(self.at(position));
        piece.end.min(position + self.positions_a_run)
    }

    /// The piece that ends before this position, if one does.
    #[inline(always)]
    pub(super) fn ended(self, position: usize) -> Option<usize> {
        let piece = self.at(position - 1);
        (self.positions(piece).end == position).then_some(piece)
    }

    /// How many values a piece has of each channel.
    #[inline(always)]
    pub(super) fn values(self, piece: usize) -> f64 {
        (self.positions(piece).len() * self.samples) as f64
    }

    /// The sums of a slice's piece, where they are left for another kernel.
    ///
    /// # Safety
    /// There is room for all sums of images with this slice, and they have this piece.
    #[inline(always)]
    pub(super) unsafe fn place(
        self,
        view: View,
        sums: Place,
        slice: usize,
        piece: usize,
    ) -> *mut PieceSums {
        let all: *mut PieceSums = view.at(sums).cast();
        // SAFETY: the caller's promise.
        unsafe { all.add(slice * self.count + piece) }
    }
}

/// The bytes of all sums of images of so many channels and positions.
pub(crate) fn sums_bytes(channels: usize, positions: usize) -> usize {
    let slices = channels.div_ceil(LANES);
    slices * tiles::pieces(slices, positions) * size_of::<PieceSums>()
}

/// The sums of one piece, for each channel of a slice; 0 for channels that are missing. Whole cache lines.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct PieceSums {
    /// What is taken off each value before it is added; 0 where nothing is.
    pub(super) centres: Channels,
    /// Of the first factors.
    pub(super) sums: Channels,
    /// Of their products with the second.
    pub(super) products: Channels,
}

const _: () = assert!(size_of::<PieceSums>() == SUMS_A_TILE * LANES * 4);

/// A sum and a sum of products of sixteen channels, still in sixteen lanes each.
type Lanes = [[Channels; LANES]; 2];

/// The sums of a piece that grows, a block now and a block then.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Growing {
    /// Of the run that is being made; of its last blocks, where they are more than [`RUN`].
    run: Lanes,
    /// Of the blocks of the run before those.
    longer: Lanes,
    /// Of the runs before.
    sums: [[f64; LANES]; 2],
    centres: Channels,
    /// Whether nothing of the piece is there yet.
    begins: bool,
}

impl Growing {
    /// Before the first piece.
    #[inline(always)]
    pub(super) fn begin(&mut self) {
        self.run = [[[0.0; LANES]; LANES]; 2];
        self.longer = [[[0.0; LANES]; LANES]; 2];
        self.begin_piece();
    }

    #[inline(always)]
    fn begin_piece(&mut self) {
        self.sums = [[0.0; LANES]; 2];
        self.centres = [0.0; LANES];
        self.begins = true;
    }

    /// Behind the last block of a run; where the piece ends with it, gives its sums and begins the next.
    #[inline(always)]
    pub(super) fn end_run<S: Simd>(
        &mut self,
        s: S,
        images: Images,
        ends_piece: bool,
    ) -> Option<PieceSums> {
        let is_long = images.sample_blocks() > RUN;
        for kind in 0..2 {
            let mut lanes = [s.splat(0.0); LANES];
            for (row, lanes) in lanes.iter_mut().enumerate() {
                let run = self.run[kind][row].as_mut_ptr();
                let longer = self.longer[kind][row].as_mut_ptr();
                // SAFETY: both have LANES values.
                unsafe {
                    *lanes = s.load(run);
                    s.store(run, s.splat(0.0));
                    if is_long {
                        *lanes = s.add(s.load(longer), *lanes);
                        s.store(longer, s.splat(0.0));
                    }
                }
            }
            add_run(s, &mut self.sums[kind], lanes);
        }
        if !ends_piece {
            return None;
        }
        let sums = rounded(&self.sums, self.centres);
        self.begin_piece();
        Some(sums)
    }
}

/// Adds the sums of the lanes of sixteen channels.
#[inline(always)]
fn add_run<S: Simd>(s: S, sums: &mut [f64; LANES], lanes: [S::Block; LANES]) {
    let mut of_run = [0.0; LANES];
    // SAFETY: the array has LANES values.
    unsafe { s.store(of_run.as_mut_ptr(), sum_of_each(s, lanes)) }
    for (sum, of_run) in sums.iter_mut().zip(of_run) {
        *sum += f64::from(of_run);
    }
}

/// Sums and sums of products in single precision.
#[inline(always)]
pub(super) fn rounded(sums: &[[f64; LANES]; 2], centres: Channels) -> PieceSums {
    let mut rounded = PieceSums {
        centres,
        sums: [0.0; LANES],
        products: [0.0; LANES],
    };
    for (channel, (sum, product)) in sums[0].iter().zip(&sums[1]).enumerate() {
        rounded.sums[channel] = *sum as f32;
        rounded.products[channel] = *product as f32;
    }
    rounded
}

/// The sum of each block, in the lane of its number.
#[inline(always)]
fn sum_of_each<S: Simd>(s: S, blocks: [S::Block; LANES]) -> S::Block {
    let mut lanes = s.transpose(blocks);
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] = s.add(lanes[lane], lanes[lane + width]);
        }
    }
    lanes[0]
}

/// A piece that grows, as it is added to at one position, and which lanes of a block are samples.
#[derive(Clone, Copy)]
pub(super) struct Adding {
    growing: *mut Growing,
    /// The blocks without the last, where that has lanes beyond the last sample.
    whole_blocks: usize,
    /// The samples of the last block then.
    rest: usize,
    /// Whether it is the piece's first position.
    begins: bool,
}

impl Adding {
    /// At the next position of the piece.
    ///
    /// # Safety
    /// The piece is there, and nobody else touches it.
    #[inline(always)]
    pub(super) unsafe fn new(images: Images, growing: *mut Growing) -> Self {
        // SAFETY: the caller's promise.
        let begins = unsafe { std::mem::replace(&mut (*growing).begins, false) };
        Self {
            growing,
            whole_blocks: images.samples / LANES,
            rest: images.samples % LANES,
            begins,
        }
    }

    /// Adds a value without its channel's centre, and the square of that. The centre is the first value of the
    /// piece, which `first` points at once the channel's first block at a position is stored.
    ///
    /// # Safety
    /// As of `add`, and `first` can be read.
    #[inline(always)]
    pub(super) unsafe fn add_centred<S: Simd>(
        self,
        s: S,
        row: usize,
        block: usize,
        value: S::Block,
        first: *const f32,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            if self.begins && block == 0 {
                (*self.growing).centres[row] = *first;
            }
            let centred = s.sub(value, s.splat((*self.growing).centres[row]));
            self.add(s, row, block, centred, centred);
        }
    }

    /// Adds a first factor, and its product with a second: of a channel at the position, block by block.
    ///
    /// # Safety
    /// The piece is there, and nobody else touches it.
    #[inline(always)]
    pub(super) unsafe fn add<S: Simd>(
        self,
        s: S,
        row: usize,
        block: usize,
        mut a: S::Block,
        mut b: S::Block,
    ) {
        if block >= self.whole_blocks {
            // Both, because what lies beyond the last sample may be anything.
            let mask = s.first(self.rest);
            (a, b) = (s.keep(mask, a), s.keep(mask, b));
        }
        // SAFETY: the caller's promise; all have LANES values.
        unsafe {
            let growing = &mut *self.growing;
            let [sum, product] = [0, 1].map(|kind: usize| growing.run[kind][row].as_mut_ptr());
            if block > 0 && block.is_multiple_of(RUN) {
                for (kind, run) in [sum, product].into_iter().enumerate() {
                    let longer = growing.longer[kind][row].as_mut_ptr();
                    s.store(longer, s.add(s.load(longer), s.load(run)));
                    s.store(run, s.splat(0.0));
                }
            }
            s.store(sum, s.add(s.load(sum), a));
            s.store(product, s.mul_add(a, b, s.load(product)));
        }
    }
}

/// Channels summed at once: two sums of each are half of the registers of AVX-512.
const CHANNELS_AT_ONCE: usize = 8;

/// The sums of a piece of images that are in memory, what is taken off being told by `centres`.
///
/// # Safety
/// The images that the terms read have these channels, and these pieces.
#[inline(always)]
pub(super) unsafe fn piece_in_memory<S: Simd>(
    s: S,
    pieces: Pieces,
    piece: usize,
    channels: Range<usize>,
    centres: Channels,
    terms: &impl Terms<S>,
) -> PieceSums {
    let mut sums = [[0.0; LANES]; 2];
    let positions = pieces.positions(piece);
    for first in positions.clone().step_by(pieces.positions_a_run) {
        let run = first..positions.end.min(first + pieces.positions_a_run);
        let mut lanes = [[s.splat(0.0); LANES]; 2];
        let mut channel = channels.start;
        while channel < channels.end {
            let at = channel - channels.start;
            // SAFETY: the channels lie within the caller's range.
            unsafe {
                if channels.end - channel >= CHANNELS_AT_ONCE {
                    let some =
                        run_lanes::<S, CHANNELS_AT_ONCE>(s, channel, run.clone(), pieces, terms);
                    for (lanes, some) in lanes.iter_mut().zip(some) {
                        lanes[at..at + CHANNELS_AT_ONCE].copy_from_slice(&some);
                    }
                    channel += CHANNELS_AT_ONCE;
                } else {
                    let [[sum], [product]] =
                        run_lanes::<S, 1>(s, channel, run.clone(), pieces, terms);
                    (lanes[0][at], lanes[1][at]) = (sum, product);
                    channel += 1;
                }
            }
        }
        for (sums, lanes) in sums.iter_mut().zip(lanes) {
            add_run(s, sums, lanes);
        }
    }
    rounded(&sums, centres)
}

/// The sums of a run of some channels, in the order in which [`Adding`] makes them.
#[inline(always)]
unsafe fn run_lanes<S: Simd, const CHANNELS: usize>(
    s: S,
    first: usize,
    positions: Range<usize>,
    pieces: Pieces,
    terms: &impl Terms<S>,
) -> [[S::Block; CHANNELS]; 2] {
    let samples = pieces.samples;
    let (blocks, whole_blocks) = (blocks_of(samples), samples / LANES);
    let zero = [[s.splat(0.0); CHANNELS]; 2];
    let (mut run, mut longer) = (zero, zero);
    for position in positions {
        for from in (0..blocks).step_by(RUN) {
            if from > 0 {
                for (longer, run) in longer.iter_mut().zip(run) {
                    for (longer, run) in longer.iter_mut().zip(run) {
                        *longer = s.add(*longer, run);
                    }
                }
                run = zero;
            }
            let [sums, products] = &mut run;
            for block in from..whole_blocks.min(from + RUN) {
                let each = sums.iter_mut().zip(products.iter_mut()).enumerate();
                for (channel, (sum, product)) in each {
                    // SAFETY: the caller's promise.
                    let (a, b) = unsafe { terms.at(s, position, first + channel, block * LANES) };
                    *sum = s.add(*sum, a);
                    *product = s.mul_add(a, b, *product);
                }
            }
            if whole_blocks < blocks.min(from + RUN) {
                let whole = whole_blocks * LANES;
                let mask = s.first(samples - whole);
                for (channel, (sum, product)) in sums.iter_mut().zip(products).enumerate() {
                    // SAFETY: the caller's promise: the last block is a whole one too.
                    let (a, b) = unsafe { terms.at(s, position, first + channel, whole) };
                    let (a, b) = (s.keep(mask, a), s.keep(mask, b));
                    *sum = s.add(*sum, a);
                    *product = s.mul_add(a, b, *product);
                }
            }
        }
    }
    if blocks > RUN {
        for (longer, run) in longer.iter().zip(&mut run) {
            for (longer, run) in longer.iter().zip(run) {
                *run = s.add(*longer, *run);
            }
        }
    }
    run
}

#[cfg(test)]
mod tests;
