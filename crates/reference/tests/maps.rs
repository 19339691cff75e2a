//! Whether each operation depends on the values that its maps name, and on no others: a plain interpreter of
//! maps against what becomes of the oracle's numbers when one value is changed.

mod common;

use std::collections::BTreeSet;

use common::{
    interpreter::{Dependence, Values, named},
    net::{Net, square},
    random,
};
use laptime_graph::{
    Activation, Body, Embedding, Index, Iteration, Mode, Op, Operation, Program, Role, TensorId,
    TrainingStep, build,
};
use laptime_reference::ops::{execute, max_pool, update};
use laptime_workload::{
    Adam, AdamW, AmsGrad, LayerKind, Loss, Optimizer, Precision, RmsProp, Sgd, Window, Workload,
};

/// The column of labels, behind that of pixels.
const LABELS: Role = Role::Input { column: 1 };

/// Of how many classes, or symbols, the values of a tensor are numbers.
fn kinds(program: &Program, id: TensorId) -> Option<usize> {
    let tensor = program.tensor(id);
    let is_text = || program.operations[0].op == Embedding.into();
    match tensor.role {
        LABELS => Some(program.tensor(program.logits).shape[1]),
        Role::Input { column: 0 } if is_text() => {
            Some(program.tensor(program.operations[0].inputs[1]).shape[0])
        }
        _ => None,
    }
}

