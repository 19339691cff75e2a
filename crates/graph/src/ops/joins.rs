//! What kernels do behind a product or a batch norm while its results are in registers: a list, until any chain of
//! pointwise operations may be done there.

use super::Op;

impl Op {
    /// Whether it may be done behind a product of the forward pass.
    pub(crate) fn joins_product(&self) -> bool {
        matches!(self, Self::Bias(_) | Self::Relu(_))
    }

    /// Whether it may be done behind the product that makes an input's gradient.
    pub(crate) fn joins_gradient(&self) -> bool {
        matches!(self, Self::Add(_) | Self::ReluGrad(_))
    }

    /// Whether it may update a parameter where its gradient is made, or clipped. A third rule in every product of every
    /// instruction set is code that RMSprop is not worth.
    pub(crate) fn joins_its_gradient(&self) -> bool {
        self.definition().is_update() && !matches!(self, Self::RmsProp(_) | Self::AmsGrad(_))
    }

    /// Whether it may be done behind a batch norm.
    pub(crate) fn joins_norm(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Relu(_) | Self::Round(_))
    }

    /// Whether it is ReLU or its gradient: what is added must be added before.
    pub fn cuts_off(&self) -> bool {
        matches!(self, Self::Relu(_) | Self::ReluGrad(_))
    }
}
