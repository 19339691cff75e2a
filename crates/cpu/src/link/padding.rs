//! What a convolution of a Schedule does about padding.

use laptime_graph::{
    Simplification,
    schedule::{Arena, Schedule},
};
use laptime_workload::Window;

use super::{
    Linker,
    products::{MOST_VALUES, Padding, Shape},
    segments::{input_gradient, paired_input_gradient, paired_weight_gradient, weight_gradient},
};
use crate::kernels::{Filters, Images, Segments};

impl Linker<'_> {
    /// Of a convolution that reads these images, or zeros behind the arena they are in.
    pub(super) fn padding(&self, images: Images) -> Padding<'_> {
        Padding {
            left_out: &self.schedule.simplifications,
            zeros: self.step_bytes / 4 - images.place.index(0),
        }
    }

    pub(super) fn input_gradient(
        &self,
        window: &Window,
        x: Shape,
        y: Shape,
        dy: Images,
        w: Filters,
    ) -> Segments {
        let padding = self.padding(dy);
        if dy.paired {
            paired_input_gradient(window, x, y, padding)
        } else {
            input_gradient(window, x, y, w, padding)
        }
    }

    pub(super) fn weight_gradient(
        &self,
        window: &Window,
        x: Shape,
        y: Shape,
        images: Images,
    ) -> Segments {
        if !images.paired {
            return weight_gradient(window, x, y, self.padding(images));
        }
        // It reads images that it has turned over into the scratch, or the zeros behind that.
        let padding = Padding {
            left_out: &self.schedule.simplifications,
            zeros: self.schedule.scratch_bytes / 4,
        };
        paired_weight_gradient(window, x, y, padding)
    }
}

/// Whether segments reach the zeros that lie behind all else.
///
/// # Errors
/// How far away they are, and what to do.
pub(crate) fn check_zeros(schedule: &Schedule) -> Result<(), String> {
    let values = schedule
        .arena_bytes(Arena::Step)
        .max(schedule.scratch_bytes)
        / 4;
    if schedule.zero_bytes == 0 || values <= MOST_VALUES {
        return Ok(());
    }
    Err(format!(
        "a step has {values} values in memory; a convolution on the CPU that multiplies padding takes \
         at most {MOST_VALUES}: make the batch smaller, or leave both {} and {} on",
        Simplification::DeadTaps,
        Simplification::BorderPositions,
    ))
}
