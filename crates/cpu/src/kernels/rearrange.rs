//! Values on their way from one layout to another, and dropout: done one by one, which is slow.
//! Neither is in a built-in workload.

use std::ops::Range;

use laptime_graph::{Dropout as Rule, schedule::Layout};

use super::{Run, Step};
use crate::{
    memory::{Place, View},
    simd::Simd,
};

/// A tensor with its layout, as `samples` rows of `values` values in row-major order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stored {
    pub(crate) place: Place,
    pub(crate) layout: Layout,
}

/// y = x in another layout, values dropped where there is a rule. Slices are samples.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rearrange {
    pub(crate) x: Stored,
    pub(crate) y: Stored,
    pub(crate) samples: usize,
    pub(crate) values: usize,
    pub(crate) drop: Option<Rule>,
}

/// Values of each sample that are moved at once: of samples that lie side by side, those are as many cache lines.
const VALUES_AT_ONCE: usize = 16;

impl Run for Rearrange {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, _: S, step: &Step, view: View, slices: Range<usize>) {
        let samples = slices.start..slices.end.min(self.samples);
        for first in (0..self.values).step_by(VALUES_AT_ONCE) {
            let last = self.values.min(first + VALUES_AT_ONCE);
            for sample in samples.clone() {
                // SAFETY: the caller's promise, and both tensors have these values of this sample.
                unsafe {
                    match self.drop {
                        None => self.move_values(view, sample, first..last, |_| 1.0),
                        Some(drop) => {
                            let before = (step.first * self.values + sample * self.values) as u64;
                            let (mut block, mut factors) = (u64::MAX, [0.0; 4]);
                            self.move_values(view, sample, first..last, |value| {
                                let index = before + value as u64;
                                if index / 4 != block {
                                    block = index / 4;
                                    factors = drop.factors(step.values.number, block);
                                }
                                factors[(index % 4) as usize] as f32
                            });
                        }
                    }
                }
            }
        }
    }
}

impl Rearrange {
    /// Moves values of a sample, each times its factor.
    ///
    /// # Safety
    /// As of [`Run::run`]; both tensors have these values of this sample.
    #[inline(always)]
    unsafe fn move_values(
        &self,
        view: View,
        sample: usize,
        values: Range<usize>,
        mut factor: impl FnMut(usize) -> f32,
    ) {
        let (from, to) = (
            self.x.line(sample, self.values),
            self.y.line(sample, self.values),
        );
        for value in values {
            let index = sample * self.values + value;
            let place = |stored: Stored, line: Option<Line>| match line {
                Some(line) => line.start + value * line.step,
                None => stored.layout.stored_index(index),
            };
            // SAFETY: the caller's promise.
            unsafe {
                let at = place(self.x, from);
                let x = match self.x.layout {
                    // A processor's bfloat16 pairs have their first in the lower half.
                    Layout::SamplePairs { .. } => {
                        let bits = *view.at(self.x.place).cast::<u16>().add(at);
                        f32::from_bits(u32::from(bits) << 16)
                    }
                    _ => *view.at(self.x.place).add(at),
                };
                *view.at(self.y.place).add(place(self.y, to)) = x * factor(value);
            }
        }
    }
}

/// Where a sample's values lie, where that is at even distances.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    step: usize,
}

impl Stored {
    /// The line of a sample of so many values; `None` where [`Layout::stored_index`] must be asked for each.
    #[inline(always)]
    fn line(self, sample: usize, values: usize) -> Option<Line> {
        match self.layout {
            Layout::SampleLanes { stride, .. } => Some(Line {
                start: sample,
                step: stride,
            }),
            Layout::Rows { columns, stride } if columns == values => Some(Line {
                start: sample * stride,
                step: 1,
            }),
            _ => None,
        }
    }
}
