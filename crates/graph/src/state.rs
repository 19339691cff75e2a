//! The state of a training: all that lives across steps, by name, in double precision, so that it
//! holds the state of any engine exactly.

use std::{collections::HashMap, f64::consts::TAU, slice};

use laptime_workload::{
    Distribution, Workload,
    random::{Purpose, Stream},
};

use crate::{
    program::Program,
    tensor::{Initial, Role, Tensor},
};

/// Parameters, moments and the count of steps done.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps done; Adam's t of the next step is one more.
    pub steps: u64,
    /// In the order of [`Program::persistent`].
    pub tensors: Vec<StateTensor>,
}

/// One tensor of a [`State`].
#[derive(Debug, Clone, PartialEq)]
pub struct StateTensor {
    /// The name in the Program.
    pub name: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f64>,
}

impl State {
    /// The state before the first step. Every engine starts from these values, rounded to single
    /// precision here so that all get the same bits.
    pub fn initial(program: &Program, seed: u64) -> Self {
        let tensors = Self::initial_tensors(program, seed).collect();
        Self { steps: 0, tensors }
    }

    /// The tensors of [`Self::initial`] one by one: together they have several times the memory
    /// of an engine's own copy.
    pub fn initial_tensors(program: &Program, seed: u64) -> impl Iterator<Item = StateTensor> {
        let persistent = program.persistent().enumerate();
        persistent.map(move |(number, (_, tensor))| StateTensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            values: InitialValues::new(tensor, seed, number)
                .take(tensor.elements())
                .collect(),
        })
    }

    /// The state that a workload's training starts from: with the weights that it gives, else as
    /// [`Self::initial`].
    ///
    /// # Panics
    /// Where given weights do not fit the Program; see [`crate::misfits`].
    pub fn start(program: &Program, workload: &Workload) -> Self {
        let tensors = Self::start_tensors(program, workload).collect();
        Self { steps: 0, tensors }
    }

    /// The tensors of [`Self::start`] one by one.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_tensors(
        program: &Program,
        workload: &Workload,
    ) -> impl Iterator<Item = StateTensor> {
        let persistent = program.persistent().enumerate();
        persistent.map(|(number, (_, tensor))| StateTensor {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            values: InitialValues::of(tensor, workload, number)
                .take(tensor.elements())
                .collect(),
        })
    }

    /// All tensors by name, for whoever asks for many.
    pub fn by_name(&self) -> HashMap<&str, &StateTensor> {
        let tensors = self.tensors.iter();
        tensors
            .map(|tensor| (tensor.name.as_str(), tensor))
            .collect()
    }

    /// The tensor of this name; found by a search.
    pub fn tensor(&self, name: &str) -> Option<&StateTensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// The same state as an engine of single precision holds it.
    pub fn rounded_to_f32(mut self) -> Self {
        for tensor in &mut self.tensors {
            for value in &mut tensor.values {
                *value = f64::from(*value as f32);
            }
        }
        self
    }
}

/// The initial values of one tensor, in row-major order and without end: rounded to single precision,
/// so that every engine gets the same bits. Each tensor has a stream of its own.
#[derive(Debug, Clone)]
pub enum InitialValues<'a> {
    /// All the same.
    Constant(f64),
    /// Uniform between −limit and limit.
    Uniform {
        /// The bound.
        limit: f64,
        /// Where the random bits come from.
        stream: Stream,
    },
    /// Those of a file; they end.
    Given(slice::Iter<'a, f32>),
    /// Normal, of mean 0.
    Normal {
        /// The standard deviation.
        deviation: f64,
        /// Where the random bits come from.
        stream: Stream,
        /// Values come in pairs: the other of the last one's.
        other: Option<f64>,
    },
}

impl<'a> InitialValues<'a> {
    /// Those that a workload's training starts from, of the `number`-th of [`Program::persistent`].
    ///
    /// # Panics
    /// As [`State::start`].
    pub fn of(tensor: &Tensor, workload: &'a Workload, number: usize) -> Self {
        let is_moment = matches!(tensor.role, Role::Moment { .. });
        match &workload.initial_weights {
            Some(weights) if !is_moment => {
                let given = weights.tensors.get(&tensor.name);
                let given = given.filter(|given| given.shape == tensor.shape);
                let given = given.expect("given weights fit the network");
                Self::Given(given.values.iter())
            }
            _ => Self::new(tensor, workload.seed, number),
        }
    }

    /// Those of a tensor that is the `number`-th of [`Program::persistent`].
    pub fn new(tensor: &Tensor, seed: u64, number: usize) -> Self {
        let stream = || Stream::new(seed, Purpose::Weights, number as u32);
        match tensor.role {
            Role::Parameter(Initial::One) | Role::Statistic(Initial::One) => Self::Constant(1.0),
            Role::Parameter(Initial::GlorotUniform { fan_in, fan_out }) => Self::Uniform {
                limit: (6.0 / (fan_in + fan_out) as f64).sqrt(),
                stream: stream(),
            },
            Role::Parameter(Initial::Drawn(Distribution::Uniform { limit })) => Self::Uniform {
                limit,
                stream: stream(),
            },
            Role::Parameter(Initial::Drawn(Distribution::Normal { deviation })) => Self::Normal {
                deviation,
                stream: stream(),
                other: None,
            },
            _ => Self::Constant(0.0),
        }
    }
}

impl Iterator for InitialValues<'_> {
    type Item = f64;

    #[inline]
    fn next(&mut self) -> Option<f64> {
        Some(match self {
            Self::Constant(value) => *value,
            Self::Uniform { limit, stream } => {
                f64::from((*limit * (2.0 * stream.next_unit() - 1.0)) as f32)
            }
            Self::Given(values) => f64::from(*values.next()?),
            // Box & Muller 1958. The unit is below 1, so the logarithm is finite.
            Self::Normal {
                deviation,
                stream,
                other,
            } => {
                let standard = other.take().unwrap_or_else(|| {
                    let radius = (-2.0 * (1.0 - stream.next_unit()).ln()).sqrt();
                    let (sine, cosine) = (TAU * stream.next_unit()).sin_cos();
                    *other = Some(radius * sine);
                    radius * cosine
                });
                f64::from((*deviation * standard) as f32)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::axis::Axis;

    fn moments(distribution: Distribution) -> [f64; 3] {
        const COUNT: usize = 100_000;
        let tensor = Tensor {
            name: "weight".into(),
            shape: vec![COUNT],
            axes: vec![Axis::Channel],
            role: Role::Parameter(Initial::Drawn(distribution)),
        };
        let values: Vec<f64> = InitialValues::new(&tensor, 1, 3).take(COUNT).collect();
        assert!(
            values
                .iter()
                .all(|value| f64::from(*value as f32) == *value)
        );
        let mean = |of: &dyn Fn(f64) -> f64| {
            values.iter().map(|value| of(*value)).sum::<f64>() / COUNT as f64
        };
        [mean(&|x| x), mean(&|x| x * x), mean(&|x| x.powi(4))]
    }

    /// The mean, the variance and the fourth moment are those of the distributions, within five of their own
    /// deviations.
    #[test]
    fn values_are_drawn_from_their_distribution() {
        let [mean, variance, fourth] = moments(Distribution::Normal { deviation: 2.0 });
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 4.0).abs() < 0.09, "{variance}");
        assert!((fourth - 48.0).abs() < 2.5, "{fourth}");
        let [mean, variance, fourth] = moments(Distribution::Uniform { limit: 2.0 });
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 4.0 / 3.0).abs() < 0.02, "{variance}");
        assert!((fourth - 3.2).abs() < 0.07, "{fourth}");
    }
}
