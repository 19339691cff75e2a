//! Marks what a backend may do as one. Each candidate starts with the operation whose result the
//! others finish, and only absorbs values that nothing else reads, but for what joins two of them.

use crate::{
    ops::Op,
    program::{Fusion, FusionKind, OpId, Program},
    tensor::TensorId,
    uses::Uses,
};

/// All candidates, in the order of their first operations, those that join two others at the end. No
/// operation is in two of the rest that fuse operations into one kernel (pixels, which many kernels
/// read, are no such).
pub(crate) fn candidates(program: &Program) -> Vec<Fusion> {
    let mut finder = Finder {
        program,
        uses: Uses::of(program),
        taken: vec![false; program.operations.len()],
    };
    let mut found = Vec::new();
    for (id, operation) in program.operations_by_id() {
        let (kind, operations) = match operation.op {
            Op::ScalePixels(_) => {
                let wanted = |op: &Op, _| matches!(op, Op::Reshape(_) | Op::Round(_));
                let mut operations = finder.chain(id, wanted);
                let last = program.operation(operations[operations.len() - 1]);
                operations.extend(finder.readers(last.outputs[0]));
                found.push(Fusion {
                    kind: FusionKind::PixelsAtFirstRead,
                    operations,
                });
                continue;
            }
            Op::Round(_) => match finder.product_of_filters(id) {
                Some(Op::Conv2d(_)) => {
                    let wanted = |op: &Op, feeds_norm| {
                        matches!(op, Op::Conv2d(_)) || behind_product(op, feeds_norm)
                    };
                    (FusionKind::ProductEpilogue, finder.chain(id, wanted))
                }
                Some(_) => {
                    let wanted = |op: &Op, feeds_norm| {
                        matches!(op, Op::Conv2dGradInput(_)) || behind_gradient(op, feeds_norm)
                    };
                    (FusionKind::GradientEpilogue, finder.chain(id, wanted))
                }
                None => continue,
            },
            Op::Dense(_) | Op::Conv2d(_) => (
                FusionKind::ProductEpilogue,
                finder.chain(id, behind_product),
            ),
            Op::BatchNorm(_) | Op::BatchNormEvaluation(_) => {
                let wanted = |op: &Op, _| matches!(op, Op::Add(_) | Op::Relu(_) | Op::Round(_));
                (FusionKind::NormEpilogue, finder.chain(id, wanted))
            }
            Op::DenseGradInput(_) | Op::Conv2dGradInput(_) => (
                FusionKind::GradientEpilogue,
                finder.chain(id, behind_gradient),
            ),
            Op::ReluGrad(_) if finder.feeds_norm(id) => {
                let wanted = |op: &Op, _| matches!(op, Op::BatchNormGrad(_) | Op::Round(_));
                (FusionKind::NormGradient, finder.chain(id, wanted))
            }
            Op::BatchNormGrad(_) => {
                let wanted = |op: &Op, _| matches!(op, Op::Round(_));
                (FusionKind::NormGradient, finder.chain(id, wanted))
            }
            Op::SoftmaxCrossEntropy(_) | Op::MeanSquaredError(_) => {
                let gradient = program.operations_by_id().find(|(_, other)| {
                    matches!(
                        other.op,
                        Op::SoftmaxCrossEntropyGrad(_) | Op::MeanSquaredErrorGrad(_)
                    ) && other.inputs == operation.inputs
                });
                let operations = [Some(id), gradient.map(|(id, _)| id)];
                let operations = operations.into_iter().flatten().collect();
                (FusionKind::LossWithGradient, operations)
            }
            Op::DenseGradWeight(_) | Op::Conv2dGradWeight(_) | Op::BiasGrad(_) | Op::Zeros(_) => {
                let wanted = |op: &Op, _| op.definition().is_update();
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
    // The place in `found` of the fusion that has each operation in one kernel with others.
    let mut kernels = vec![None; program.operations.len()];
    for (place, fusion) in found.iter().enumerate() {
        if fusion.kind != FusionKind::PixelsAtFirstRead {
            for id in &fusion.operations {
                kernels[id.0] = Some(place);
            }
        }
    }
    let kernel_of = |id: OpId| match kernels[id.0] {
        Some(place) => found[place].operations.clone(),
        None => vec![id],
    };
    let joined: Vec<Fusion> = program
        .operations_by_id()
        .filter(|(_, operation)| matches!(operation.op, Op::Conv2d(_) | Op::Conv2dGradInput(_)))
        .filter_map(|(id, _)| finder.norm_at(id, kernel_of))
        .collect();
    found.extend(joined);
    found
}

/// What is done to a product while it is in registers.
fn behind_product(op: &Op, _: bool) -> bool {
    matches!(op, Op::Bias(_) | Op::Relu(_))
}

/// What is done to an input's gradient while it is in registers.
fn behind_gradient(op: &Op, feeds_norm: bool) -> bool {
    match op {
        Op::Add(_) => true,
        Op::ReluGrad(_) => !feeds_norm,
        _ => false,
    }
}

struct Finder<'a> {
    program: &'a Program,
    uses: Uses,
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
            let &[reader] = self.readers(last.outputs[0]) else {
                return chain;
            };
            let next = self.program.operation(reader);
            let feeds_norm = self.feeds_norm(reader);
            let is_there =
                |input: &TensorId| last.outputs.contains(input) || self.is_there(*input, first);
            let earlier = || chain[1..].iter().map(|id| self.program.operation(*id).op);
            let made = |input: &&TensorId| {
                let mut before = chain.iter().map(|id| self.program.operation(*id));
                before.any(|one| one.outputs.contains(input))
            };
            let is_late = match next.op {
                // Kernels add before they cut off at zero, once, and a tensor from elsewhere: not
                // one that is still in their registers to itself.
                Op::Add(_) => {
                    next.inputs.iter().filter(made).count() > 1
                        || earlier()
                            .any(|op| matches!(op, Op::Add(_) | Op::Relu(_) | Op::ReluGrad(_)))
                }
                // Kernels norm once.
                Op::BatchNormGrad(_) => earlier().any(|op| matches!(op, Op::BatchNormGrad(_))),
                _ => false,
            };
            let possible = !is_late && next.inputs.iter().all(is_there);
            if self.taken[reader.0] || !possible || !wanted(&next.op, feeds_norm) {
                return chain;
            }
            chain.push(reader);
        }
    }

    /// A convolution with the batch norm of its results, or the gradient of its input with that of the
    /// norm before it, if what is fused to the norm can be done in the convolution's place too.
    fn norm_at(&self, product: OpId, kernel_of: impl Fn(OpId) -> Vec<OpId>) -> Option<Fusion> {
        let op = |id: OpId| self.program.operation(id).op;
        let at_product = kernel_of(product);
        let result = self.program.operation(*at_product.last()?).outputs[0];
        let readers = self.readers(result);
        let is_norm = |id: &OpId| matches!(op(*id), Op::BatchNorm(_) | Op::BatchNormEvaluation(_));
        let (kind, next) = if matches!(op(product), Op::Conv2d(_)) {
            // Nobody but the gradient of the norm may want what is not normalised.
            let (norms, others): (Vec<OpId>, Vec<OpId>) =
                readers.iter().partition(|id| is_norm(id));
            let is_alone = others
                .iter()
                .all(|id| matches!(op(*id), Op::BatchNormGrad(_)));
            let is_cut_off = at_product.iter().any(|id| matches!(op(*id), Op::Relu(_)));
            let [norm] = norms[..] else { return None };
            (is_alone && !is_cut_off).then_some((FusionKind::NormAtProduct, norm))
        } else {
            let kind = FusionKind::NormGradientAtProduct;
            let is_masked = at_product
                .iter()
                .any(|id| matches!(op(*id), Op::ReluGrad(_)));
            match *readers {
                [one] if matches!(op(one), Op::ReluGrad(_)) => {
                    (self.feeds_norm(one) && !is_masked).then_some((kind, one))
                }
                _ => {
                    let reads = |id: &&OpId| {
                        let reader = self.program.operation(**id);
                        matches!(reader.op, Op::BatchNormGrad(_)) && reader.inputs[0] == result
                    };
                    readers.iter().find(reads).map(|norm| (kind, *norm))
                }
            }
        }?;
        let behind = kernel_of(next);
        if behind[0] != next {
            return None;
        }
        let together = [&at_product[..], &behind].concat();
        let made = |input: &TensorId| {
            let mut makers = together.iter();
            makers.any(|id| self.program.operation(*id).outputs.contains(input))
        };
        let mut reads = behind
            .iter()
            .flat_map(|id| &self.program.operation(*id).inputs);
        if !reads.all(|input| made(input) || self.is_there(*input, at_product[0])) {
            return None;
        }
        let norm = behind
            .iter()
            .position(|id| is_norm(id) || matches!(op(*id), Op::BatchNormGrad(_)))?;
        Some(Fusion {
            kind,
            operations: [&at_product[..], &behind[..=norm]].concat(),
        })
    }

    /// Whether a tensor is there before an operation: no later one makes it, though one may update it.
    fn is_there(&self, tensor: TensorId, before: OpId) -> bool {
        self.uses.maker(tensor).is_none_or(|maker| maker < before)
    }

    /// Whether all that reads the operation's result is the gradient of a batch norm.
    fn feeds_norm(&self, id: OpId) -> bool {
        match *self.readers(self.program.operation(id).outputs[0]) {
            [reader] => matches!(self.program.operation(reader).op, Op::BatchNormGrad(_)),
            _ => false,
        }
    }

    /// The product that alone reads the filters which the operation makes, if it does.
    fn product_of_filters(&self, id: OpId) -> Option<Op> {
        let made = self.program.operation(id).outputs[0];
        let &[reader] = self.readers(made) else {
            return None;
        };
        let reader = self.program.operation(reader);
        let is_product = matches!(reader.op, Op::Conv2d(_) | Op::Conv2dGradInput(_));
        (is_product && reader.inputs[1] == made).then_some(reader.op)
    }

    fn readers(&self, tensor: TensorId) -> &[OpId] {
        self.uses.readers(tensor)
    }
}
