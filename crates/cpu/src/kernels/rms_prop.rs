//! The update by RMSprop, of a gradient that is in memory: a kernel of its own, as a third rule in every
//! weight gradient would be a third more of the code that multiplies.

use std::ops::Range;

use super::{
    Run, Step,
    update::{ByRoot, Grid, moved_square},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// v ← v + (1−α)(g² − v), w ← w − step_size·g/(√v + ε); g is `gradient`, w and v have its layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RmsProp {
    pub(crate) constants: laptime_graph::RmsProp,
    pub(crate) gradient: Place,
    pub(crate) parameter: Place,
    pub(crate) second_moment: Place,
    pub(crate) grid: Grid,
}

impl Run for RmsProp {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let laptime_graph::RmsProp { alpha, epsilon, .. } = self.constants;
        let one_minus_alpha = s.splat((1.0 - alpha) as f32);
        let two_step_size = s.splat((2.0 * step.values.step_size) as f32);
        let by_root = ByRoot::new(s, epsilon);
        let [gradient, parameter, second_moment] =
            [self.gradient, self.parameter, self.second_moment].map(|place| view.at(place));
        let (outer_range, inner_range) = self.grid.blocks(slices);
        for outer in outer_range {
            for block in inner_range.clone() {
                let at = (outer * self.grid.inner + block) * LANES;
                // SAFETY: within the parameter, and of this thread's slices.
                unsafe {
                    let g = s.load(gradient.add(at));
                    let v = s.load(second_moment.add(at));
                    let v = moved_square(s, one_minus_alpha, g, v);
                    s.store(second_moment.add(at), v);
                    let half = by_root.half_quotient(s, g, v);
                    let w = s.load(parameter.add(at));
                    s.store(parameter.add(at), s.neg_mul_add(two_step_size, half, w));
                }
            }
        }
    }
}
