use laptime_workload::Window;

use super::{
    Conv2d, Conv2dGradInput, Conv2dGradWeight, Definition, Forward, Gradient, Iteration, Layer,
    Net, OperandAxes,
    conv2d::{convolve, gradient_operands},
    definition::window_constants,
};
use crate::{axis::Axis, tensor::TensorId};

/// (x (B, H, W, I), w (I, O, kernel height, kernel width)) → (y (B, H', W', O)): a transposed convolution. It does
/// what a convolution's gradient does with its input (Dumoulin & Visin 2016), by the kernels that there are for that;
/// but no kernel takes in what follows in a forward pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dTranspose {
    /// That convolution's: what of y each value of x goes to.
    pub window: Window,
}

/// (dy (B, H', W', O), w (I, O, …)) → (dx (B, H, W, I)): that convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dTransposeGradInput {
    /// The convolution's.
    pub window: Window,
}

impl Definition for Conv2dTranspose {
    fn name(&self) -> &'static str {
        "conv2d_transpose"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let window = self.window;
        Conv2dGradInput { window }.iteration(axes)
    }

    /// That of w is the convolution's, for which x and dy have changed places.
    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let window = self.window;
        let [x, w, dy] = gradient_operands();
        Some(vec![
            Gradient::made(Conv2dTransposeGradInput { window }, [dy, w], [0]),
            Gradient::made(Conv2dGradWeight { window }, [dy, x], [1]),
        ])
    }

    fn takes_in(&self) -> bool {
        false
    }
}

impl Definition for Conv2dTransposeGradInput {
    fn name(&self) -> &'static str {
        "conv2d_transpose_grad_input"
    }

    fn constants(&self) -> Vec<(&'static str, String)> {
        window_constants(&self.window)
    }

    fn iteration(&self, axes: &OperandAxes) -> Iteration {
        let window = self.window;
        Conv2d { window }.iteration(axes)
    }

    fn takes_in(&self) -> bool {
        false
    }
}

/// A transposed convolution, with a bias where it has one.
pub(super) fn build(
    net: &mut dyn Net,
    layer: &Layer,
    input: TensorId,
    window: Window,
    has_bias: bool,
) -> TensorId {
    let (channels, filters) = (net.extent(input, Axis::Channel), layer.channels());
    let op = Conv2dTranspose { window }.into();
    // PyTorch and Keras take the second axis of the weights for the inputs of one output.
    let extents = [channels, filters];
    convolve(
        net,
        layer,
        input,
        (op, window),
        (extents, [filters, channels]),
        has_bias,
    )
}
