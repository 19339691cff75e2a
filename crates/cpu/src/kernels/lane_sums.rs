//! Sums of channels that are made while values are in registers, a block now and a block then: the same
//! sums as [`super::channel_sums`], in the same order.

use super::{Images, channel_sums::Channels};
use crate::simd::{LANES, Simd};

/// The sums of sixteen channels, still in sixteen lanes each.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct LaneSums {
    sums: [Channels; LANES],
    products: [Channels; LANES],
}

impl LaneSums {
    pub(super) const ZERO: Self = Self {
        sums: [[0.0; LANES]; LANES],
        products: [[0.0; LANES]; LANES],
    };
}

/// Sums in the scratch, and which lanes of a block are samples.
#[derive(Clone, Copy)]
pub(super) struct SumsOf {
    kept: *mut LaneSums,
    /// The blocks without the last, where that has lanes beyond the last sample.
    whole_blocks: usize,
    /// The samples of the last block then.
    rest: usize,
}

impl SumsOf {
    #[inline(always)]
    pub(super) fn new(images: Images, kept: *mut LaneSums) -> Self {
        Self {
            kept,
            whole_blocks: images.samples / LANES,
            rest: images.samples % LANES,
        }
    }

    /// Adds a first factor, and its product with a second.
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
        unsafe {
            let LaneSums { sums, products } = &mut *self.kept;
            let (sum, product) = (sums[row].as_mut_ptr(), products[row].as_mut_ptr());
            s.store(sum, s.add(s.load(sum), a));
            s.store(product, s.mul_add(a, b, s.load(product)));
        }
    }

    /// The sums over all lanes.
    ///
    /// # Safety
    /// As of [`Self::add`].
    #[inline(always)]
    pub(super) unsafe fn total<S: Simd>(self, s: S) -> (Channels, Channels) {
        // SAFETY: the caller's promise.
        unsafe {
            let LaneSums { sums, products } = &*self.kept;
            let mut all = [[0.0; LANES]; 2];
            for (all, of_rows) in all.iter_mut().zip([sums, products]) {
                for (sum, lanes) in all.iter_mut().zip(of_rows) {
                    *sum = s.sum(s.load(lanes.as_ptr()));
                }
            }
            let [sums, products] = all;
            (sums, products)
        }
    }
}
