//! Sums of channels that are made while values are in registers, a block now and a block then: the same
//! sums as [`super::channel_sums`], in the same order.

use super::{
    Images,
    channel_sums::Channels,
    sum_tree::{Runs, SumTree},
};
use crate::simd::{LANES, Simd};

/// Sums of sixteen channels and of products, still in sixteen lanes each.
type Lanes = [[Channels; LANES]; 2];

/// The sums of sixteen channels, and of their products: of the run that is being made, and what the runs
/// before it have come to. What is touched at every position lies together.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct LaneSums {
    run: Lanes,
    stretch: Lanes,
    total: Lanes,
}

impl LaneSums {
    pub(super) const ZERO: Self = Self {
        run: [[[0.0; LANES]; LANES]; 2],
        stretch: [[[0.0; LANES]; LANES]; 2],
        total: [[[0.0; LANES]; LANES]; 2],
    };

    /// Adds a channel's run, the one of this number, to those before it, and begins the next.
    #[inline(always)]
    fn end_run<S: Simd>(&mut self, s: S, row: usize, run: usize) {
        for kind in 0..2 {
            let sum = self.run[kind][row].as_mut_ptr();
            let stretch = self.stretch[kind][row].as_mut_ptr();
            let total = self.total[kind][row].as_mut_ptr();
            // SAFETY: each has LANES values.
            unsafe {
                let mut runs = Runs {
                    stretch: s.load(stretch),
                    total: s.load(total),
                };
                runs.add(s, run, s.load(sum));
                s.store(stretch, runs.stretch);
                s.store(total, runs.total);
                s.store(sum, s.splat(0.0));
            }
        }
    }
}

/// Sums in the scratch, as they are added to at one position, and which lanes of a block are samples.
#[derive(Clone, Copy)]
pub(super) struct SumsOf {
    kept: *mut LaneSums,
    /// The blocks without the last, where that has lanes beyond the last sample.
    whole_blocks: usize,
    /// The samples of the last block then.
    rest: usize,
    /// The run that the position's first block falls into, and whether it begins there.
    run: usize,
    begins: bool,
}

impl SumsOf {
    #[inline(always)]
    pub(super) fn new(images: Images, kept: *mut LaneSums, position: usize) -> Self {
        let (run, begins) = SumTree::new(images.sample_blocks()).run_of(position);
        Self {
            kept,
            whole_blocks: images.samples / LANES,
            rest: images.samples % LANES,
            run,
            begins,
        }
    }

    /// Adds a first factor, and its product with a second: of a channel at the position, block by block.
    ///
    /// # Safety
    /// The sums are there, and nobody else touches them.
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
        // SAFETY: the caller's promise.
        let kept = unsafe { &mut *self.kept };
        if let Some(behind) = SumTree::begun_in_position(block)
            && (behind > 0 || self.begins)
            && let Some(before) = (self.run + behind).checked_sub(1)
        {
            kept.end_run(s, row, before);
        }
        let [sum, product] = [0, 1].map(|kind: usize| kept.run[kind][row].as_mut_ptr());
        // SAFETY: each has LANES values.
        unsafe {
            s.store(sum, s.add(s.load(sum), a));
            s.store(product, s.mul_add(a, b, s.load(product)));
        }
    }
}

/// The sums over all lanes, once the last position is in them.
///
/// # Safety
/// The sums are there, of these images, and nobody else touches them.
#[inline(always)]
pub(super) unsafe fn total<S: Simd>(
    s: S,
    images: Images,
    kept: *mut LaneSums,
) -> (Channels, Channels) {
    // SAFETY: the caller's promise.
    let kept = unsafe { &mut *kept };
    let last = SumTree::new(images.sample_blocks()).runs(images.positions) - 1;
    let mut all = [[0.0; LANES]; 2];
    for row in 0..LANES {
        kept.end_run(s, row, last);
        for (kind, sums) in all.iter_mut().enumerate() {
            // SAFETY: both have LANES values.
            let runs = unsafe {
                Runs {
                    stretch: s.load(kept.stretch[kind][row].as_ptr()),
                    total: s.load(kept.total[kind][row].as_ptr()),
                }
            };
            sums[row] = s.sum(runs.sum(s));
        }
    }
    let [sums, products] = all;
    (sums, products)
}