/// Adds what the oracle's numbers depend on with values of this draw.
fn observe(program: &Program, operation: &Operation, draw: u32, found: &mut Dependence) {
    let mut numbers = random(draw);
    let mut inputs: Vec<Vec<f64>> = Vec::new();
    for input in &operation.inputs {
        let tensor = program.tensor(*input);
        let kinds = kinds(program, *input);
        let value = |number: f64| match (&tensor.role, kinds) {
            (_, Some(kinds)) => ((number + 1.0) / 2.0 * kinds as f64).floor(),
            (Role::Moment { .. } | Role::Statistic(_), None) => number.abs() + 0.1,
            _ => 3.0 * number,
        };
        inputs.push(
            numbers
                .by_ref()
                .take(tensor.elements())
                .map(value)
                .collect(),
        );
    }
    let outputs = |inputs: &[Vec<f64>]| outputs(program, operation, inputs, u64::from(draw) + 1);
    complete(program, operation, &mut inputs);
    let before = outputs(&inputs);
    for input in 0..inputs.len() {
        let kinds = kinds(program, operation.inputs[input]);
        for place in 0..inputs[input].len() {
            let value = inputs[input][place];
            let others = match kinds {
                Some(kinds) => (0..kinds).map(|kind| kind as f64).collect(),
                None => vec![value + 1.0, value - 1.0, value + 9.0, value - 9.0],
            };
            for other in others {
                let mut changed = inputs.clone();
                changed[input][place] = other;
                let mut consistent = changed.clone();
                if input == 0 {
                    complete(program, operation, &mut consistent);
                }
                for inputs in [changed, consistent] {
                    for (output, values) in outputs(&inputs).iter().enumerate() {
                        for (at, value) in values.iter().enumerate() {
                            if value.to_bits() != before[output][at].to_bits() {
                                found[output][at].insert((input, place));
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The y that a max pool's gradient reads is x's.
fn complete(program: &Program, operation: &Operation, inputs: &mut [Vec<f64>]) {
    if let Op::MaxPoolGrad(pool) = operation.op {
        let shape = program.tensor(operation.inputs[0]).shape.as_slice();
        inputs[1] = max_pool(&inputs[0], shape.try_into().unwrap(), &pool.window);
    }
}

fn outputs(
    program: &Program,
    operation: &Operation,
    inputs: &[Vec<f64>],
    step: u64,
) -> Vec<Vec<f64>> {
    if operation.op.definition().is_update() {
        let mut updated = inputs[1..].to_vec();
        update(&operation.op, &inputs[0], &mut updated, step, 1.0);
        return updated;
    }
    let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
    // Not the first micro-batch, which stores what later ones add.
    execute(program, operation, &inputs, (step, 1))
}

const SGD: Sgd = Sgd {
    learning_rate: 0.1,
    momentum: 0.5,
    nesterov: false,
    weight_decay: None,
    weights_only: false,
};

/// Nets that have all operations, with windows that overlap, leave gaps and stand over.
fn workloads() -> Vec<Workload> {
    let window = Window {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 1, 1],
        dilation: [1; 2],
    };
    let dilated = Window {
        kernel: [2, 2],
        stride: [1, 2],
        padding: [1, 1, 1, 2],
        dilation: [2, 3],
    };
    let mut images = Net::new(5, 3, 2)
        .conv("conv1", 3, dilated, true)
        .conv_norm("conv2", 3, square(2, 1, 1))
        .relu("relu")
        .then("layer_norm", LayerKind::LayerNorm { epsilon: 1e-3 })
        .then(
            "depthwise",
            LayerKind::Conv2d {
                filters: 3,
                window: square(2, 1, 1),
                bias: true,
                groups: 3,
            },
        )
        .then("dropout", LayerKind::Dropout { rate: 0.4 })
        .then("max", LayerKind::MaxPool { window })
        .reading(&["max", "max"], "add", LayerKind::Add)
        .then(
            "average",
            LayerKind::AvgPool {
                window: square(2, 1, 1),
            },
        )
        .then(
            "gaps",
            LayerKind::MaxPool {
                window: square(1, 2, 0),
            },
        )
        .then(
            "average_gaps",
            LayerKind::AvgPool {
                window: square(1, 2, 0),
            },
        )
        .then("mean", LayerKind::GlobalAvgPool);
    let last = Activation::EXAMPLES[Activation::EXAMPLES.len() - 1].name();
    for activation in Activation::EXAMPLES {
        images = images.then(activation.name(), LayerKind::Activation(activation));
    }
    let images = images
        .reading(&["relu", "layer_norm"], "product", LayerKind::Multiply)
        .reading(&["product", "mean"], "scaled", LayerKind::Multiply)
        .reading(&["scaled", "relu", "scaled"], "joined", LayerKind::Concat)
        .then(
            "grouped",
            LayerKind::Conv2d {
                filters: 6,
                window: dilated,
                bias: false,
                groups: 3,
            },
        )
        .then(
            "transposed",
            LayerKind::Conv2dTranspose {
                filters: 3,
                window,
                output_padding: [1, 0],
                bias: true,
            },
        )
        .then("larger", LayerKind::Upsample { factor: [2, 1] })
        .then("mean_of_groups", LayerKind::GlobalAvgPool)
        .reading(&["mean_of_groups", last], "rows", LayerKind::Concat)
        .dense("fc", 3)
        .workload();
    let flat = Net::new(2, 3, 2)
        .conv("conv", 2, square(3, 2, 2), false)
        .then("flatten", LayerKind::Flatten)
        .dense("fc1", 4)
        .norm("norm")
        .then("layer_norm", LayerKind::LayerNorm { epsilon: 1e-3 })
        .dense("fc2", 3)
        .optimizer(Optimizer::Sgd(SGD))
        .workload();
    let in_bf16 = Workload {
        precision: Precision::Bf16,
        optimizer: Optimizer::Sgd(Sgd {
            nesterov: true,
            ..SGD
        }),
        ..flat.clone()
    };
    let decaying = [false, true].map(|nesterov| Workload {
        optimizer: Optimizer::Sgd(Sgd {
            nesterov,
            weight_decay: Some(0.1),
            ..SGD
        }),
        ..flat.clone()
    });
    let smoothed = Workload {
        label_smoothing: 0.1,
        global_clip_norm: Some(0.01),
        optimizer: Optimizer::RmsProp(RmsProp {
            learning_rate: 0.1,
            alpha: 0.9,
            epsilon: 1e-7,
        }),
        ..flat.clone()
    };
    let autoencoder = Net::new(2, 3, 2)
        .then("flatten", LayerKind::Flatten)
        .dense("fc", 2 * 3 * 2)
        .optimizer(Optimizer::AdamW(AdamW {
            adam: Adam {
                learning_rate: 0.1,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-7,
                corrected_epsilon: false,
            },
            weight_decay: 0.1,
            weights_only: false,
        }));
    let autoencoder = Workload {
        loss: Loss::MeanSquaredError,
        ..autoencoder.workload()
    };
    let amsgrad = Workload {
        optimizer: Optimizer::AmsGrad(AmsGrad {
            adam: Adam {
                learning_rate: 0.1,
                beta1: 0.9,
                beta2: 0.5,
                epsilon: 1e-7,
                corrected_epsilon: true,
            },
            weight_decay: Some(0.1),
            weights_only: false,
        }),
        ..flat.clone()
    };
    let text = Net::on_text(3, 2, 2)
        .then("flatten", LayerKind::Flatten)
        .dense("fc", 3)
        .workload();
    let mut all = vec![images, flat, in_bf16, smoothed, autoencoder, amsgrad, text];
    all.extend(decaying);
    all
}

/// The first value that does not depend on what an operation's maps name.
fn difference(program: &Program, operation: &Operation, iteration: &Iteration) -> Option<String> {
    const DRAWS: u32 = 200;
    let named = named(program, operation, iteration);
    let mut found: Dependence = named
        .iter()
        .map(|values| vec![Values::new(); values.len()])
        .collect();
    for draw in 0..DRAWS {
        observe(program, operation, draw, &mut found);
        if found == named {
            return None;
        }
        for (output, (found, named)) in found.iter().zip(&named).enumerate() {
            for (place, (found, named)) in found.iter().zip(named).enumerate() {
                if let Some(unnamed) = found.difference(named).next() {
                    return Some(format!(
                        "value {place} of output {output} depends on {unnamed:?}, which no map names"
                    ));
                }
            }
        }
    }
    Some("maps name what nothing depends on".to_owned())
}

#[test]
fn operations_depend_on_what_their_maps_name_and_on_nothing_else() {
    let mut seen = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for workload in workloads() {
        let micro_batches = Workload {
            micro_batch_size: Some(2),
            ..workload.clone()
        };
        let programs = [Mode::Training, Mode::Evaluation].map(|mode| build(&workload, mode, 2));
        let accumulating = TrainingStep::of(&micro_batches, 3).accumulating;
        let accumulating = accumulating.map(|(program, _)| program);
        for program in programs.into_iter().chain(accumulating) {
            for operation in &program.operations {
                let shapes = operation.inputs.iter().chain(&operation.outputs);
                let shapes: Vec<_> = shapes.map(|id| &program.tensor(*id).shape).collect();
                let kind = format!("{:?}", operation.op);
                if seen.insert(format!("{kind} {shapes:?}")) {
                    let iteration = program.iteration(operation);
                    let difference = difference(&program, operation, &iteration);
                    assert_eq!(difference, None, "{}", program.describe(operation));
                }
                kinds.insert(kind.split('(').next().unwrap_or_default().to_owned());
            }
        }
    }
    let all: BTreeSet<String> = Op::KINDS.iter().map(|kind| kind.to_string()).collect();
    assert_eq!(kinds, all);
}

/// Windows that lie one value further up or left, or whose taps lie closer together, and reads that are left out.
#[test]
fn wrong_maps_are_found() {
    let program = build(&workloads()[0], Mode::Training, 2);
    let mut planted = 0;
    for operation in &program.operations {
        let sound = program.iteration(operation);
        for (number, space) in sound.spaces.iter().enumerate() {
            for (read, map) in space.reads.iter().enumerate() {
                for place in 0..map.at.len() {
                    let mut wrong = sound.clone();
                    match &mut wrong.spaces[number].reads[read].at[place] {
                        Index::Met(slide) | Index::MetBy(slide) if slide.dilation > 1 => {
                            slide.dilation -= 1;
                        }
                        Index::Met(slide) | Index::MetBy(slide) => slide.before += 1,
                        _ => continue,
                    }
                    let what = program.describe(operation);
                    assert!(difference(&program, operation, &wrong).is_some(), "{what}");
                    planted += 1;
                }
            }
        }
        if let [space] = &sound.spaces[..]
            && space.body == Body::Each
            && space.reads.len() > 1
        {
            let mut wrong = sound.clone();
            wrong.spaces[0].reads.pop();
            let what = program.describe(operation);
            assert!(difference(&program, operation, &wrong).is_some(), "{what}");
            planted += 1;
        }
    }
    assert!(planted > 20, "{planted}");
}
