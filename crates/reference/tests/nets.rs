//! Small convolutional nets as whole Programs: gradients against finite differences of the loss,
//! and what a step leaves behind.

mod common;

use common::{
    Case, case_of, check_gradient,
    net::{Net, square},
    tensor,
};
use laptime_graph::{Mode, Op, Program, State, build};
use laptime_reference::Reference;
use laptime_workload::{LayerKind, Optimizer, Sgd, Window, Workload};

/// Convolutions with padding on two sides alone, batch norms, a pool, a bottleneck with a
/// projection, then one without, whose input is read twice.
fn residual_net() -> Workload {
    let asymmetric = Window {
        kernel: [3, 3],
        stride: [2, 2],
        padding: [0, 1, 0, 1],
        dilation: [1; 2],
    };
    Net::new(12, 12, 2)
        .conv("stem", 3, asymmetric, true)
        .norm("stem_norm")
        .relu("stem_relu")
        .then(
            "pool",
            LayerKind::MaxPool {
                window: square(3, 2, 1),
            },
        )
        .conv("a1", 2, square(1, 2, 0), true)
        .norm("a1_norm")
        .relu("a1_relu")
        .conv("a2", 2, square(3, 1, 1), true)
        .norm("a2_norm")
        .reading(
            &["pool"],
            "short",
            LayerKind::Conv2d {
                filters: 2,
                window: square(1, 2, 0),
                bias: false,
                groups: 1,
            },
        )
        .norm("short_norm")
        .reading(&["a2_norm", "short_norm"], "a_sum", LayerKind::Add)
        .relu("a_relu")
        .conv("b1", 2, square(3, 1, 1), true)
        .norm("b1_norm")
        .reading(&["b1_norm", "a_relu"], "b_sum", LayerKind::Add)
        .relu("b_relu")
        .then("mean", LayerKind::GlobalAvgPool)
        .dense("fc", 3)
        .workload()
}

/// No norm: a convolution's bias has a gradient; dropout; trained by SGD with momentum.
fn plain_net() -> Workload {
    Net::new(9, 8, 2)
        .conv("conv", 3, square(7, 2, 3), true)
        .relu("relu")
        .then(
            "pool",
            LayerKind::AvgPool {
                window: square(3, 2, 1),
            },
        )
        .then("flatten", LayerKind::Flatten)
        .then("dropout", LayerKind::Dropout { rate: 0.3 })
        .dense("fc", 4)
        .optimizer(Optimizer::Sgd(Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: false,
            weight_decay: None,
            weights_only: false,
        }))
        .workload()
}

/// Batch norms of rows: of the flattened image, behind a dense layer with ReLU and a sum behind it, and
/// as the last layer.
fn rows_net() -> Workload {
    Net::new(3, 4, 2)
        .then("flatten", LayerKind::Flatten)
        .norm("image_norm")
        .dense("fc1", 5)
        .norm("fc1_norm")
        .relu("fc1_relu")
        .then("dropout", LayerKind::Dropout { rate: 0.3 })
        .dense("fc2", 5)
        .norm("fc2_norm")
        .reading(&["fc2_norm", "fc1_relu"], "sum", LayerKind::Add)
        .relu("sum_relu")
        .dense("fc3", 3)
        .norm("fc3_norm")
        .workload()
}

/// One step of the case from a state.
fn step<'a>(case: &'a Case, state: &State) -> (Reference<'a>, f64) {
    let mut reference = Reference::of_program(&case.program);
    reference.set_state(state);
    let step = reference.step(&case.batch);
    let loss = step.loss_sum() / case.program.batch_size as f64;
    (reference, loss)
}

fn value(reference: &Reference, program: &Program, name: &str) -> Vec<f64> {
    reference.value(tensor(program, name)).expect("computed")
}

/// The sum of all gradients of a tensor that other operations read it through is the last one.
fn gradient(reference: &Reference, program: &Program, name: &str) -> Vec<f64> {
    value(reference, program, &format!("d.{name}"))
}

/// Every parameter's gradient against differences of the training loss itself, with its batch
/// statistics and its dropped values. Among them biases in front of a batch norm, whose gradient
/// the Program says is 0.
fn check_parameters(case: &Case) {
    let (reference, _) = step(case, &case.state);
    for (_, parameter) in case.program.parameters() {
        let name = &parameter.name;
        let loss = |values: &[f64]| {
            let mut state = case.state.clone();
            let changed = state.tensors.iter_mut().find(|tensor| tensor.name == *name);
            changed.expect("a parameter").values = values.to_vec();
            step(case, &state).1
        };
        let values = &case.state.tensor(name).expect("in the state").values;
        let gradient = gradient(&reference, &case.program, name);
        check_gradient(loss, values, &gradient, name);
    }
}

