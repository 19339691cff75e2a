//! Links what is done to parameters: updates, rounding, and what becomes of a gradient.

use laptime_graph::{
    AdamW, Op, Operation, TensorId,
    schedule::{Layout, Part},
};

use super::{Group, Linker};
use crate::{
    kernels::{Adam, Cut, GradientUse, Grid, RmsProp, RoundWeights, Sgd, Task, Update},
    simd::LANES,
};

impl Linker<'_> {
    pub(super) fn round_weights(&self, group: &Group) -> Task {
        let Operation {
            inputs, outputs, ..
        } = group.main;
        Task::RoundWeights(RoundWeights {
            from: self.place(inputs[0]),
            to: self.place(outputs[0]),
            grid: self.grid(group, outputs[0]),
        })
    }

    /// The use of a gradient that is in memory, or of zeros.
    pub(super) fn update(&self, group: &Group, gradient: Option<TensorId>) -> Task {
        let grid = self.grid(group, group.last().outputs[0]);
        if let (Op::RmsProp(constants), [gradient, parameter, second_moment]) =
            (group.main.op, &group.main.inputs[..])
        {
            return Task::RmsProp(RmsProp {
                constants,
                gradient: self.place(*gradient),
                parameter: self.place(*parameter),
                second_moment: self.place(*second_moment),
                grid,
            });
        }
        Task::Update(Update {
            gradient: gradient.map(|gradient| self.place(gradient)),
            to: self.gradient_use(group),
            grid,
        })
    }

    /// How a group that works on all blocks of a parameter alike is cut.
    pub(super) fn grid(&self, group: &Group, parameter: TensorId) -> Grid {
        let layout = self.buffer(parameter).layout;
        let blocks = layout.stored_elements(self.program.tensor(parameter).elements()) / LANES;
        let (Layout::OutputLanes { columns: inner, .. }
        | Layout::FilterLanes { inputs: inner, .. }) = layout
        else {
            return Grid {
                outer: 1,
                inner: blocks,
                cut: Cut::Inner { width: 1 },
            };
        };
        match (group.part(parameter), layout) {
            (Part::Along { axis: 0, .. }, Layout::FilterLanes { taps, .. }) => Grid {
                outer: blocks / (inner * taps),
                inner: inner * taps,
                cut: Cut::Outer,
            },
            (Part::Along { axis: 0, .. }, _) => Grid {
                outer: blocks / inner,
                inner,
                cut: Cut::Outer,
            },
            _ => Grid {
                outer: blocks / inner,
                inner,
                cut: Cut::Inner { width: LANES },
            },
        }
    }

    /// What becomes of the gradient that a group makes or reads.
    pub(super) fn gradient_use(&self, group: &Group) -> GradientUse {
        let last = group.last();
        let place = |index: usize| self.place(last.inputs[index]);
        match last.op {
            Op::Adam(constants)
            | Op::AdamW(AdamW {
                adam: constants, ..
            }) => GradientUse::Adam(Adam {
                constants,
                decays: matches!(last.op, Op::AdamW(_)),
                parameter: place(1),
                first_moment: place(2),
                second_moment: place(3),
            }),
            Op::Sgd(constants) => GradientUse::Sgd(Sgd {
                constants,
                parameter: place(1),
                velocity: place(2),
            }),
            _ => GradientUse::Store(self.place(last.outputs[0])),
        }
    }
}
