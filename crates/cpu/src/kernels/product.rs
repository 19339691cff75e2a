//! The register tile that all products are made of.

use std::ops::Range;

use crate::simd::{LANES, Simd};

/// A run of steps of a sum: where it begins in each operand, and how long it is. A dense layer's sum
/// is one run; a convolution's has one for each part of the window that meets the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Values from the start of the scalars.
    pub(crate) a: u32,
    /// Values from the start of the blocks.
    pub(crate) b: u32,
    /// How many steps.
    pub(crate) steps: u32,
}

/// How many segments ahead rows of the scalars are fetched that lie on cache lines of their own.
/// The input gradient of a convolution reads weights a kilobyte here, a kilobyte there, which no
/// prefetcher of the processor follows; a segment takes some 50 ns, memory twice to three times that.
const SEGMENTS_AHEAD: usize = 4;

/// A matrix whose values are read one by one: value (row, step) is at
/// `row·row_stride + step·step_stride`.
#[derive(Clone, Copy)]
pub(super) struct Scalars {
    pub(super) start: *const f32,
    pub(super) row_stride: usize,
    pub(super) step_stride: usize,
}

/// A matrix whose values are read in blocks of sixteen: block b of a step is at
/// `step·step_stride + b·block_stride`.
#[derive(Clone, Copy)]
pub(super) struct Blocks {
    pub(super) start: *const f32,
    pub(super) step_stride: usize,
    pub(super) block_stride: usize,
}

/// How a scalar's lanes and a block are multiplied and added to a sum: a type and not a function for
/// the reason of [`Finish`].
pub(super) trait Multiply<S: Simd>: Copy {
    /// Must be `#[inline(always)]`.
    fn multiply_add(self, s: S, a: S::Block, b: S::Block, sum: S::Block) -> S::Block;
}

/// Lanes of single precision: `sum + a·b`.
#[derive(Clone, Copy)]
pub(super) struct Single;

impl<S: Simd> Multiply<S> for Single {
    #[inline(always)]
    fn multiply_add(self, s: S, a: S::Block, b: S::Block, sum: S::Block) -> S::Block {
        s.mul_add(a, b, sum)
    }
}

/// Lanes of two bfloat16 each, which are two steps of a sum in one: `sum + a₀·b₀ + a₁·b₁`.
#[derive(Clone, Copy)]
pub(super) struct Pairwise;

impl<S: Simd> Multiply<S> for Pairwise {
    #[inline(always)]
    fn multiply_add(self, s: S, a: S::Block, b: S::Block, sum: S::Block) -> S::Block {
        s.dot_pairs(a, b, sum)
    }
}

/// What is done with the sums of a product while they are in registers.
///
/// A trait and not a closure: a closure that is called from several places is compiled as a function
/// of its own, without the instruction set of its caller.
pub(super) trait Finish<S: Simd> {
    /// What a sum begins with: 0, or what an earlier part of its chain came to. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// As of [`Self::finish`].
    #[inline(always)]
    unsafe fn begin(&self, s: S, _row: usize, _block: usize) -> S::Block {
        s.splat(0.0)
    }

    /// Takes sixteen sums. Must be `#[inline(always)]`.
    ///
    /// # Safety
    /// The row and the block are within the product's.
    unsafe fn finish(&self, s: S, row: usize, block: usize, sum: S::Block);

    /// Asks for the cache lines that `finish` will want of a tile, before its sums are made.
    #[inline(always)]
    fn prefetch(&self, _s: S, _rows: Range<usize>, _blocks: Range<usize>) {}
}

