//! Gathers the batch's samples and scales their values, into the thread's own copy: every thread
//! reads all of the batch, and 25 KB of bytes cost less to convert twice than 100 KB of floats cost
//! to fetch from another core.

use std::ops::Range;

use laptime_workload::{Moved, dataset::Dtype};

use super::{Images, Matrix, Run, Step};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// How a dataset stores a value.
pub(super) trait Stored {
    const BYTES: usize;
    type Value: Copy + Default;

    /// The value at this place.
    fn value(given: &[u8], index: usize) -> Self::Value;

    /// A block of these.
    fn gathered<S: Simd>(s: S, values: [Self::Value; LANES]) -> S::Block;

    /// A block of the values from `start` on; 0 beyond the last.
    fn block<S: Simd>(s: S, sample: &[u8], start: usize) -> S::Block;
}

pub(super) struct Byte;

impl Stored for Byte {
    const BYTES: usize = 1;
    type Value = u8;

    #[inline(always)]
    fn value(given: &[u8], index: usize) -> u8 {
        given[index]
    }

    #[inline(always)]
    fn gathered<S: Simd>(s: S, values: [u8; LANES]) -> S::Block {
        // SAFETY: there are LANES bytes.
        unsafe { s.load_bytes(values.as_ptr()) }
    }

    #[inline(always)]
    fn block<S: Simd>(s: S, sample: &[u8], start: usize) -> S::Block {
        let mut last = [0; LANES];
        let from = if let Some(whole) = sample.get(start..start + LANES) {
            whole.as_ptr()
        } else {
            last[..sample.len() - start].copy_from_slice(&sample[start..]);
            last.as_ptr()
        };
        // SAFETY: there are LANES bytes, of the sample or of `last`.
        unsafe { s.load_bytes(from) }
    }
}

/// Of single precision.
pub(super) struct Float;

impl Stored for Float {
    const BYTES: usize = 4;
    type Value = f32;

    #[inline(always)]
    fn value(given: &[u8], index: usize) -> f32 {
        let (values, _) = given.as_chunks();
        f32::from_le_bytes(values[index])
    }

    #[inline(always)]
    fn gathered<S: Simd>(s: S, values: [f32; LANES]) -> S::Block {
        // SAFETY: there are LANES values.
        unsafe { s.load(values.as_ptr()) }
    }

    #[inline(always)]
    fn block<S: Simd>(s: S, sample: &[u8], start: usize) -> S::Block {
        let (values, _) = sample.as_chunks();
        let mut block = [0.0; LANES];
        for (to, from) in block.iter_mut().zip(&values[start..]) {
            *to = f32::from_le_bytes(*from);
        }
        Self::gathered(s, block)
    }
}

/// to (B, n) = the batch's values / divisor. Slices, where there are any, are runs of rows.
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
        // SAFETY: the caller's promise.
        unsafe {
            match step.arrays[self.column].column.dtype {
                Dtype::F32 => self.rows::<S, Float>(s, step, view, slices),
                _ => self.rows::<S, Byte>(s, step, view, slices),
            }
        }
    }
}

impl ScalePixels {
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn rows<S: Simd, V: Stored>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let values = self.to.columns;
        let bytes = values * V::BYTES;
        let given = &step.arrays[self.column].bytes[..];
        let rows = slices.start * self.rows_a_slice..slices.end * self.rows_a_slice;
        for row in rows.start..rows.end.min(self.to.rows) {
            if let Some(sample) = step.next_batch.get(row) {
                prefetch(s, &given[*sample as usize * bytes..][..bytes]);
            }
            let sample = step.batch[row] as usize;
            let sample = &given[sample * bytes..][..bytes];
            // SAFETY: the matrix has this row, with room for whole blocks.
            unsafe {
                let to = view.at(self.to.place).add(row * self.to.stride);
                if let Some(moved) = step.moves.get(row) {
                    let shape = &step.arrays[self.column].column.shape;
                    let image = Image::of(shape);
                    image.each_moved::<S, V>(s, sample, *moved, |start, block| {
                        // SAFETY: blocks begin below `values`.
                        s.store(to.add(start), quotient(s, block, self.divisor));
                    });
                    continue;
                }
                for start in (0..values).step_by(LANES) {
                    s.store(
                        to.add(start),
                        scaled::<S, V>(s, sample, start, self.divisor),
                    );
                }
            }
        }
    }
}

