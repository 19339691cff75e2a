//! Weights as safetensors: of a trained model, and those that training starts from.

use laptime_engine::Session;
use laptime_graph::{Mode, State, build};
use laptime_workload::{
    Workload,
    weights::{WeightTensor, to_safetensors},
};

use crate::{exports::Destination, failure::Failure};

/// Writes the trained model.
///
/// # Errors
/// Where the engine does not give its state, or the file cannot be written.
pub fn save(
    session: &mut dyn Session,
    workload: &Workload,
    file: Destination,
) -> Result<(), Failure> {
    write(&session.state()?, workload, file)
}

/// Writes what training starts from.
///
/// # Errors
/// Where the file cannot be written.
pub fn save_initial(workload: &Workload, file: Destination) -> Result<(), Failure> {
    let program = build(workload, Mode::Evaluation, 1);
    write(&State::start(&program, workload), workload, file)
}

/// Writes all that an evaluation reads, parameters and moving statistics, in single precision and
/// row-major, under the names of the Program, which are PyTorch's: `fc1.weight` of shape (outputs,
/// inputs), `bn1.running_mean`. The README tells users.
fn write(state: &State, workload: &Workload, file: Destination) -> Result<(), Failure> {
    let by_name = state.by_name();
    let program = build(workload, Mode::Evaluation, 1);
    // An evaluation has no moments.
    let tensors = program.persistent().filter_map(|(_, tensor)| {
        let found = by_name.get(tensor.name.as_str())?;
        Some(WeightTensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            values: found.values.iter().map(|value| *value as f32).collect(),
        })
    });
    let tensors: Vec<_> = tensors.collect();
    let bytes = to_safetensors(&tensors)
        .map_err(|error| Failure::Failed(format!("the model cannot be written: {error}")))?;
    file.write(&bytes)
}
