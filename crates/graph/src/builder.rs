//! A Program while it grows, with what is said of tensors that products read in reduced precision.

use std::collections::BTreeMap;

use laptime_workload::Precision;

use crate::{
    axis::Axis,
    ops::{Net, Op, Round},
    program::Operation,
    tensor::{Initial, Role, Tensor, TensorId},
};

/// A Program while it grows.
pub(crate) struct Builder {
    precision: Precision,
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) operations: Vec<Operation>,
    /// What each tensor was rounded to the last time, and how often it was.
    rounded: BTreeMap<TensorId, (TensorId, usize)>,
}

impl Builder {
    pub(crate) fn new(precision: Precision) -> Self {
        Self {
            precision,
            tensors: Vec::new(),
            operations: Vec::new(),
            rounded: BTreeMap::new(),
        }
    }

    pub(crate) fn tensor(
        &mut self,
        name: impl Into<String>,
        shape: &[(Axis, usize)],
        role: Role,
    ) -> TensorId {
        let (axes, shape) = shape.iter().copied().unzip();
        self.tensors.push(Tensor {
            name: name.into(),
            shape,
            axes,
            role,
        });
        TensorId(self.tensors.len() - 1)
    }

    /// A tensor of the same shape as another.
    pub(crate) fn tensor_like(&mut self, of: TensorId, name: String, role: Role) -> TensorId {
        let Tensor { shape, axes, .. } = &self.tensors[of.0];
        let (shape, axes) = (shape.clone(), axes.clone());
        self.tensors.push(Tensor {
            name,
            shape,
            axes,
            role,
        });
        TensorId(self.tensors.len() - 1)
    }

    fn round(&mut self, id: TensorId) -> TensorId {
        let name = &self.tensors[id.0].name;
        let times = self.rounded.get(&id).map_or(0, |(_, times)| *times) + 1;
        let name = match times {
            1 => format!("{name}.bf16"),
            times => format!("{name}.bf16.{times}"),
        };
        let rounded = self.tensor_like(id, name, Role::Rounded { of: id });
        self.operation(Round.into(), &[id], &[rounded]);
        self.rounded.insert(id, (rounded, times));
        rounded
    }

    /// What this tensor was rounded to, if it was.
    pub(crate) fn rounded(&self, id: TensorId) -> Option<TensorId> {
        self.rounded.get(&id).map(|(rounded, _)| *rounded)
    }

    /// The tensor that this one was rounded from, or itself.
    pub(crate) fn unrounded(&self, id: TensorId) -> TensorId {
        match self.tensors[id.0].role {
            Role::Rounded { of } => of,
            _ => id,
        }
    }
}

impl Net for Builder {
    fn extent(&self, id: TensorId, axis: Axis) -> usize {
        self.tensors[id.0].extent(&[axis])
    }

    fn is_images(&self, id: TensorId) -> bool {
        self.tensors[id.0].is_images()
    }

    fn parameter(&mut self, name: String, shape: &[(Axis, usize)], initial: Initial) -> TensorId {
        self.tensor(name, shape, Role::Parameter(initial))
    }

    fn statistic(&mut self, name: String, shape: &[(Axis, usize)], initial: Initial) -> TensorId {
        self.tensor(name, shape, Role::Statistic(initial))
    }

    fn value(&mut self, name: String, shape: &[(Axis, usize)]) -> TensorId {
        self.tensor(name, shape, Role::Activation)
    }

    fn operand(&mut self, id: TensorId) -> TensorId {
        let is_rounded = matches!(self.tensors[id.0].role, Role::Rounded { .. });
        if self.precision == Precision::Fp32 || is_rounded {
            return id;
        }
        match self.rounded.get(&id) {
            Some((rounded, _)) => *rounded,
            None => self.round(id),
        }
    }

    fn operand_again(&mut self, id: TensorId) -> TensorId {
        match self.precision {
            Precision::Fp32 => id,
            Precision::Bf16 => self.round(id),
        }
    }

    fn operation(&mut self, op: Op, inputs: &[TensorId], outputs: &[TensorId]) {
        self.operations.push(Operation {
            op,
            inputs: inputs.to_vec(),
            outputs: outputs.to_vec(),
        });
    }
}
