//! The formulas of activations on blocks of floats.

use laptime_graph::formulas::Algebra;

use crate::simd::{Simd, exp};

/// The arithmetic of blocks.
pub(super) struct OnBlocks<S>(pub(super) S);

impl<S: Simd> Algebra for OnBlocks<S> {
    type Value = S::Block;
    type Mask = S::Mask;

    #[inline(always)]
    fn constant(&mut self, value: f64) -> S::Block {
        self.0.splat(value as f32)
    }

    #[inline(always)]
    fn add(&mut self, a: S::Block, b: S::Block) -> S::Block {
        self.0.add(a, b)
    }

    #[inline(always)]
    fn sub(&mut self, a: S::Block, b: S::Block) -> S::Block {
        self.0.sub(a, b)
    }

    #[inline(always)]
    fn mul(&mut self, a: S::Block, b: S::Block) -> S::Block {
        self.0.mul(a, b)
    }

    #[inline(always)]
    fn quotient(&mut self, a: S::Block, b: S::Block) -> S::Block {
        self.0.div(a, b)
    }

    #[inline(always)]
    fn mul_add(&mut self, a: S::Block, b: S::Block, c: S::Block) -> S::Block {
        self.0.mul_add(a, b, c)
    }

    #[inline(always)]
    fn max(&mut self, a: S::Block, b: S::Block) -> S::Block {
        self.0.max(a, b)
    }

    #[inline(always)]
    fn greater(&mut self, a: S::Block, b: S::Block) -> S::Mask {
        self.0.greater(a, b)
    }

    #[inline(always)]
    fn select(&mut self, mask: S::Mask, yes: S::Block, no: S::Block) -> S::Block {
        let s = self.0;
        s.add(s.keep(mask, yes), s.drop(mask, no))
    }

    #[inline(always)]
    fn keep(&mut self, mask: S::Mask, a: S::Block) -> S::Block {
        self.0.keep(mask, a)
    }

    /// Above 89 that of 89, which is ∞: formulas divide by it.
    #[inline(always)]
    fn exp(&mut self, a: S::Block) -> S::Block {
        let s = self.0;
        let zero = s.splat(0.0);
        // The second operand of `max` is what may be no number.
        let opposite = s.max(s.splat(-89.0), s.sub(zero, a));
        exp(s, s.sub(zero, opposite))
    }
}
