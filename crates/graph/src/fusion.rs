//! Marks what a backend may do as one. Each candidate starts with the operation whose result the
//! others finish, and only absorbs values that nothing else reads.

use crate::{
    op::Op,
    program::{Fusion, FusionKind, OpId, Program, TensorId},
};

/// All candidates, in the order of their first operations; no operation is in two that fuse
/// operations into one kernel (pixels, which many kernels read, are no such).
pub(crate) fn candidates(program: &Program) -> Vec<Fusion> {
    let mut finder = Finder {
        program,
        taken: vec![false; program.operations.len()],
    };
    let mut found = Vec::new();
    for (id, operation) in program.operations_by_id() {
        let (kind, operations) = match operation.op {
            Op::ScalePixels { .. } => {
                let mut operations = finder.chain(id, |op, _| matches!(op, Op::Reshape));
                let last = program.operation(operations[operations.len() - 1]);
                operations.extend(finder.readers(last.outputs[0]));
                found.push(Fusion {
                    kind: FusionKind::PixelsAtFirstRead,
                    operations,
                });
                continue;
            }
            Op::Dense | Op::Conv2d(_) => {
                let wanted = |op: &Op, _| matches!(op, Op::Bias | Op::Relu);
                (FusionKind::ProductEpilogue, finder.chain(id, wanted))
            }
            Op::BatchNorm { .. } | Op::BatchNormEvaluation { .. } => {
                let wanted = |op: &Op, _| matches!(op, Op::Add | Op::Relu);
                (FusionKind::NormEpilogue, finder.chain(id, wanted))
            }
            Op::DenseGradInput | Op::Conv2dGradInput(_) => {
                let wanted = |op: &Op, feeds_norm: bool| match op {
                    Op::Add => true,
                    Op::ReluGrad => !feeds_norm,
                    _ => false,
                };
                (FusionKind::GradientEpilogue, finder.chain(id, wanted))
            }
            Op::ReluGrad => {
                let wanted = |op: &Op, _| matches!(op, Op::BatchNormGrad);
                (FusionKind::NormGradient, finder.chain(id, wanted))
            }
            Op::SoftmaxCrossEntropy => {
                let gradient = program.operations_by_id().find(|(_, other)| {
                    other.op == Op::SoftmaxCrossEntropyGrad && other.inputs == operation.inputs
                });
                let operations = [Some(id), gradient.map(|(id, _)| id)];
                let operations = operations.into_iter().flatten().collect();
                (FusionKind::LossWithGradient, operations)
            }
            Op::DenseGradWeight | Op::Conv2dGradWeight(_) | Op::BiasGrad | Op::Zeros => {
                let wanted = |op: &Op, _| matches!(op, Op::Adam { .. } | Op::Sgd { .. });
                (FusionKind::UpdateAtGradient, finder.chain(id, wanted))
            }
            _ => continue,
        };
        if operations.len() > 1 && !finder.taken[id.0] {
            for id in &operations {
                finder.taken[id.0] = true;
            }
            found.push(Fusion { kind, operations });
        }
    }
    found
}

struct Finder<'a> {
    program: &'a Program,
    /// The operations that are in a candidate.
    taken: Vec<bool>,
}

impl Finder<'_> {
    /// `first` and the operations behind it, each the only reader of the one before, as long as
    /// they are free and wanted and all else that they read is there before `first`: so all can be
    /// done in its place. `wanted` is also told whether all that reads the operation's
    /// result is the gradient of a batch norm.
    fn chain(&self, first: OpId, wanted: impl Fn(&Op, bool) -> bool) -> Vec<OpId> {
        let mut chain = vec![first];
        loop {
            let last = self.program.operation(chain[chain.len() - 1]);
            let [reader] = self.readers(last.outputs[0])[..] else {
                return chain;
            };
            let next = self.program.operation(reader);
            let feeds_norm = match self.readers(next.outputs[0])[..] {
                [reader] => self.program.operation(reader).op == Op::BatchNormGrad,
                _ => false,
            };
            let is_there = |input: &TensorId| {
                last.outputs.contains(input)
                    || self.program.operations[first.0..]
                        .iter()
                        .all(|other| !other.outputs.contains(input) || other.inputs.contains(input))
            };
            let possible = next.inputs.iter().all(is_there);
            if self.taken[reader.0] || !possible || !wanted(&next.op, feeds_norm) {
                return chain;
            }
            chain.push(reader);
        }
    }

    fn readers(&self, tensor: TensorId) -> Vec<OpId> {
        self.program
            .operations_by_id()
            .filter(|(_, operation)| operation.inputs.contains(&tensor))
            .map(|(id, _)| id)
            .collect()
    }
}
