//! Turns a running session into clocks, phases, statistics and the identity of the machine.
//! Knows nothing of models: what is trained is the engine's business.
//!
//! The types here that a record holds ([`Run`], [`Phases`], [`Epoch`], [`StepSeconds`], [`Test`],
//! [`Divergence`], [`Resumption`], [`Machine`], [`Topology`], [`telemetry::Telemetry`], [`telemetry::Condition`])
//! can be written as JSON as they are.

mod checkpoints;
mod divergence;
mod goal;
mod machine;
pub mod memory;
mod metric;
mod phases;
mod places;
mod run;
pub mod statistics;
mod step_series;
pub mod telemetry;
mod topology;
mod watch;

pub use checkpoints::{Checkpoints, Resumption, SoFar};
pub use divergence::Divergence;
pub use goal::{Goal, GoalMetric, GoalOutcome};
pub use machine::Machine;
pub use metric::{Epoch, Metric, Metrics, Test};
pub use phases::Phases;
pub use places::Places;
pub use run::{Ends, Measurement, Run, SteadySteps, StepSeconds, measure};
pub use step_series::StepSeries;
pub use topology::{Allowed, Topology};
pub use watch::{Stage, Watch};
