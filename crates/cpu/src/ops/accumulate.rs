use std::ops::Range;

use laptime_graph::Accumulate;

use super::{Arranging, CpuOp, Cut, Group, Places, Task, update};
use crate::{
    kernels::{Grid, Run, Step},
    memory::{Place, View},
    simd::{LANES, Simd},
};

impl CpuOp for Accumulate {
    /// As the update is, which goes on with the sum.
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        update::cuts(at)
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let sum = group.main.outputs[0];
        Task::AddUp(AddUp {
            gradient: at.place(group.main.inputs[0]),
            sum: at.place(sum),
            grid: update::grid(group, at, sum),
        })
    }
}

/// sum ← g in a step's first micro-batch, sum + g in the others; both have one layout.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AddUp {
    gradient: Place,
    sum: Place,
    grid: Grid,
}

impl Run for AddUp {
    #[inline(always)]
    unsafe fn run<S: Simd>(&self, s: S, step: &Step, view: View, slices: Range<usize>) {
        let [gradient, sum] = [self.gradient, self.sum].map(|place| view.at(place));
        let is_first = step.first == 0;
        let (outer_range, inner_range) = self.grid.blocks(slices);
        for outer in outer_range {
            for block in inner_range.clone() {
                let at = (outer * self.grid.inner + block) * LANES;
                // SAFETY: within the gradient and its sum, and of this thread's slices.
                unsafe {
                    let mut value = s.load(gradient.add(at));
                    if !is_first {
                        value = s.add(s.load(sum.add(at)), value);
                    }
                    s.store(sum.add(at), value);
                }
            }
        }
    }
}