/// The values from `start` on, divided; 0 beyond the last.
#[inline(always)]
pub(super) fn scaled<S: Simd, V: Stored>(
    s: S,
    sample: &[u8],
    start: usize,
    divisor: f32,
) -> S::Block {
    quotient(s, V::block(s, sample, start), divisor)
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

/// The shape of an image that is augmented.
#[derive(Clone, Copy)]
struct Image {
    height: usize,
    width: usize,
    channels: usize,
}

impl Image {
    #[inline(always)]
    fn of(shape: &[usize]) -> Self {
        let [height, width, channels] = *shape else {
            unreachable!("what is augmented are images");
        };
        Self {
            height,
            width,
            channels,
        }
    }

    /// The pixel that is at this position of the augmented image.
    #[inline(always)]
    fn source(self, moved: Moved, position: usize) -> Option<usize> {
        let (row, column) = (position / self.width, position % self.width);
        moved.source([self.height, self.width], row, column)
    }

    /// Gives the values of the augmented image to `each`, in blocks.
    #[inline(always)]
    fn each_moved<S: Simd, V: Stored>(
        self,
        s: S,
        sample: &[u8],
        moved: Moved,
        each: impl Fn(usize, S::Block),
    ) {
        let values = self.height * self.width * self.channels;
        for start in (0..values).step_by(LANES) {
            let mut block = [V::Value::default(); LANES];
            for (to, index) in block.iter_mut().zip(start..values) {
                if let Some(pixel) = self.source(moved, index / self.channels) {
                    *to = V::value(sample, pixel * self.channels + index % self.channels);
                }
            }
            each(start, V::gathered(s, block));
        }
    }
}

/// Images = the batch's values / divisor, samples side by side. Slices are runs of positions.
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
        // SAFETY: the caller's promise.
        unsafe {
            match step.arrays[self.column].column.dtype {
                Dtype::F32 => self.gathered::<S, Float>(s, step, view, slices),
                _ => self.gathered::<S, Byte>(s, step, view, slices),
            }
        }
    }
}

impl ScaleImages {
    /// # Safety
    /// As of [`Run::run`].
    #[inline(always)]
    unsafe fn gathered<S: Simd, V: Stored>(
        &self,
        s: S,
        step: &Step,
        view: View,
        slices: Range<usize>,
    ) {
        let Images {
            positions,
            channels,
            samples,
            stride,
            ..
        } = self.to;
        let array = &step.arrays[self.column];
        let given = &array.bytes[..];
        let range = slices.start * self.positions_a_slice..slices.end * self.positions_a_slice;
        for position in range.start..range.end.min(positions) {
            for channel in 0..channels {
                let at = position * channels + channel;
                for start in (0..stride).step_by(LANES) {
                    let mut values = [V::Value::default(); LANES];
                    for (to, place) in values.iter_mut().zip(start..samples) {
                        let sample = step.batch[place] as usize;
                        let at = match step.moves.get(place) {
                            None => at,
                            Some(moved) => {
                                match Image::of(&array.column.shape).source(*moved, position) {
                                    Some(pixel) => pixel * channels + channel,
                                    None => continue,
                                }
                            }
                        };
                        *to = V::value(given, sample * positions * channels + at);
                    }
                    // SAFETY: the images have this position, channel and block.
                    unsafe {
                        let scaled = quotient(s, V::gathered(s, values), self.divisor);
                        s.store(self.to.at(view, position, channel).add(start), scaled);
                    }
                }
            }
        }
    }
}
