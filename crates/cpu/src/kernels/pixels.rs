//! Gathers the batch's samples and scales their pixels, into the thread's own copy: every thread
//! reads all of the batch, and 25 KB of bytes cost less to convert twice than 100 KB of floats cost
//! to fetch from another core.

use std::ops::Range;

use super::{Images, Matrix, Run, Step};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// to (B, n) = the batch's bytes / divisor. Slices, where there are any, are runs of rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScalePixels {
    pub(crate) column: usize,
    pub(crate) divisor: f32,
    pub(crate) to: Matrix,
    pub(crate) rows_a_slice: usize,
}

impl Run for ScalePixels {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let bytes = self.to.columns;
        let given = &step.arrays[self.column].bytes[..];
        let rows = slices.start * self.rows_a_slice..slices.end * self.rows_a_slice;
        for row in rows.start..rows.end.min(self.to.rows) {
            if let Some(sample) = step.next_batch.get(row) {
                prefetch(s, &given[*sample as usize * bytes..][..bytes]);
            }
            let sample = step.batch[row] as usize;
            let pixels = &given[sample * bytes..][..bytes];
            // SAFETY: the matrix has this row, with room for whole blocks.
            unsafe {
                let to = view.at(self.to.place).add(row * self.to.stride);
                for start in (0..bytes).step_by(LANES) {
                    s.store(to.add(start), scaled(s, pixels, start, self.divisor));
                }
            }
        }
    }
}

/// The bytes from `start` on, divided; 0 beyond the last.
#[inline(always)]
pub(super) fn scaled<S: Simd>(s: S, pixels: &[u8], start: usize, divisor: f32) -> S::Block {
    let mut last = [0; LANES];
    let from = if let Some(whole) = pixels.get(start..start + LANES) {
        whole.as_ptr()
    } else {
        last[..pixels.len() - start].copy_from_slice(&pixels[start..]);
        last.as_ptr()
    };
    // SAFETY: there are LANES bytes, of the sample or of `last`.
    quotient(s, unsafe { s.load_bytes(from) }, divisor)
}

/// A multiplication and one correction give the quotient as a division rounds it, at a fifth of its time.
#[inline(always)]
fn quotient<S: Simd>(s: S, x: S::Block, divisor: f32) -> S::Block {
    let reciprocal = s.splat(1.0 / divisor);
    let quotient = s.mul(x, reciprocal);
    let rest = s.neg_mul_add(quotient, s.splat(divisor), x);
    s.mul_add(rest, reciprocal, quotient)
}

/// Asks for a sample of the next step. Shuffled samples come from memory, whose latency would else
/// be a tenth of a Fashion-MNIST step.
#[inline(always)]
fn prefetch<S: Simd>(s: S, pixels: &[u8]) {
    const CACHE_LINE_BYTES: usize = 64;
    for line in pixels.chunks(CACHE_LINE_BYTES) {
        s.prefetch(line.as_ptr().cast());
    }
}

/// Images = the batch's bytes / divisor, samples side by side. Slices are runs of positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScaleImages {
    pub(crate) column: usize,
    pub(crate) divisor: f32,
    pub(crate) to: Images,
    pub(crate) positions_a_slice: usize,
}

impl Run for ScaleImages {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let Images {
            positions,
            channels,
            samples,
            stride,
            ..
        } = self.to;
        let given = &step.arrays[self.column].bytes[..];
        let range = slices.start * self.positions_a_slice..slices.end * self.positions_a_slice;
        for position in range.start..range.end.min(positions) {
            for channel in 0..channels {
                let at = position * channels + channel;
                for start in (0..stride).step_by(LANES) {
                    let mut bytes = [0; LANES];
                    for (byte, sample) in bytes.iter_mut().zip(start..samples) {
                        let sample = step.batch[sample] as usize;
                        *byte = given[sample * positions * channels + at];
                    }
                    // SAFETY: the images have this position, channel and block.
                    unsafe {
                        let scaled = quotient(s, s.load_bytes(bytes.as_ptr()), self.divisor);
                        s.store(self.to.at(view, position, channel).add(start), scaled);
                    }
                }
            }
        }
    }
}
