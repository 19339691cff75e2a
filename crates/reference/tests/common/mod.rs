//! Small workloads, random values and finite differences, for all tests of the oracle.

#![allow(dead_code)] // every test file uses a part

use laptime_graph::{Mode, Program, State, TensorId, build};
use laptime_workload::{
    Workload,
    dataset::{Array, Samples},
    random::{Purpose, Stream},
};

pub mod interpreter;
pub mod net;
pub mod schedule;

use net::dense_net;

/// A training Program, a state with weights, biases and moments all different from 0, and a batch.
pub struct Case {
    pub program: Program,
    pub state: State,
    pub batch: Samples,
}

/// A [`Case`] of a [`dense_net`].
pub fn case(side: usize, units: &[usize], batch_size: usize) -> Case {
    case_of(&dense_net(side, units), batch_size)
}

/// A [`Case`] of any workload.
pub fn case_of(workload: &Workload, batch_size: usize) -> Case {
    let program = build(workload, Mode::Training, batch_size);
    let mut state = State::initial(&program, 1);
    state.steps = 3;
    for (number, tensor) in state.tensors.iter_mut().enumerate() {
        for (value, random) in tensor.values.iter_mut().zip(random(number as u32)) {
            *value = match tensor.name.rsplit_once('.') {
                Some((_, "v")) => 1e-4 * (random + 1.0),
                Some((_, "running_var")) => 1.0 + 0.5 * random,
                _ => 0.3 * random,
            };
        }
    }
    Case {
        batch: batch(workload, batch_size),
        program,
        state,
    }
}

/// Random pixels and labels.
fn batch(workload: &Workload, batch_size: usize) -> Samples {
    let mut stream = Stream::new(2, Purpose::SyntheticTrain, 0);
    let mut bytes = |count: usize, below: u32| -> Vec<u8> {
        (0..count).map(|_| stream.next_below(below) as u8).collect()
    };
    let values = [
        bytes(batch_size * workload.input.values(), 256),
        bytes(batch_size, workload.classes as u32),
    ];
    samples(workload, values)
}

/// Samples with these pixels and labels.
pub fn samples(workload: &Workload, values: [Vec<u8>; 2]) -> Samples {
    let columns = workload.columns().into_iter().zip(values);
    Samples {
        arrays: columns
            .map(|(column, bytes)| Array { column, bytes })
            .collect(),
    }
}

/// Endless random values in [−1, 1).
pub fn random(number: u32) -> impl Iterator<Item = f64> {
    let mut stream = Stream::new(9, Purpose::Weights, number);
    std::iter::repeat_with(move || 2.0 * stream.next_unit() - 1.0)
}

/// The tensor of this name.
pub fn tensor(program: &Program, name: &str) -> TensorId {
    let found = program.tensors.iter().position(|one| one.name == name);
    TensorId(found.unwrap_or_else(|| panic!("no tensor `{name}`")))
}

/// Turns a tensor into one number that depends on all its values; its gradient is `weights`.
pub fn weighted(values: &[f64], weights: &[f64]) -> f64 {
    assert_eq!(values.len(), weights.len());
    values.iter().zip(weights).map(|(v, w)| v * w).sum()
}

/// Compares a gradient with differences of `f` around `x`, of fourth order: the width must be
/// small, lest a ReLU or a maximum switches over within it, and batch norms of few values bend
/// much.
pub fn check_gradient(f: impl Fn(&[f64]) -> f64, x: &[f64], gradient: &[f64], what: &str) {
    const WIDTH: f64 = 1e-5;
    assert_eq!(x.len(), gradient.len(), "{what}");
    let mut x = x.to_vec();
    for i in 0..x.len() {
        let middle = x[i];
        let [far_below, below, above, far_above] = [-2.0, -1.0, 1.0, 2.0].map(|steps| {
            x[i] = middle + steps * WIDTH;
            f(&x)
        });
        x[i] = middle;
        let difference = (8.0 * (above - below) - (far_above - far_below)) / (12.0 * WIDTH);
        assert!(
            (difference - gradient[i]).abs() < 1e-9 + 1e-8 * difference.abs(),
            "{what}[{i}]: gradient {}, finite difference {difference}",
            gradient[i]
        );
    }
}
