use super::{Definition, Form, Forward, Gradient, Layer, Net, Saved, Shapes, bias};
use crate::{
    simplification::Simplification,
    tensor::{Initial, TensorId},
};

/// (x (B, I), w (O, I)) → (y (B, O)): `y = x·wᵀ`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dense;

/// (dy (B, O), w (O, I)) → (dx (B, I)): `dx = dy·w`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseGradInput;

/// (x (B, I), dy (B, O)) → (dw (O, I)): `dw = dyᵀ·x`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DenseGradWeight;

impl Definition for Dense {
    fn name(&self) -> &'static str {
        "dense"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        2 * of.input_elements(1) * of.inputs[0][0] as u64
    }

    fn gradient(&self, _: Forward) -> Option<Vec<Gradient>> {
        let (x, w) = (Saved::Input(0, Form::Same), Saved::Input(1, Form::Same));
        let dy = Saved::Flowing(Form::Product);
        Some(vec![
            Gradient::made(DenseGradInput, [dy, w], [0]),
            Gradient::made(DenseGradWeight, [x, dy], [1]),
        ])
    }

    fn is_product(&self) -> bool {
        true
    }
}

impl Definition for DenseGradInput {
    fn name(&self) -> &'static str {
        "dense_grad_input"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        2 * of.input_elements(1) * of.inputs[0][0] as u64
    }

    fn is_product(&self) -> bool {
        true
    }
}

impl Definition for DenseGradWeight {
    fn name(&self) -> &'static str {
        "dense_grad_weight"
    }

    fn flops(&self, of: &Shapes, _: &[Simplification]) -> u64 {
        2 * of.output_elements(0) * of.inputs[0][0] as u64
    }

    fn is_product(&self) -> bool {
        true
    }
}

/// A product with a bias.
pub(super) fn build(net: &mut dyn Net, layer: &Layer, input: TensorId, units: usize) -> TensorId {
    let name = layer.name;
    let [batch_size, inputs] = *net.shape(input) else {
        panic!("{name} reads a matrix: the workload was resolved")
    };
    let initial = Initial::GlorotUniform {
        fan_in: inputs,
        fan_out: units,
    };
    let weight = net.parameter(format!("{name}.weight"), vec![units, inputs], initial);
    let product = net.value(format!("{name}.product"), vec![batch_size, units]);
    let operands = [net.operand(input), net.operand(weight)];
    net.operation(Dense.into(), &operands, &[product]);
    bias::build(net, layer, product)
}
