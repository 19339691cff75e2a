//! The workload that the command line names.

use std::{io, path::Path, sync::Arc};

use laptime_workload::{Builtin, Overrides, Shown, Spec, Workload};

use crate::{
    args::{TrainingArgs, WorkloadArgs},
    failure::Failure,
    given_weights::with_weights,
    output::is_standard_stream,
};

/// What to train.
pub struct WorkloadChoice {
    /// The resolved workload.
    pub workload: Arc<Workload>,
    /// Whether it is built in, not a user's file.
    pub built_in: bool,
}

impl WorkloadChoice {
    /// For steps of whatever training.
    pub fn resolve(args: &WorkloadArgs) -> Result<Self, Failure> {
        Self::of_training(args, &TrainingArgs::default())
    }

    /// The same from the weights of a file, where one is given.
    pub fn starting_from(self, weights: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = weights else {
            return Ok(self);
        };
        let workload = with_weights(Arc::unwrap_or_clone(self.workload), path)?;
        Ok(Self {
            workload: Arc::new(workload),
            ..self
        })
    }

    /// For a whole training.
    pub fn of_training(args: &WorkloadArgs, training: &TrainingArgs) -> Result<Self, Failure> {
        let (spec, built_in) = spec(args)?;
        let workload = spec.resolve(&Overrides {
            batch_size: args.batch_size,
            epochs: training.epochs,
            seed: training.seed,
            precision: args.precision,
            width: None,
        })?;
        Ok(Self {
            workload: Arc::new(workload),
            built_in,
        })
    }
}

/// The spec that the command line names, read once, and whether it is a built-in one.
pub fn spec(args: &WorkloadArgs) -> Result<(Spec, bool), Failure> {
    if is_standard_stream(Path::new(&args.workload)) {
        let spec = Spec::from_reader(io::stdin().lock(), "standard input", Path::new("."))?;
        return Ok((spec, false));
    }
    if let Some(path) = args.file() {
        return Ok((Spec::read(path)?, false));
    }
    let builtin = Builtin::find(&args.workload).map_err(|error| {
        let path = Path::new(&args.workload);
        let toml = path.with_extension("toml");
        Failure::Usage(if path.is_dir() {
            format!(
                "{}: this is a folder; give a workload's TOML file",
                Shown(path)
            )
        } else if path.is_file() {
            format!(
                "{}: the name of a workload's file must end in .toml",
                Shown(path)
            )
        } else if toml.is_file() {
            format!("{error}; there is a file {}", Shown(&toml))
        } else {
            format!("{error}; a file's name must end in .toml")
        })
    })?;
    Ok((builtin.spec(), true))
}
