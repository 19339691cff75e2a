//! The update by AMSGrad, of a gradient that is in memory: a kernel of its own, as RMSprop's is.

use std::ops::Range;

use super::{
    Run, Step,
    update::{ByRoot, Grid, moved_square},
};
use crate::{
    memory::{Place, View},
    simd::{LANES, Simd},
};

/// m and v as Adam's, x ← max(x, v), w ← w − decay·w − step_size·m/(√x + ε); g is `gradient`, the others have its
/// layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AmsGrad {
    pub(crate) constants: laptime_graph::Adam,
    /// Whether the parameter decays before the step.
    pub(crate) decays: bool,
    pub(crate) gradient: Place,
    pub(crate) parameter: Place,
    pub(crate) first_moment: Place,
    pub(crate) second_moment: Place,
    /// x.
    pub(crate) largest: Place,
    pub(crate) grid: Grid,
}

impl Run for AmsGrad {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let laptime_graph::Adam { beta1, beta2, .. } = self.constants;
        let one_minus_beta1 = s.splat((1.0 - beta1) as f32);
        let one_minus_beta2 = s.splat((1.0 - beta2) as f32);
        let two_step_size = s.splat((2.0 * step.values.step_size) as f32);
        let decay = s.splat(step.values.decay as f32);
        let by_root = ByRoot::new(s, step.values.epsilon);
        let [gradient, parameter, first_moment, second_moment, largest] = [
            self.gradient,
            self.parameter,
            self.first_moment,
            self.second_moment,
            self.largest,
        ]
        .map(|place| view.at(place));
        let (outer_range, inner_range) = self.grid.blocks(slices);
        for outer in outer_range {
            for block in inner_range.clone() {
                let at = (outer * self.grid.inner + block) * LANES;
                // SAFETY: within the parameter, and of this thread's slices.
                unsafe {
                    let g = s.load(gradient.add(at));
                    let m = s.load(first_moment.add(at));
                    let m = s.mul_add(one_minus_beta1, s.sub(g, m), m);
                    s.store(first_moment.add(at), m);
                    let v = s.load(second_moment.add(at));
                    let v = moved_square(s, one_minus_beta2, g, v);
                    s.store(second_moment.add(at), v);
                    // In this order a v that is not a number stays: see `Simd::max`.
                    let x = s.max(s.load(largest.add(at)), v);
                    s.store(largest.add(at), x);
                    let half = by_root.half_quotient(s, m, x);
                    let mut w = s.load(parameter.add(at));
                    // Not a decay of 0: see `AdamRule`.
                    if self.decays {
                        w = s.neg_mul_add(decay, w, w);
                    }
                    s.store(parameter.add(at), s.neg_mul_add(two_step_size, half, w));
                }
            }
        }
    }
}
