//! Steps of several micro-batches against steps on the whole batch: without batch norms the same training.

mod common;

use common::{
    case_of,
    net::{Net, square},
};
use laptime_graph::{State, TrainingStep};
use laptime_reference::Reference;
use laptime_workload::{
    Adam, AdamW, LayerKind, Loss, Optimizer, RmsProp, Sgd, Workload, dataset::Samples,
};

const SAMPLES: usize = 7;

fn net() -> Net {
    Net::new(6, 5, 2)
        .conv("conv", 3, square(3, 2, 1), true)
        .then("layer_norm", LayerKind::LayerNorm { epsilon: 1e-3 })
        .relu("relu")
        .then("dropout", LayerKind::Dropout { rate: 0.4 })
        .then("flatten", LayerKind::Flatten)
        .dense("fc", 4)
}

fn optimizers() -> [Optimizer; 3] {
    [
        Optimizer::AdamW(AdamW {
            weights_only: false,
            adam: Adam {
                corrected_epsilon: false,
                learning_rate: 0.01,
                beta1: 0.9,
                beta2: 0.99,
                epsilon: 1e-7,
            },
            weight_decay: 0.1,
        }),
        Optimizer::Sgd(Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: true,
            weight_decay: Some(0.1),
            weights_only: true,
        }),
        Optimizer::RmsProp(RmsProp {
            learning_rate: 0.01,
            alpha: 0.9,
            epsilon: 1e-7,
        }),
    ]
}

/// Three steps: the sums of metrics, and the state behind them.
fn trained(workload: &Workload, state: &State, batch: &Samples) -> (Vec<[f64; 2]>, State) {
    let step = TrainingStep::of(workload, batch.count());
    let mut reference = Reference::of_step(&step);
    reference.set_state(state);
    let sums = (0..3).map(|_| {
        let sums = reference.step(batch).sums;
        [sums[0], sums[1]]
    });
    let sums = sums.collect();
    assert_eq!(reference.logits().len(), batch.count() * workload.classes);
    (sums, reference.state())
}

fn assert_same(one: f64, other: f64, what: &str) {
    let difference = (one - other).abs();
    assert!(
        difference <= 1e-12 * one.abs().max(1.0),
        "{what}: {one}, {other}"
    );
}

fn assert_same_training(workload: &Workload) {
    let case = case_of(workload, SAMPLES);
    let (whole, expected) = trained(workload, &case.state, &case.batch);
    // Of one, of several that leave a short one, of two that leave one, and of all.
    for size in [1, 3, 6, 7, 20] {
        let workload = Workload {
            micro_batch_size: Some(size),
            ..workload.clone()
        };
        let (sums, state) = trained(&workload, &case.state, &case.batch);
        for (one, other) in whole.iter().flatten().zip(sums.iter().flatten()) {
            assert_same(*one, *other, "a metric");
        }
        assert_eq!(state.steps, expected.steps);
        assert_eq!(state.tensors.len(), expected.tensors.len());
        for (one, other) in expected.tensors.iter().zip(&state.tensors) {
            assert_eq!(one.name, other.name);
            for (one_value, other_value) in one.values.iter().zip(&other.values) {
                let what = format!("micro-batches of {size}, {}", one.name);
                assert_same(*one_value, *other_value, &what);
            }
        }
    }
}

#[test]
fn without_batch_norms_it_is_the_training_on_whole_batches() {
    for optimizer in optimizers() {
        for global_clip_norm in [None, Some(0.05)] {
            let workload = Workload {
                optimizer,
                global_clip_norm,
                label_smoothing: 0.1,
                ..net().workload()
            };
            assert_same_training(&workload);
        }
    }
}

#[test]
fn a_mean_squared_error_is_over_the_whole_step() {
    let net = Net::new(2, 3, 2)
        .then("flatten", LayerKind::Flatten)
        .dense("fc1", 4)
        .relu("relu")
        .dense("fc2", 2 * 3 * 2);
    assert_same_training(&Workload {
        loss: Loss::MeanSquaredError,
        ..net.workload()
    });
}

/// Statistics are a micro-batch's own, and moving ones move once for each.
#[test]
fn batch_norms_see_micro_batches() {
    let workload = Net::new(4, 4, 1)
        .conv("conv", 3, square(3, 1, 1), true)
        .norm("norm")
        .then("flatten", LayerKind::Flatten)
        .dense("fc", 3)
        .workload();
    let case = case_of(&workload, SAMPLES);
    let (whole, expected) = trained(&workload, &case.state, &case.batch);
    let in_parts = Workload {
        micro_batch_size: Some(3),
        ..workload
    };
    let (sums, state) = trained(&in_parts, &case.state, &case.batch);
    assert!((sums[0][0] - whole[0][0]).abs() > 1e-6);
    let moving = |state: &State| state.tensor("norm.running_mean").unwrap().values.clone();
    assert_ne!(moving(&state), moving(&expected));
}
