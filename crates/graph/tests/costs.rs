//! What operations cost, counted by hand, against what their spaces give.

mod common;

use common::workloads;
use laptime_graph::{
    Activation, Class, Mode, Op, OpId, Operation, Program, Simplification, build, multiplied_pairs,
};
use laptime_workload::Window;

/// The floating-point operations of an operation.
fn by_hand(program: &Program, operation: &Operation, taken: &[Simplification]) -> usize {
    let shape = |id: &laptime_graph::TensorId| program.tensor(*id).shape.as_slice();
    let inputs: Vec<&[usize]> = operation.inputs.iter().map(shape).collect();
    let output = shape(&operation.outputs[0]);
    let values = |shape: &[usize]| shape.iter().product::<usize>();
    let area = |window: Window| window.kernel.iter().product::<usize>();
    let product = |window: &Window, x: &[usize], y: &[usize]| {
        2 * x[0] * x[3] * y[3] * multiplied_pairs(window, [x[1], x[2]], [y[1], y[2]], taken)
    };
    match operation.op {
        Op::Reshape(_) | Op::Zeros(_) | Op::Concat(_) | Op::Split(_) | Op::Upsample(_) => 0,
        Op::Embedding(_) => 0,
        Op::EmbeddingGrad(_) => values(inputs[1]),
        Op::ScalePixels(_)
        | Op::Round(_)
        | Op::Bias(_)
        | Op::BiasGrad(_)
        | Op::Add(_)
        | Op::Multiply(_)
        | Op::MultiplyChannels(_)
        | Op::GlobalAvgPool(_)
        | Op::GlobalAvgPoolGrad(_)
        | Op::UpsampleGrad(_)
        | Op::Dropout(_)
        | Op::DropoutGrad(_) => values(inputs[0]),
        Op::Activate(op) => of_activation(op.0)[0] * values(inputs[0]),
        Op::ActivateGrad(op) => of_activation(op.0)[1] * values(inputs[0]),
        Op::Dense(_) | Op::DenseGradInput(_) => 2 * values(inputs[1]) * inputs[0][0],
        Op::DenseGradWeight(_) => 2 * values(output) * inputs[0][0],
        Op::Conv2d(op) => product(&op.window, inputs[0], output),
        Op::Conv2dGradInput(op) => product(&op.window, output, inputs[0]),
        Op::Conv2dGradWeight(op) => product(&op.window, inputs[0], inputs[1]),
        Op::Conv2dTranspose(op) => product(&op.window, output, inputs[0]),
        Op::Conv2dTransposeGradInput(op) => product(&op.window, inputs[0], output),
        Op::DepthwiseConv2d(op) => product(&op.window, inputs[0], output) / output[3],
        Op::DepthwiseConv2dGradInput(op) => product(&op.window, output, inputs[0]) / output[3],
        Op::DepthwiseConv2dGradWeight(op) => {
            product(&op.window, inputs[0], inputs[1]) / inputs[0][3]
        }
        Op::GroupedConv2d(op) => product(&op.window, inputs[0], output) / op.groups,
        Op::GroupedConv2dGradInput(op) => product(&op.window, output, inputs[0]) / op.groups,
        Op::GroupedConv2dGradWeight(op) => product(&op.window, inputs[0], inputs[1]) / op.groups,
        Op::MultiplyChannelsGrad(_) => 2 * values(inputs[0]),
        Op::BatchNorm(_) => 7 * values(inputs[0]),
        Op::BatchNormGrad(_) => 9 * values(inputs[0]),
        Op::BatchNormEvaluation(_) => 2 * values(inputs[0]),
        Op::LayerNorm(_) => 7 * values(inputs[0]),
        Op::LayerNormGrad(_) => 12 * values(inputs[0]),
        Op::LayerNormGradScale(_) => 4 * values(inputs[0]),
        Op::MaxPool(op) => values(output) * area(op.window),
        Op::MaxPoolGrad(op) => values(inputs[1]) * area(op.window),
        Op::AvgPool(op) => values(output) * area(op.window),
        Op::AvgPoolGrad(op) => values(inputs[0]) * area(op.window),
        Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => 5 * values(inputs[0]),
        Op::MeanSquaredError(_) => 4 * values(inputs[0]),
        Op::MeanSquaredErrorGrad(_) => 3 * values(inputs[0]),
        Op::SquareSum(_) => 2 * values(inputs[0]),
        Op::ClipFactor(_) => inputs.len() + 2,
        Op::Clip(_) | Op::Accumulate(_) => values(inputs[0]),
        Op::Adam(_) => 12 * values(inputs[0]),
        Op::AmsGrad(op) if op.weight_decay.is_some() => 15 * values(inputs[0]),
        Op::AmsGrad(_) => 13 * values(inputs[0]),
        Op::AdamW(_) => 14 * values(inputs[0]),
        Op::Sgd(op) => {
            let direction = if op.nesterov { 2 } else { 0 };
            let decay = if op.weight_decay.is_some() { 2 } else { 0 };
            (4 + direction + decay) * values(inputs[0])
        }
        Op::RmsProp(_) => 9 * values(inputs[0]),
    }
}

fn of_activation(activation: Activation) -> [usize; 2] {
    fn flops<F: laptime_graph::formulas::Formula>(_: F) -> [u64; 2] {
        F::FLOPS
    }
    laptime_graph::with_formula!(activation, |formula| flops(formula)).map(|one| one as usize)
}

fn is_product(op: &Op) -> bool {
    matches!(
        op,
        Op::Dense(_)
            | Op::DenseGradInput(_)
            | Op::DenseGradWeight(_)
            | Op::Conv2d(_)
            | Op::Conv2dGradInput(_)
            | Op::Conv2dGradWeight(_)
            | Op::Conv2dTranspose(_)
            | Op::Conv2dTransposeGradInput(_)
            | Op::DepthwiseConv2d(_)
            | Op::DepthwiseConv2dGradInput(_)
            | Op::DepthwiseConv2dGradWeight(_)
            | Op::GroupedConv2d(_)
            | Op::GroupedConv2dGradInput(_)
            | Op::GroupedConv2dGradWeight(_)
    )
}

#[test]
fn spaces_give_the_costs_that_are_counted_by_hand() {
    for workload in workloads() {
        for mode in [Mode::Training, Mode::Evaluation] {
            let program = build(&workload, mode, 3);
            let [one, other] = Simplification::OF_PADDING;
            for taken in [&[][..], &[one], &[other], &[one, other]] {
                let mut products = 0;
                for (number, operation) in program.operations.iter().enumerate() {
                    let expected = by_hand(&program, operation, taken) as u64;
                    let found = program.flops(OpId(number), taken);
                    assert_eq!(found, expected, "{}", program.describe(operation));
                    let is_product = is_product(&operation.op);
                    assert_eq!(program.class(operation) == Class::Product, is_product);
                    products += if is_product { expected } else { 0 };
                }
                assert_eq!(program.executed_flops(taken), products);
            }
        }
    }
}
