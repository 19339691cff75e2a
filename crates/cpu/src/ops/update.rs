//! What updates have in common: how they are cut, and what becomes of a gradient.

use laptime_graph::{
    Axis, CHANNELS, OUTPUTS, TensorId,
    schedule::{Layout, Part, Split},
};

use super::{
    Arranging, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, sixteen},
    of,
};
use crate::{
    extents::is_weight,
    kernels::{self, GradientUse, Grid, Update},
    simd::LANES,
};

/// The cuts of an update that has a kernel to itself: a parameter stays with its thread.
pub(super) fn cuts(at: &Arranging) -> Vec<Cut> {
    let parameter = *at.outputs().last().expect("a kernel writes");
    // All slices read the factor of a clipping.
    let is_factor = |id: TensorId| at.program.tensor(id).has(Axis::Single);
    let or_factor = |part: Part| move |id| if is_factor(id) { Part::Whole } else { part };
    if is_weight(at.program, parameter) {
        let axis = at.weight_axis();
        return vec![at.sliced(parameter, axis, or_factor(sixteen(axis)))];
    }
    let by_first = at.cut(None, Split::First, or_factor(Part::First));
    at.vector_cut(
        at.sliced(parameter, CHANNELS, or_factor(BY_CHANNELS)),
        by_first,
    )
}

/// The use of a gradient that is in memory, or of zeros; times a factor, where there is one.
pub(super) fn update(
    group: &Group,
    at: &Places,
    gradient: Option<TensorId>,
    factor: Option<TensorId>,
) -> Task {
    Task::Update(Update {
        gradient: gradient.map(|gradient| at.place(gradient)),
        factor: factor.map(|factor| at.place(factor)),
        to: gradient_use(group, at),
        grid: grid(group, at, group.last().outputs[0]),
    })
}

/// How a group that works on all blocks of a parameter alike is cut.
pub(super) fn grid(group: &Group, at: &Places, parameter: TensorId) -> Grid {
    let layout = at.buffer(parameter).layout;
    let blocks = layout.stored_elements(at.program.tensor(parameter).elements()) / LANES;
    let (Layout::OutputLanes { columns: inner, .. } | Layout::FilterLanes { inputs: inner, .. }) =
        layout
    else {
        // Of a vector one row, of a table many.
        let inner = match layout {
            Layout::Rows { stride, .. } => stride / LANES,
            _ => blocks,
        };
        return Grid {
            outer: blocks / inner,
            inner,
            cut: kernels::Cut::Inner { width: 1 },
        };
    };
    match (group.part(parameter), layout) {
        (Part::Along { axes: OUTPUTS, .. }, Layout::FilterLanes { taps, .. }) => Grid {
            outer: blocks / (inner * taps),
            inner: inner * taps,
            cut: kernels::Cut::Outer,
        },
        (Part::Along { axes: OUTPUTS, .. }, _) => Grid {
            outer: blocks / inner,
            inner,
            cut: kernels::Cut::Outer,
        },
        _ => Grid {
            outer: blocks / inner,
            inner,
            cut: kernels::Cut::Inner { width: LANES },
        },
    }
}

/// What becomes of the gradient that a group makes or reads.
pub(super) fn gradient_use(group: &Group, at: &Places) -> GradientUse {
    let last = group.last();
    of(&last.op).gradient_use(last, at)
}
