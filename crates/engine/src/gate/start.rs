//! Before all questions: does a session begin with the weights that it was given?

use laptime_graph::{Mode, State, build};
use laptime_workload::Workload;

use crate::{EngineError, Session};

/// How the parameters and statistics of a new session are not those that the workload's training starts from;
/// `None` where they are, bit for bit in single precision.
pub(super) fn difference(
    session: &mut dyn Session,
    workload: &Workload,
) -> Result<Option<String>, EngineError> {
    let found = session.state()?;
    let by_name = found.by_name();
    // What lives across the steps of an evaluation has no moments.
    let program = build(workload, Mode::Evaluation, 1);
    for expected in State::start_tensors(&program, workload) {
        let name = &expected.name;
        let Some(found) = by_name.get(name.as_str()) else {
            return Ok(Some(format!("the initial state has no {name}")));
        };
        if found.shape != expected.shape {
            let what = format!(
                "the initial {name} has the shape {:?} instead of {:?}",
                found.shape, expected.shape
            );
            return Ok(Some(what));
        }
        let mut values = found.values.iter().zip(&expected.values).enumerate();
        let differs = |(_, (found, expected)): &(usize, (&f64, &f64))| found != expected;
        if let Some((place, (found, expected))) = values.find(differs) {
            return Ok(Some(format!(
                "the initial {name} has {found:e} in place {place} instead of {expected:e}"
            )));
        }
    }
    Ok(None)
}
