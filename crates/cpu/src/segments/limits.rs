//! The largest convolutions that segments reach.

use laptime_graph::{
    Program, Simplification, TensorId,
    schedule::{Arena, Schedule},
};

use super::products::MOST_VALUES;
use crate::{kernels::TURNED_SLICES, simd::LANES};

/// Whether segments reach all of a convolution's images, filters and results.
///
/// # Errors
/// The operand that is too large, and what to do.
pub(crate) fn check_reach(program: &Program, [x, w, y]: [TensorId; 3]) -> Result<(), String> {
    let stride = program.batch_size.next_multiple_of(LANES);
    let shape = |id: TensorId| &program.tensor(id).shape[..];
    let product = |extents: &[usize]| {
        extents
            .iter()
            .fold(1, |all: usize, one| all.saturating_mul(*one))
    };
    let images = |id, channels: usize| product(&[shape(id)[1], shape(id)[2], channels, stride]);
    let filters = shape(w)[0].next_multiple_of(LANES);
    for (id, values) in [
        (x, images(x, shape(x)[3])),
        (y, images(y, shape(y)[3].max(TURNED_SLICES * LANES))),
        (w, filters.saturating_mul(product(&shape(w)[1..]))),
    ] {
        if values > MOST_VALUES {
            return Err(format!(
                "{} has {values} values in batches of {}; a convolution on the CPU takes at most \
                 {MOST_VALUES}: make the batch smaller, or the layer",
                program.tensor(id).name,
                program.batch_size
            ));
        }
    }
    Ok(())
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
