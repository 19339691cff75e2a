//! Turns a TOML spec and a dataset's name into a resolved [`Workload`] and its verified samples.
//! Knows nothing of engines or of timing.

mod activations;
pub mod atomic_file;
mod builtin;
pub mod dataset;
pub mod directories;
mod fields;
pub mod folder;
mod foreign;
mod hexadecimal;
mod key;
mod keys;
mod layers;
mod loss;
pub mod memory;
mod optimizers;
mod order;
pub mod own_file;
pub mod random;
mod rate_schedule;
mod resolve;
mod shown;
mod spec;
mod spec_error;
mod suggest;
pub mod threads;
mod windows;
mod wiring;
mod workload;

pub use activations::Activation;
pub use builtin::{BUILTINS, Builtin, starter};
pub use foreign::Foreign;
pub use hexadecimal::hexadecimal;
pub use key::Key;
pub use layers::{LayerEntry, LayerKind, layers};
pub use loss::{Loss, MOST_METRICS, MetricEntry, Target};
pub use optimizers::{Adam, AdamW, OPTIMIZERS, Optimizer, OptimizerEntry, RmsProp, Sgd};
pub use order::{epoch_order, race_order};
pub use rate_schedule::{RATE_SCHEDULES, RateSchedule, RateScheduleEntry};
pub use resolve::Overrides;
pub use shown::{Shown, escaped, escaped_lines, is_unseen};
pub use spec::Spec;
pub use spec_error::SpecError;
pub use suggest::{UnknownName, advice};
pub use windows::{PADDINGS, Window};
pub use workload::*;
