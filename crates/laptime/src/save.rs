//! A trained model as safetensors.

use std::collections::HashMap;

use laptime_engine::Session;
use laptime_graph::{Mode, build};
use laptime_workload::Workload;
use safetensors::{Dtype, tensor::TensorView};

use crate::{exports::Destination, failure::Failure};

/// Writes all that an evaluation reads, parameters and moving statistics, in single precision and
/// row-major, under the names of the Program, which are PyTorch's: `fc1.weight` of shape (outputs,
/// inputs), `bn1.running_mean`. The README tells users.
pub fn save(
    session: &mut dyn Session,
    workload: &Workload,
    file: Destination,
) -> Result<(), Failure> {
    let state = session.state()?;
    let by_name = state.by_name();
    let program = build(workload, Mode::Evaluation, 1);
    // An evaluation has no moments.
    let tensors = program.persistent().filter_map(|(_, tensor)| {
        let tensor = by_name.get(tensor.name.as_str())?;
        let values = tensor.values.iter();
        let bytes: Vec<u8> = values.flat_map(|v| (*v as f32).to_le_bytes()).collect();
        Some((tensor.name.as_str(), tensor.shape.clone(), bytes))
    });
    let tensors: Vec<_> = tensors.collect();
    let wrong = |error| Failure::Failed(format!("--save: {error}"));
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes)?;
        Ok((*name, view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    // One word alone: two would stand in an order that is another each time, and the same training
    // gives the same file.
    let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = safetensors::serialize(views, Some(about)).map_err(wrong)?;
    file.write(&bytes)
}
