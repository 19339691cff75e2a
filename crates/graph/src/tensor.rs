//! Tensors: what they are called, what shape they have, what they are for.

use laptime_workload::{Distribution, Initializer};

use crate::axis::Axis;

/// A Program's tensor, by its place in [`Program::tensors`](crate::Program::tensors).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// One tensor. Its logical order is row-major; where and how it is stored is a backend's choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Unique in the Program.
    pub name: String,
    /// Extents, the batch first where there is one.
    pub shape: Vec<usize>,
    /// What each of them means.
    pub axes: Vec<Axis>,
    /// What it is for.
    pub role: Role,
}

impl Tensor {
    /// The number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has this axis.
    pub fn has(&self, axis: Axis) -> bool {
        self.axes.contains(&axis)
    }

    /// The product of its extents along those of these axes that it has.
    pub fn extent(&self, axes: &[Axis]) -> usize {
        let pairs = self.axes.iter().zip(&self.shape);
        pairs
            .filter(|(axis, _)| axes.contains(axis))
            .map(|(_, extent)| extent)
            .product()
    }

    /// Whether it is a product's weights, rounded or not, their moment or their gradient.
    pub fn is_weight(&self) -> bool {
        self.has(Axis::Output)
    }

    /// Whether it is a batch of images.
    pub fn is_images(&self) -> bool {
        self.has(Axis::Height)
    }
}

/// What a tensor is for, which decides how long it lives.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// What the batch's samples have in a column of the dataset, as stored there; given to every step.
    Input {
        /// The place of the column among the workload's.
        column: usize,
    },
    /// A trained parameter; lives across steps.
    Parameter(Initial),
    /// The optimizer's running value for a parameter, zero at first; lives across steps.
    Moment {
        /// The parameter it belongs to.
        of: TensorId,
        /// Which of its moments it is.
        which: MomentRole,
    },
    /// A moving statistic of a batch norm: not trained, but kept and saved; lives across steps.
    Statistic(Initial),
    /// A value that lives within one step.
    Activation,
    /// The gradient of the loss with respect to a tensor; lives within one step.
    Gradient {
        /// The tensor it belongs to.
        of: TensorId,
    },
    /// Another tensor rounded for the products that read it ([`crate::Round`]); lives within one step.
    Rounded {
        /// The tensor it is made of.
        of: TensorId,
    },
    /// The sum of the gradients of a parameter over the micro-batches of a step: it outlives a Program, and means
    /// nothing behind the step.
    Accumulator {
        /// The parameter.
        of: TensorId,
    },
    /// A value for the user: the sum of the batch's losses, the number of right answers.
    Metric,
}

impl Role {
    /// Whether the tensor keeps its values from one step to the next.
    pub fn is_persistent(&self) -> bool {
        matches!(
            self,
            Self::Parameter(_) | Self::Statistic(_) | Self::Moment { .. }
        )
    }

    /// Whether the tensor keeps its values from one Program to the next: all that is persistent, and what adds up
    /// within a step.
    pub fn is_kept(&self) -> bool {
        self.is_persistent() || matches!(self, Self::Accumulator { .. })
    }
}

/// What an optimizer keeps of a parameter's gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MomentRole {
    /// Their decaying mean.
    First,
    /// The decaying mean of their squares.
    Second,
    /// The largest of the decaying means of their squares so far.
    Largest,
    /// Their decaying sum: what momentum makes of them.
    Velocity,
}

impl MomentRole {
    /// What stands behind the parameter's name in the moment's: `fc1.weight.m`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::First => "m",
            Self::Second => "v",
            Self::Largest => "v_max",
            Self::Velocity => "velocity",
        }
    }
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Uniform in ±√(6/(fan_in+fan_out)) (Glorot & Bengio 2010).
    GlorotUniform {
        /// Inputs that reach one output.
        fan_in: usize,
        /// Outputs that one input reaches.
        fan_out: usize,
    },
    /// Drawn from this.
    Drawn(Distribution),
    /// All zero.
    Zero,
    /// All one.
    One,
}

impl Initial {
    /// How the weights of a layer with these fans start.
    pub(crate) fn of_weights(initializer: Initializer, fan_in: usize, fan_out: usize) -> Self {
        match initializer {
            Initializer::GlorotUniform => Self::GlorotUniform { fan_in, fan_out },
            other => Self::Drawn(other.distribution(fan_in, fan_out)),
        }
    }

    /// How the biases of such a layer start.
    pub(crate) fn of_biases(initializer: Initializer, fan_in: usize) -> Self {
        initializer
            .distribution_of_biases(fan_in)
            .map_or(Self::Zero, Self::Drawn)
    }
}
