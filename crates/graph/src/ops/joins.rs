//! What kernels do behind a product or a batch norm with its results, while they are in registers or in the nearest
//! cache.

use laptime_workload::Activation;

use super::{Activate, ActivateGrad, Op};

impl Op {
    /// Whether it may be done behind a product of the forward pass.
    pub(crate) fn joins_product(&self) -> bool {
        matches!(self, Self::Bias(_) | Self::Activate(_))
    }

    /// Whether it may be done behind the product that makes an input's gradient.
    pub(crate) fn joins_gradient(&self) -> bool {
        matches!(self, Self::Add(_) | Self::ActivateGrad(_))
    }

    /// Whether it may update a parameter where its gradient is made, or clipped. A third rule in every product of every
    /// instruction set is code that RMSprop is not worth.
    pub(crate) fn joins_its_gradient(&self) -> bool {
        self.definition().is_update() && !matches!(self, Self::RmsProp(_) | Self::AmsGrad(_))
    }

    /// Whether it may be done behind a batch norm.
    pub(crate) fn joins_norm(&self) -> bool {
        matches!(self, Self::Add(_) | Self::Activate(_) | Self::Round(_))
    }

    /// Whether it is an activation or the gradient of one.
    pub(crate) fn is_activation(&self) -> bool {
        matches!(self, Self::Activate(_) | Self::ActivateGrad(_))
    }

    /// Whether it is an activation's gradient.
    pub(crate) fn is_activation_gradient(&self) -> bool {
        matches!(self, Self::ActivateGrad(_))
    }

    /// Whether it is ReLU or its gradient, which cost so little that they are done wherever values are in registers.
    /// What is added must be added before.
    pub fn cuts_off(&self) -> bool {
        matches!(
            self,
            Self::Activate(Activate(Activation::Relu))
                | Self::ActivateGrad(ActivateGrad(Activation::Relu))
        )
    }

    /// Whether nothing is done behind it in one kernel: any other activation, or its gradient. Kernels go over their
    /// results for it once these are stored.
    pub fn ends_chain(&self) -> bool {
        self.is_activation() && !self.cuts_off()
    }
}