/// For every row in `rows` and every block in `blocks` gives `finish` the block of
/// what it begins with + `Σ_step a(row, step) · b(step, block)`
///
/// over the steps of all segments. Each sum is one chain from the first step to the last, whatever
/// tile it falls into, so the result depends neither on the tile's size nor on where a range begins.
///
/// # Safety
/// All places that the formula names can be read.
#[inline(always)]
#[expect(
    clippy::too_many_arguments,
    reason = "a product has two operands, a range of each, and an end"
)]
pub(super) unsafe fn product<S: Simd>(
    s: S,
    multiply: impl Multiply<S>,
    rows: Range<usize>,
    blocks: Range<usize>,
    segments: &[Segment],
    a: Scalars,
    b: Blocks,
    finish: &impl Finish<S>,
) {
    let mut block = blocks.start;
    // SAFETY: the tiles below stay within the ranges.
    unsafe {
        while S::TILE.1 >= 2 && block + 2 <= blocks.end {
            strip::<S, 2>(s, multiply, rows.clone(), block, segments, a, b, finish);
            block += 2;
        }
        while block < blocks.end {
            strip::<S, 1>(s, multiply, rows.clone(), block, segments, a, b, finish);
            block += 1;
        }
    }
}

/// All rows of one strip of blocks.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "as of a product")]
unsafe fn strip<S: Simd, const BLOCKS: usize>(
    s: S,
    multiply: impl Multiply<S>,
    rows: Range<usize>,
    block: usize,
    segments: &[Segment],
    a: Scalars,
    b: Blocks,
    finish: &impl Finish<S>,
) {
    let mut row = rows.start;
    macro_rules! tiles {
        ($($height:literal),*) => {
            $(
                while is_used::<S>($height) && rows.end - row >= $height {
                    // SAFETY: rows and blocks lie within the caller's ranges.
                    unsafe {
                        finish.prefetch(s, row..row + $height, block..block + BLOCKS);
                        let sums = tile::<S, $height, BLOCKS>(s, multiply, row, block, segments, a, b, finish);
                        for (r, sums) in sums.into_iter().enumerate() {
                            for (i, sum) in sums.into_iter().enumerate() {
                                finish.finish(s, row + r, block + i, sum);
                            }
                        }
                    }
                    row += $height;
                }
            )*
        };
    }
    tiles!(8, 6, 4, 3, 2, 1);
}

/// Whether there are tiles of so many rows: of as many as the instruction set has registers for, and
/// of powers of two below for what is left. Others would only make the program larger.
const fn is_used<S: Simd>(height: usize) -> bool {
    height == S::TILE.0 || height < S::TILE.0 && height.is_power_of_two()
}

#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "as of a product")]
unsafe fn tile<S: Simd, const ROWS: usize, const BLOCKS: usize>(
    s: S,
    multiply: impl Multiply<S>,
    row: usize,
    block: usize,
    segments: &[Segment],
    a: Scalars,
    b: Blocks,
    finish: &impl Finish<S>,
) -> [[S::Block; BLOCKS]; ROWS] {
    let mut sums = [[s.splat(0.0); BLOCKS]; ROWS];
    // SAFETY: the caller's promise.
    unsafe {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = finish.begin(s, row + r, block + i);
            }
        }
        let a_start = a.start.add(row * a.row_stride);
        let b_start = b.start.add(block * b.block_stride);
        for (index, segment) in segments.iter().enumerate() {
            if a.row_stride >= LANES
                && let Some(later) = segments.get(index + SEGMENTS_AHEAD)
            {
                for row in 0..ROWS {
                    s.prefetch(a_start.wrapping_add(later.a as usize + row * a.row_stride));
                }
            }
            let a_segment = a_start.add(segment.a as usize);
            let b_segment = b_start.add(segment.b as usize);
            for step in 0..segment.steps as usize {
                let a_step = a_segment.add(step * a.step_stride);
                let b_step = b_segment.add(step * b.step_stride);
                let mut loaded = [s.splat(0.0); BLOCKS];
                for (i, value) in loaded.iter_mut().enumerate() {
                    *value = s.load(b_step.add(i * b.block_stride));
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let value = s.splat(*a_step.add(r * a.row_stride));
                    for (sum, loaded) in sums.iter_mut().zip(loaded) {
                        *sum = multiply.multiply_add(s, value, loaded, *sum);
                    }
                }
            }
        }
    }
    sums
}

impl Segment {
    /// The one segment of a sum of `steps` steps from the start of both operands.
    pub(super) fn whole(steps: usize) -> [Self; 1] {
        [Self {
            a: 0,
            b: 0,
            steps: steps as u32,
        }]
    }
}
