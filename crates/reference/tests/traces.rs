//! The oracle against committed traces of PyTorch in float64: another model, another autodiff and
//! another optimizer, on the same data.

mod common;

use common::{
    net::{Net, square},
    samples,
};
use laptime_graph::{Mode, Program, State, build};
use laptime_reference::Reference;
use laptime_workload::{
    Builtin, LayerKind, Overrides, Window, Workload,
    dataset::{Samples, synthetic},
    epoch_order,
};
use serde_json::Value;

/// The largest relative difference that is let pass. Found: 2e-14, in the norm of 100,352 weights;
/// the two sides only order their sums differently.
const BOUND: f64 = 1e-12;

/// The same for the residual net. Found: 6e-12, in a bias in front of a norm, whose gradient is 0
/// here and rounding errors there, which move it.
const RESIDUAL_BOUND: f64 = 1e-10;

/// What sums of rounding errors stay below.
const ROUNDING: f64 = 1e-14;

const RESIDUAL_BATCH: usize = 8;

const HOW_TO: &str =
    "make the trace again, as crates/peers/scripts/trace_pytorch.py says at its top";

#[test]
fn fashion_mnist() {
    let trace: Value =
        serde_json::from_str(include_str!("traces/fashion-mnist.json")).expect("valid JSON");
    let spec = Builtin::find("fashion-mnist").expect("built in").spec();
    let workload = spec.resolve(&Overrides::default()).expect("resolves");
    let batch_size = workload.batch_size;
    assert_eq!(trace["seed"], workload.seed);
    assert_eq!(trace["batch_size"], batch_size);

    let data = &trace["data"];
    let dataset = synthetic(
        workload.dataset.description(),
        integer(&data["train_samples"]),
        integer(&data["test_samples"]),
    );
    assert_eq!(
        data["sha256"], dataset.sha256,
        "the generator makes other samples than when the trace was made; {HOW_TO}"
    );
    let order = epoch_order(workload.seed, 0, dataset.train.count(), workload.shuffle);
    assert_eq!(
        trace["first_samples"],
        Value::from(&order[..8]),
        "the order of samples is another than when the trace was made; {HOW_TO}"
    );

    let program = build(&workload, Mode::Training, batch_size);
    let mut oracle = Reference::of_program(&program);
    let initial = State::initial(&program, workload.seed);
    let mut worst = Worst::default();
    for (name, expected) in trace["initial"].as_object().expect("an object") {
        let found = &initial.tensor(name).expect("a parameter").values;
        worst.compare(&format!("initial {name}"), expected, found);
    }
    oracle.set_state(&initial);

    let batches = order
        .chunks(batch_size)
        .map(|batch| dataset.train.gather(batch));
    worst.compare_steps(&trace, &mut oracle, &program, batches);
    worst.judge(BOUND, 300);
}

/// Convolutions with uneven padding, norms of images and of rows, pools, a bottleneck with a
/// projection and one whose input is read twice; the net, the initial values and the batches of `traces/residual_cnn.py`.
#[test]
fn residual_cnn() {
    let trace: Value =
        serde_json::from_str(include_str!("traces/residual-cnn.json")).expect("valid JSON");
    let net = residual_net();
    let program = build(&net, Mode::Training, RESIDUAL_BATCH);
    let mut initial = State::initial(&program, 1);
    let mut worst = Worst::default();
    for (number, (_, parameter)) in program.parameters().enumerate() {
        let name = &parameter.name;
        let tensor = initial.tensors.iter_mut().find(|one| one.name == *name);
        let values = &mut tensor.expect("a parameter").values;
        let is_gamma = name.ends_with("_norm.weight");
        let middle = if is_gamma { 1.0 } else { 0.0 };
        for (value, bits) in values.iter_mut().zip(generator(number as u32)) {
            *value = middle + 0.6 * (f64::from(bits) / 65536.0 - 0.5);
        }
        let what = format!("initial {name}");
        worst.compare(&what, &trace["initial"][name.as_str()], values);
    }
    let mut oracle = Reference::of_program(&program);
    oracle.set_state(&initial);
    let batches = (1..).map(|step| {
        let mut bits = generator(1000 + step);
        let mut bytes = |count: usize, below: u32| -> Vec<u8> {
            let values = bits.by_ref().take(count);
            values.map(|bits| (bits % below) as u8).collect()
        };
        let labels = bytes(RESIDUAL_BATCH, 5);
        samples(&net, [bytes(RESIDUAL_BATCH * 16 * 16 * 3, 256), labels])
    });
    worst.compare_steps(&trace, &mut oracle, &program, batches);
    worst.judge(RESIDUAL_BOUND, 1500);
}

/// The upper 16 bits of the linear congruential generator of Numerical Recipes.
fn generator(seed: u32) -> impl Iterator<Item = u32> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    })
}

