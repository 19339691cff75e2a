//! Turns the model of a `Workload` into a training and an evaluation [`Program`]: autodiff done,
//! fusion candidates marked. Knows nothing of files, clocks, threads or any device.
//!
//! Also the home of the [`schedule::Schedule`], the plain-data form that backends lower Programs
//! to, so that the oracle can execute what any of them made.

mod autodiff;
mod axis;
mod builder;
mod class;
mod cost;
mod fusion;
mod given;
mod micro_batch;
mod model;
mod ops;
mod passes;
mod print;
mod program;
pub mod schedule;
mod simplification;
mod state;
mod step;
mod tensor;
mod training_step;
mod updates;
mod uses;
pub mod window;
mod winograd;

pub use axis::{Axes, Axis, CHANNELS, INPUTS, OUTPUTS, POSITIONS, SAMPLES, TAPS};
pub use class::Class;
pub use given::misfits;
pub use laptime_workload::Activation;
pub use micro_batch::MicroBatch;
pub use model::build;
pub use ops::*;
pub use passes::pass_names;
pub use print::shape_text;
pub use program::*;
pub use simplification::{Simplification, multiplied_pairs};
pub use state::{InitialValues, State, StateTensor};
pub use step::StepValues;
pub use tensor::{Initial, MomentRole, Role, Tensor, TensorId};
pub use training_step::{Portion, TrainingStep};
pub use uses::Uses;