#[test]
fn residual_gradients() {
    let case = case_of(&residual_net(), 4);
    check_parameters(&case);
    let zeros = |one: &&laptime_graph::Operation| matches!(one.op, Op::Zeros(_));
    assert_eq!(case.program.operations.iter().filter(zeros).count(), 4);
}

#[test]
fn gradients_of_rows() {
    let case = case_of(&rows_net(), 7);
    check_parameters(&case);
    let zeros = |one: &&laptime_graph::Operation| matches!(one.op, Op::Zeros(_));
    assert_eq!(case.program.operations.iter().filter(zeros).count(), 3);
}

#[test]
fn plain_gradients() {
    let case = case_of(&plain_net(), 3);
    check_parameters(&case);
    assert!(
        case.program
            .operations
            .iter()
            .all(|one| !matches!(one.op, Op::Zeros(_)))
    );
}

#[test]
fn moving_statistics_follow_the_batch() {
    let case = case_of(&residual_net(), 4);
    let (reference, _) = step(&case, &case.state);
    let x = value(&reference, &case.program, "stem");
    let state = reference.state();
    for c in 0..3 {
        let channel: Vec<f64> = x.iter().skip(c).step_by(3).copied().collect();
        let count = channel.len() as f64;
        let mean = channel.iter().sum::<f64>() / count;
        let variance = channel.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        for (suffix, batch) in [("running_mean", mean), ("running_var", variance)] {
            let name = format!("stem_norm.{suffix}");
            let of = |state: &State| state.tensor(&name).expect("kept").values[c];
            let (before, after) = (of(&case.state), of(&state));
            assert!(
                (after - (0.75 * before + 0.25 * batch)).abs() < 1e-14,
                "{name}"
            );
        }
    }
}

/// Evaluation reads the moving statistics and leaves all as it is.
#[test]
fn evaluation_changes_nothing() {
    let workload = residual_net();
    let case = case_of(&workload, 4);
    let program = build(&workload, Mode::Evaluation, 4);
    let score = |state: &State| {
        let mut reference = Reference::of_program(&program);
        reference.set_state(state);
        let scores = [(); 2].map(|()| reference.step(&case.batch));
        assert_eq!(scores[0], scores[1]);
        assert_eq!(reference.state().steps, state.steps);
        scores[0].loss_sum()
    };
    let (trained, _) = step(&case, &case.state);
    let mut moved = case.state.clone();
    for tensor in &mut moved.tensors {
        if tensor.name.contains(".running_") {
            tensor.values = trained
                .state()
                .tensor(&tensor.name)
                .expect("kept")
                .values
                .clone();
        }
    }
    assert_ne!(score(&case.state), score(&moved));
}

/// What is dropped changes from step to step, and never in evaluation.
#[test]
fn dropout_follows_the_step() {
    let workload = plain_net();
    let case = case_of(&workload, 3);
    let loss = |steps: u64| {
        let state = State {
            steps,
            ..case.state.clone()
        };
        step(&case, &state).1
    };
    assert_eq!(loss(3), loss(3));
    assert_ne!(loss(3), loss(4));
    let evaluation = build(&workload, Mode::Evaluation, 3);
    let dropout = |one: &laptime_graph::Operation| matches!(one.op, Op::Dropout(_));
    assert!(case.program.operations.iter().any(dropout));
    assert!(!evaluation.operations.iter().any(dropout));
}

/// `u ← 0.9·u + g`, `w ← w − 0.1·u`.
#[test]
fn sgd_updates_every_parameter() {
    let case = case_of(&plain_net(), 3);
    let (reference, _) = step(&case, &case.state);
    let after = reference.state();
    for (_, parameter) in case.program.parameters() {
        let name = &parameter.name;
        let velocity = format!("{name}.velocity");
        let of = |state: &State, name: &str| state.tensor(name).expect("kept").values.clone();
        let g = gradient(&reference, &case.program, name);
        let (w, u) = (of(&case.state, name), of(&case.state, &velocity));
        for i in 0..g.len() {
            let u = 0.9 * u[i] + g[i];
            assert!((of(&after, &velocity)[i] - u).abs() < 1e-15, "{name}");
            assert!(
                (of(&after, name)[i] - (w[i] - 0.1 * u)).abs() < 1e-15,
                "{name}"
            );
        }
    }
}

#[test]
fn training_lowers_the_loss() {
    for (workload, steps) in [(residual_net(), 300), (plain_net(), 300), (rows_net(), 300)] {
        let case = case_of(&workload, 4);
        let mut reference = Reference::of_program(&case.program);
        reference.set_state(&case.state);
        let mut loss = || reference.step(&case.batch).loss_sum();
        let first = loss();
        let last = (0..steps).map(|_| loss()).last().expect("steps");
        assert!(last < 0.8 * first, "{first} → {last}");
    }
}
