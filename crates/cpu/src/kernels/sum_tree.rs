//! The order of the sums over all positions and samples of a channel, and over all rows of a matrix.
//!
//! One chain of additions loses a digit for every hundredfold of its length, more where all values have one
//! sign: over the pixels of a thousand images a norm's mean was off by 2·10⁻⁴. So blocks of sixteen
//! samples are added in *runs* of about 32, the sums of 32 runs in *stretches*, and those to the total.
//!
//! Which run a block falls into follows from the tensor's shape alone, and every run and every stretch is
//! summed by itself, from 0. So positions may be cut among threads wherever a stretch begins, or a
//! run where stretches are then made of their runs' sums: as long as the sums are added in their order, no
//! bit changes.

use std::ops::Range;

use crate::simd::{LANES, Simd};

/// Blocks of a run, at most: few enough to keep the digits, enough that what a run costs is nothing
/// beside them.
pub(super) const RUN: usize = 32;
/// Runs of a stretch.
const STRETCH: usize = 32;

/// How the blocks of a channel are cut into runs: several positions a run, or several runs a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SumTree {
    blocks: usize,
    positions_a_run: usize,
    runs_a_position: usize,
}

impl SumTree {
    /// Of positions that have so many blocks.
    #[inline(always)]
    pub(super) fn new(blocks: usize) -> Self {
        let blocks = blocks.max(1);
        Self {
            blocks,
            positions_a_run: (RUN / blocks).max(1),
            runs_a_position: blocks.div_ceil(RUN),
        }
    }

    /// The runs of so many positions.
    #[inline(always)]
    pub(super) fn runs(self, positions: usize) -> usize {
        positions.div_ceil(self.positions_a_run) * self.runs_a_position
    }

    /// The positions of a run, of so many, and the blocks of each.
    #[inline(always)]
    pub(super) fn part(self, run: usize, positions: usize) -> (Range<usize>, Range<usize>) {
        let first = run / self.runs_a_position * self.positions_a_run;
        let block = run % self.runs_a_position * RUN;
        (
            first..positions.min(first + self.positions_a_run),
            block..self.blocks.min(block + RUN),
        )
    }
}

/// What the runs of one sum have come to.
#[derive(Clone, Copy)]
pub(super) struct Runs<B> {
    pub(super) stretch: B,
    pub(super) total: B,
}

impl<B: Copy> Runs<B> {
    #[inline(always)]
    pub(super) fn zero<S: Simd<Block = B>>(s: S) -> Self {
        Self {
            stretch: s.splat(0.0),
            total: s.splat(0.0),
        }
    }

    /// Adds the sum of the run of this number, the one behind the last.
    #[inline(always)]
    pub(super) fn add<S: Simd<Block = B>>(&mut self, s: S, run: usize, sum: B) {
        if run.is_multiple_of(STRETCH) {
            self.total = s.add(self.total, self.stretch);
            self.stretch = s.splat(0.0);
        }
        self.stretch = s.add(self.stretch, sum);
    }

    #[inline(always)]
    pub(super) fn sum<S: Simd<Block = B>>(self, s: S) -> B {
        s.add(self.total, self.stretch)
    }
}

/// The number of blocks that so many samples fill.
#[inline(always)]
pub(super) fn blocks_of(samples: usize) -> usize {
    samples.div_ceil(LANES)
}
