//! Who makes and who reads each tensor, found in one walk over a Program: whoever searched the operations
//! for each tensor would take a time that grows with the square of the net.

use crate::{
    program::{OpId, Operation, Program},
    tensor::TensorId,
};

/// The maker and the readers of each tensor of a list of operations.
#[derive(Debug, Clone)]
pub struct Uses {
    makers: Vec<Option<OpId>>,
    /// Readers of tensor i: those from `starts[i]` to `starts[i + 1]`.
    starts: Vec<usize>,
    readers: Vec<OpId>,
}

impl Uses {
    /// Those of a Program.
    pub fn of(program: &Program) -> Self {
        Self::of_operations(&program.operations, program.tensors.len())
    }

    /// Those of operations on so many tensors.
    pub(crate) fn of_operations(operations: &[Operation], tensors: usize) -> Self {
        let mut makers = vec![None; tensors];
        let mut starts = vec![0; tensors + 1];
        for (index, operation) in operations.iter().enumerate() {
            for input in inputs(operation) {
                starts[input.0 + 1] += 1;
            }
            for output in &operation.outputs {
                if !operation.inputs.contains(output) {
                    makers[output.0] = Some(OpId(index));
                }
            }
        }
        for tensor in 0..tensors {
            starts[tensor + 1] += starts[tensor];
        }
        let mut next = starts.clone();
        let mut readers = vec![OpId(0); starts[tensors]];
        for (index, operation) in operations.iter().enumerate() {
            for input in inputs(operation) {
                readers[next[input.0]] = OpId(index);
                next[input.0] += 1;
            }
        }
        Self {
            makers,
            starts,
            readers,
        }
    }

    /// The operation that makes a tensor; an update in place makes nothing.
    pub fn maker(&self, tensor: TensorId) -> Option<OpId> {
        self.makers[tensor.0]
    }

    /// The operations that read a tensor, in order, each once.
    pub fn readers(&self, tensor: TensorId) -> &[OpId] {
        &self.readers[self.starts[tensor.0]..self.starts[tensor.0 + 1]]
    }
}

/// An operation's inputs, each once.
fn inputs(operation: &Operation) -> impl Iterator<Item = &TensorId> {
    let all = operation.inputs.iter().enumerate();
    all.filter(|(place, input)| !operation.inputs[..*place].contains(input))
        .map(|(_, input)| input)
}

#[cfg(test)]
mod tests {
    use laptime_workload::{BUILTINS, Overrides};

    use super::*;
    use crate::{Mode, build};

    /// What is found in one walk is what a search finds.
    #[test]
    fn makers_and_readers_are_those_of_a_search() {
        for builtin in BUILTINS {
            let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
            for mode in [Mode::Training, Mode::Evaluation] {
                let program = build(&workload, mode, 3);
                let uses = Uses::of(&program);
                for tensor in (0..program.tensors.len()).map(TensorId) {
                    let all = || program.operations_by_id();
                    let readers: Vec<OpId> = all()
                        .filter(|(_, one)| one.inputs.contains(&tensor))
                        .map(|(id, _)| id)
                        .collect();
                    assert_eq!(uses.readers(tensor), readers);
                    let maker = all().find(|(_, one)| {
                        one.outputs.contains(&tensor) && !one.inputs.contains(&tensor)
                    });
                    assert_eq!(uses.maker(tensor), maker.map(|(id, _)| id));
                }
            }
        }
    }
}
