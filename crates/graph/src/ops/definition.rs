//! What an operation says of itself.

use laptime_workload::Window;

use super::{Iteration, Op, OperandAxes};

/// In which form a gradient reads a tensor where products have a reduced precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the forward operation has it.
    Same,
    /// Rounded, once for all who read it so.
    Product,
    /// Rounded for this operation alone: that costs less than to keep it.
    ProductAgain,
    /// The rounded copy, where there is one anyway.
    Stored,
}

/// What a gradient reads: tensors of the forward operation, or the gradient of its first output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// This input of the forward operation.
    Input(usize, Form),
    /// This output of it.
    Output(usize, Form),
    /// The gradient of its first output.
    Flowing(Form),
}

/// A step from the gradient of an operation's first output to those of its inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Gradient {
    /// The flowing gradient is that of these inputs.
    Pass(Vec<usize>),
    /// An operation makes the gradients of these inputs. It is left out where nobody needs them.
    Made {
        /// What makes them.
        op: Op,
        /// What that reads, in its order.
        reads: Vec<Saved>,
        /// The inputs whose gradients it makes, in its order.
        of: Vec<usize>,
    },
}

impl Gradient {
    /// Those of `of`, made by an operation that reads this.
    pub fn made<const N: usize, const M: usize>(
        op: impl Into<Op>,
        reads: [Saved; N],
        of: [usize; M],
    ) -> Self {
        Self::Made {
            op: op.into(),
            reads: reads.into(),
            of: of.into(),
        }
    }
}

/// What a gradient may look at beside the operation.
#[derive(Debug, Clone, Copy)]
pub struct Forward {
    /// Whether all that reads the first output in the forward pass takes its mean away
    /// ([`Definition::ignores_mean`]).
    pub readers_ignore_mean: bool,
    /// The samples that a loss's mean is over, where they are not the operation's own: those of a step of several
    /// micro-batches.
    pub mean_of: Option<usize>,
}

/// All about an operation. What it computes stands at its type.
pub trait Definition {
    /// The name in listings.
    fn name(&self) -> &'static str;

    /// Its constants as listings show them, and as digests are taken of them.
    fn constants(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// How it iterates over tensors of these axes. Of what is not a product only the order of magnitude of
    /// its floating-point operations matters; they are counted as the formula is written.
    fn iteration(&self, axes: &OperandAxes) -> Iteration;

    /// How the gradients of its inputs are made, in this order; `None` for what is never in a forward pass.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        None
    }

    /// Whether it updates a parameter: (g, w, moments…) → (w, moments…), in place.
    fn is_update(&self) -> bool {
        false
    }

    /// Whether it is the sum of its inputs, so that it may be added to one of the partial sums that make the
    /// first.
    fn is_sum(&self) -> bool {
        false
    }

    /// Whether it is a batch norm, in training or evaluation, or the gradient of one: what convolutions may do
    /// with their results.
    fn is_norm(&self) -> bool {
        false
    }

    /// Whether what follows a product, and the rounding of its filters, may be done in its kernel.
    fn takes_in(&self) -> bool {
        true
    }

    /// The window of a product that Winograd's F(2×2, 3×3) can make: 3×3, one position after the other.
    fn winograd_window(&self) -> Option<Window> {
        None
    }

    /// Whether an update moves a parameter whose gradient has always been 0.
    fn moves_without_gradient(&self) -> bool {
        false
    }

    /// Whether all that it makes is 0.
    fn makes_zeros(&self) -> bool {
        false
    }

    /// Whether it passes values on, rounded to the precision of products.
    fn is_rounding(&self) -> bool {
        false
    }

    /// Whether a constant added to all of a channel of its first input changes nothing but statistics.
    fn ignores_mean(&self) -> bool {
        false
    }
}

/// A window as listings show it.
pub(super) fn window_constants(window: &laptime_workload::Window) -> Vec<(&'static str, String)> {
    let mut constants = vec![
        ("kernel", format!("{:?}", window.kernel)),
        ("stride", format!("{:?}", window.stride)),
        ("padding", format!("{:?}", window.padding)),
    ];
    if window.dilation != [1; 2] {
        constants.push(("dilation", format!("{:?}", window.dilation)));
    }
    constants
}

/// This window, where Winograd's way serves it.
pub(super) fn winograd(window: &Window) -> Option<Window> {
    let is_served = window.kernel == [3; 2] && window.stride == [1; 2] && window.dilation == [1; 2];
    (is_served && window.padding.iter().all(|padding| *padding <= 2)).then_some(*window)
}
