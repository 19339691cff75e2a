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

impl Run for Rearrange {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, _: S, step: &Step, view: View, slices: Range<usize>) {
        let samples = slices.start..slices.end.min(self.samples);
        let before = (step.first * self.values) as u64;
        for index in samples.start * self.values..samples.end * self.values {
            let factor = self.drop.map_or(1.0, |drop| {
                drop.factor(step.values.number, before + index as u64)
            });
            // SAFETY: both tensors have this index.
            unsafe {
                let place = self.x.layout.stored_index(index);
                let x = match self.x.layout {
                    // A processor's bfloat16 pairs have their first in the lower half.
                    Layout::SamplePairs { .. } => {
                        let bits = *view.at(self.x.place).cast::<u16>().add(place);
                        f32::from_bits(u32::from(bits) << 16)
                    }
                    _ => *view.at(self.x.place).add(place),
                };
                *view.at(self.y.place).add(self.y.layout.stored_index(index)) = x * factor as f32;
            }
        }
    }
}
