//! What kind of work each operation is, as the field sorts them, against what follows from their spaces.

mod common;

use common::workloads;
use laptime_graph::{Class, Mode, Op, build};

fn expected(op: &Op) -> Class {
    match op {
        Op::SoftmaxCrossEntropy(_) | Op::SoftmaxCrossEntropyGrad(_) => Class::Loss,
        Op::MeanSquaredError(_) | Op::MeanSquaredErrorGrad(_) => Class::Loss,
        Op::AmsGrad(_) => Class::Update,
        Op::Adam(_) | Op::AdamW(_) | Op::Sgd(_) | Op::RmsProp(_) => Class::Update,
        Op::Dense(_) | Op::DenseGradInput(_) | Op::DenseGradWeight(_) => Class::Product,
        Op::Conv2d(_) | Op::Conv2dGradInput(_) | Op::Conv2dGradWeight(_) => Class::Product,
        Op::Conv2dTranspose(_) | Op::Conv2dTransposeGradInput(_) => Class::Product,
        Op::DepthwiseConv2d(_) | Op::DepthwiseConv2dGradInput(_) => Class::Product,
        Op::DepthwiseConv2dGradWeight(_) => Class::Product,
        Op::GroupedConv2d(_) | Op::GroupedConv2dGradInput(_) => Class::Product,
        Op::GroupedConv2dGradWeight(_) => Class::Product,
        Op::MaxPool(_) | Op::MaxPoolGrad(_) => Class::Window,
        Op::AvgPool(_) | Op::AvgPoolGrad(_) => Class::Window,
        Op::Upsample(_) | Op::UpsampleGrad(_) => Class::Window,
        Op::BiasGrad(_) | Op::GlobalAvgPool(_) => Class::Reduction,
        Op::BatchNorm(_) | Op::BatchNormGrad(_) => Class::Reduction,
        Op::LayerNorm(_) | Op::LayerNormGrad(_) | Op::LayerNormGradScale(_) => Class::Reduction,
        Op::Reshape(_) | Op::Zeros(_) | Op::Concat(_) | Op::Split(_) => Class::Movement,
        Op::Embedding(_) => Class::Movement,
        Op::EmbeddingGrad(_) => Class::Reduction,
        Op::Multiply(_) | Op::MultiplyChannels(_) => Class::Pointwise,
        Op::MultiplyChannelsGrad(_) => Class::Reduction,
        Op::SquareSum(_) => Class::Reduction,
        Op::ClipFactor(_) | Op::Clip(_) => Class::Pointwise,
        Op::BatchNormEvaluation(_) | Op::GlobalAvgPoolGrad(_) => Class::Pointwise,
        Op::ScalePixels(_) | Op::Round(_) | Op::Bias(_) | Op::Add(_) => Class::Pointwise,
        Op::Activate(_) | Op::ActivateGrad(_) => Class::Pointwise,
        Op::Dropout(_) | Op::DropoutGrad(_) | Op::Accumulate(_) => Class::Pointwise,
    }
}

#[test]
fn classes_follow_from_spaces() {
    for workload in workloads() {
        for mode in [Mode::Training, Mode::Evaluation] {
            let program = build(&workload, mode, 3);
            for operation in &program.operations {
                let class = program.class(operation);
                assert_eq!(class, expected(&operation.op), "{}", operation.op);
                let is_update = operation.op.definition().is_update();
                assert_eq!(class == Class::Update, is_update, "{}", operation.op);
            }
        }
    }
}