fn residual_net() -> Workload {
    let uneven = Window {
        kernel: [5, 5],
        stride: [2, 2],
        padding: [1, 2, 1, 2],
        dilation: [1; 2],
    };
    let (max, average) = (square(3, 2, 1), square(2, 1, 1));
    let projection = LayerKind::Conv2d {
        filters: 16,
        window: square(1, 2, 0),
        bias: true,
        groups: 1,
    };
    Net::new(16, 16, 3)
        .conv_norm("stem", 8, uneven)
        .relu("stem_relu")
        .then("max", LayerKind::MaxPool { window: max })
        .conv_norm("a1", 4, square(1, 2, 0))
        .relu("a1_relu")
        .conv_norm("a2", 4, square(3, 1, 1))
        .relu("a2_relu")
        .conv_norm("a3", 16, square(1, 1, 0))
        .reading(&["max"], "short", projection)
        .norm("short_norm")
        .reading(&["a3_norm", "short_norm"], "a_sum", LayerKind::Add)
        .relu("a_relu")
        .conv_norm("b1", 4, square(1, 1, 0))
        .relu("b1_relu")
        .conv_norm("b2", 4, square(3, 1, 1))
        .relu("b2_relu")
        .conv_norm("b3", 16, square(1, 1, 0))
        .reading(&["b3_norm", "a_relu"], "b_sum", LayerKind::Add)
        .relu("b_relu")
        .then("average", LayerKind::AvgPool { window: average })
        .then("mean", LayerKind::GlobalAvgPool)
        .dense("hidden", 12)
        .norm("hidden_norm")
        .relu("hidden_relu")
        .dense("fc", 5)
        .workload()
}

fn value(oracle: &Reference, program: &Program, name: &str) -> Vec<f64> {
    let place = program
        .tensors
        .iter()
        .position(|tensor| tensor.name == name);
    let place = place.unwrap_or_else(|| panic!("the Program has no `{name}`"));
    oracle
        .value(laptime_graph::TensorId(place))
        .expect("computed")
}

/// The largest difference so far.
#[derive(Default)]
struct Worst {
    difference: f64,
    what: String,
    compared: usize,
}

impl Worst {
    /// Trains on as many batches as the trace has steps.
    fn compare_steps(
        &mut self,
        trace: &Value,
        oracle: &mut Reference,
        program: &Program,
        batches: impl Iterator<Item = Samples>,
    ) {
        let steps = trace["steps"].as_array().expect("a list");
        for (expected, batch) in steps.iter().zip(batches) {
            let step = oracle.step(&batch);
            let number = &expected["step"];
            assert_eq!(
                float(&expected["correct"]),
                step.sums[1],
                "right answers in step {number}"
            );
            let (what, wanted) = (
                format!("the loss of step {number}"),
                float(&expected["loss"]),
            );
            self.add(&what, wanted, step.loss_sum() / batch.count() as f64, 0.0);
            let Some(tensors) = expected["tensors"].as_object() else {
                continue;
            };
            for (name, expected) in tensors {
                let found = value(oracle, program, name);
                self.compare(&format!("{name} after step {number}"), expected, &found);
            }
        }
    }

    /// Panics where a difference was too large, or not enough was compared.
    fn judge(&self, bound: f64, least: usize) {
        let Self {
            difference,
            what,
            compared,
        } = self;
        println!("largest relative difference {difference:e} of {compared}: {what}");
        assert!(*difference < bound, "{difference:e}: {what}");
        assert!(*compared > least, "only {compared} values compared");
    }

    /// Compares a tensor with its norm and some of its values. A value that is small because
    /// larger ones cancelled in it is measured against the tensor's root mean square.
    ///
    /// Where the Program knows a gradient to be 0, the other side finds rounding errors.
    fn compare(&mut self, what: &str, expected: &Value, found: &[f64]) {
        if found.iter().all(|&value| value == 0.0) {
            assert!(float(&expected["norm"]) < ROUNDING, "{what} is 0");
            return;
        }
        let norm = found.iter().map(|value| value * value).sum::<f64>().sqrt();
        self.add(what, float(&expected["norm"]), norm, 0.0);
        let typical = norm / (found.len() as f64).sqrt();
        for (place, expected) in expected["values"].as_object().expect("an object") {
            let place: usize = place.parse().expect("a place");
            let what = format!("value {place} of {what}");
            self.add(&what, float(expected), found[place], typical);
        }
    }

    fn add(&mut self, what: &str, expected: f64, found: f64, typical: f64) {
        self.compared += 1;
        let size = expected.abs().max(typical);
        let difference = (expected - found).abs() / if size > 0.0 { size } else { 1.0 };
        if difference.is_nan() || difference > self.difference {
            self.difference = if difference.is_nan() {
                f64::INFINITY
            } else {
                difference
            };
            self.what = format!("{what} is {found}, expected {expected}");
        }
    }
}

fn float(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

fn integer(value: &Value) -> usize {
    value.as_u64().expect("a whole number") as usize
}
