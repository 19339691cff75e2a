//! Marks what a backend may do as one. Each candidate starts with the operation whose result the
//! others finish, and only absorbs values that nothing else reads, but for what joins two of them.

use crate::{
    class::Class,
    program::{Fusion, FusionKind, OpId, Program},
    tensor::{Role, TensorId},
    uses::Uses,
};

/// All candidates, in the order of their first operations, those that join two others at the end. No
/// operation is in two of the rest that fuse operations into one kernel (pixels, which many kernels
/// read, are no such).
pub(crate) fn candidates(program: &Program) -> Vec<Fusion> {
    let classes = program.operations.iter().map(|one| program.class(one));
    let mut finder = Finder {
        program,
        uses: Uses::of(program),
        classes: classes.collect(),
        taken: vec![false; program.operations.len()],
    };
    let mut found = Vec::new();
    for (id, operation) in program.operations_by_id() {
        let is_product = finder.is_product(id);
        let (kind, operations) = match *finder.made(id) {
            Role::Activation if finder.scales_input(id) => {
                let moves = |next: OpId| finder.classes[next.0] == Class::Movement;
                let mut operations = finder.chain(id, |next| moves(next) || finder.rounds(next));
                let last = program.operation(operations[operations.len() - 1]);
                operations.extend(finder.readers(last.outputs[0]));
                found.push(Fusion {
                    kind: FusionKind::PixelsAtFirstRead,
                    operations,
                });
                continue;
            }
            Role::Rounded { .. } => match finder.product_of_filters(id) {
                Some(product) if finder.is_forward(product) => {
                    let wanted = |next| next == product || finder.joins_product(next);
                    (FusionKind::ProductEpilogue, finder.chain(id, wanted))
                }
                Some(product) => {
                    let wanted = |next| next == product || finder.joins_gradient(next);
                    (FusionKind::GradientEpilogue, finder.chain(id, wanted))
                }
                None => continue,
            },
            Role::Activation if is_product => {
                let wanted = |next| finder.joins_product(next);
                (FusionKind::ProductEpilogue, finder.chain(id, wanted))
            }
            Role::Activation if finder.is_norm(id) => {
                let wanted = |next: OpId| program.operation(next).op.joins_norm();
                (FusionKind::NormEpilogue, finder.chain(id, wanted))
            }
            Role::Metric => {
                let is_gradient = |other: &&OpId| {
                    finder.classes[other.0] == Class::Loss
                        && **other != id
                        && program.operation(**other).inputs == operation.inputs
                };
                let gradient = finder.readers(operation.inputs[0]).iter().find(is_gradient);
                let operations = [Some(id), gradient.copied()];
                let operations = operations.into_iter().flatten().collect();
                (FusionKind::LossWithGradient, operations)
            }
            Role::Gradient { of } if matches!(program.tensor(of).role, Role::Parameter(_)) => {
                let wanted = |next: OpId| program.operation(next).op.joins_its_gradient();
                (FusionKind::UpdateAtGradient, finder.chain(id, wanted))
            }
            Role::Gradient { .. } if is_product => {
                let wanted = |next| finder.joins_gradient(next);
                (FusionKind::GradientEpilogue, finder.chain(id, wanted))
            }
            Role::Gradient { .. }
                if finder.is_norm(id) || operation.op.cuts_off() && finder.feeds_norm(id) =>
            {
                let wanted = |next| finder.is_norm(next) || finder.rounds(next);
                (FusionKind::NormGradient, finder.chain(id, wanted))
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
        .filter(|(id, _)| finder.makes_images_of_images(*id))
        .filter_map(|(id, _)| finder.norm_at(id, kernel_of))
        .collect();
    found.extend(joined);
    found
}

struct Finder<'a> {
    program: &'a Program,
    uses: Uses,
    /// Of each operation.
    classes: Vec<Class>,
    /// The operations that are in a candidate.
    taken: Vec<bool>,
}

impl Finder<'_> {
    /// `first` and the operations behind it, each the only reader of the one before, as long as
    /// they are free and wanted and all else that they read is there before `first`: so all can be
    /// done in its place.
    fn chain(&self, first: OpId, wanted: impl Fn(OpId) -> bool) -> Vec<OpId> {
        let mut chain = vec![first];
        loop {
            let last = self.program.operation(chain[chain.len() - 1]);
            let Some(reader) = self.next_reader(last.outputs[0]) else {
                return chain;
            };
            if last.op.ends_chain() {
                return chain;
            }
            let next = self.program.operation(reader);
            let is_there =
                |input: &TensorId| last.outputs.contains(input) || self.is_there(*input, first);
            let op = |id: &OpId| self.program.operation(*id).op;
            let made = |input: &&TensorId| {
                let mut before = chain.iter().map(|id| self.program.operation(*id));
                before.any(|one| one.outputs.contains(input))
            };
            // Kernels add before they cut off at zero, once, and a tensor from elsewhere: not one that is
            // still in their registers to itself. They norm once.
            let adds_late = next.op.definition().is_sum()
                && (next.inputs.iter().filter(made).count() > 1
                    || chain[1..]
                        .iter()
                        .any(|id| op(id).definition().is_sum() || op(id).cuts_off()));
            // Kernels have one activation. Of two in a row the second would be taken for the first.
            let activates_again =
                next.op.is_activation() && chain.iter().any(|id| op(id).is_activation());
            let norms_again = self.is_norm(reader) && chain.iter().any(|id| self.is_norm(*id));
            let possible =
                !adds_late && !activates_again && !norms_again && next.inputs.iter().all(is_there);
            if self.taken[reader.0] || !possible || !wanted(reader) {
                return chain;
            }
            chain.push(reader);
        }
    }

    /// Who reads a tensor: somebody alone, or an activation that is alone but for its gradient, for which the tensor is
    /// stored on the way.
    fn next_reader(&self, tensor: TensorId) -> Option<OpId> {
        let later = |id: &&OpId| !self.program.operation(**id).op.is_activation_gradient();
        match self.readers(tensor) {
            [reader] => Some(*reader),
            readers => {
                let mut others = readers.iter().filter(later);
                let reader = others.next().filter(|_| others.next().is_none())?;
                let keeps = self.program.operation(*reader).op.ends_chain();
                keeps.then_some(*reader)
            }
        }
    }

    /// A convolution with the batch norm of its results, or the gradient of its input with that of the
    /// norm before it, if what is fused to the norm can be done in the convolution's place too.
    fn norm_at(&self, product: OpId, kernel_of: impl Fn(OpId) -> Vec<OpId>) -> Option<Fusion> {
        let at_product = kernel_of(product);
        let result = self.program.operation(*at_product.last()?).outputs[0];
        let readers = self.readers(result);
        let cuts_off = |id: &OpId| self.program.operation(*id).op.cuts_off();
        let is_cut_off = at_product.iter().any(cuts_off);
        // Sums are made while results are in registers.
        let ends = |id: &OpId| self.program.operation(*id).op.ends_chain();
        if at_product.iter().any(ends) {
            return None;
        }
        let (kind, next) = if self.is_forward(product) {
            // Nobody but the gradient of the norm may want what is not normalised.
            let is_norm = |id: &OpId| self.is_norm(*id) && self.is_forward(*id);
            let (norms, others): (Vec<OpId>, Vec<OpId>) =
                readers.iter().partition(|id| is_norm(id));
            let is_alone = others.iter().all(|id| self.is_norm(*id));
            let [norm] = norms[..] else { return None };
            (is_alone && !is_cut_off).then_some((FusionKind::NormAtProduct, norm))
        } else {
            let kind = FusionKind::NormGradientAtProduct;
            match *readers {
                [one] if cuts_off(&one) => {
                    (self.feeds_norm(one) && !is_cut_off).then_some((kind, one))
                }
                _ => {
                    let reads = |id: &&OpId| {
                        let reader = self.program.operation(**id);
                        self.is_norm(**id) && reader.inputs[0] == result
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
        let norm = behind.iter().position(|id| self.is_norm(*id))?;
        Some(Fusion {
            kind,
            operations: [&at_product[..], &behind[..=norm]].concat(),
        })
    }

    /// Whether a tensor is there before an operation: no later one makes it, though one may update it.
    fn is_there(&self, tensor: TensorId, before: OpId) -> bool {
        self.uses.maker(tensor).is_none_or(|maker| maker < before)
    }

    /// What the first of an operation's results is for.
    fn made(&self, id: OpId) -> &Role {
        &self
            .program
            .tensor(self.program.operation(id).outputs[0])
            .role
    }

    /// Whether it makes numbers of what the dataset has, and of nothing else.
    fn scales_input(&self, id: OpId) -> bool {
        let mut inputs = self.program.operation(id).inputs.iter();
        inputs.all(|input| matches!(self.program.tensor(*input).role, Role::Input { .. }))
    }

    fn rounds(&self, id: OpId) -> bool {
        matches!(self.made(id), Role::Rounded { .. })
    }

    /// Whether it makes a value of the forward pass, not a gradient.
    fn is_forward(&self, id: OpId) -> bool {
        *self.made(id) == Role::Activation
    }

    /// Whether it is a batch norm or the gradient of one.
    fn is_norm(&self, id: OpId) -> bool {
        self.program.operation(id).op.definition().is_norm()
    }

    /// Whether it is a product that others may be fused to.
    fn is_product(&self, id: OpId) -> bool {
        self.classes[id.0] == Class::Product
            && self.program.operation(id).op.definition().takes_in()
    }

    /// Whether it is a convolution, or the gradient of one's input.
    fn makes_images_of_images(&self, id: OpId) -> bool {
        let operation = self.program.operation(id);
        self.is_product(id) && self.program.tensor(operation.outputs[0]).is_images()
    }

    fn joins_product(&self, id: OpId) -> bool {
        self.program.operation(id).op.joins_product()
    }

    /// Where a batch norm's gradient is all that reads the result, ReLU's is applied there.
    fn joins_gradient(&self, id: OpId) -> bool {
        let op = self.program.operation(id).op;
        op.joins_gradient() && !(op.cuts_off() && self.feeds_norm(id))
    }

    /// Whether all that reads the operation's result is the gradient of a batch norm.
    fn feeds_norm(&self, id: OpId) -> bool {
        match *self.readers(self.program.operation(id).outputs[0]) {
            [reader] => self.is_norm(reader) && !self.is_forward(reader),
            _ => false,
        }
    }

    /// The product that alone reads the filters which the operation makes, if it does.
    fn product_of_filters(&self, id: OpId) -> Option<OpId> {
        let made = self.program.operation(id).outputs[0];
        let &[reader] = self.readers(made) else {
            return None;
        };
        let is_filters = self.program.operation(reader).inputs[1..].first() == Some(&made);
        (is_filters && self.makes_images_of_images(reader)).then_some(reader)
    }

    fn readers(&self, tensor: TensorId) -> &[OpId] {
        self.uses.readers(tensor)
    }
}
