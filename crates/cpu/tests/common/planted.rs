//! One value of a state is planted that is not finite, or huge, and an engine does a step: wherever the
//! oracle has NaN or ∞ behind it, so has the engine. See "NaN and ∞" in `laptime_reference::ops`.

use laptime_engine::{Device, Engine, Job, Passes, Progress};
use laptime_graph::{Mode, Program, State, build};
use laptime_reference::Reference;

/// The largest is huge, and not infinite in any precision.
const PLANTED: [f64; 5] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e38, -1e38];

/// Layers of every kind.
pub const NETS: [&str; 4] = [
    r#"layer = [
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 20 },
        { name = "norm", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "drop", kind = "dropout", rate = 0.25 },
        { name = "fc2", kind = "dense", units = 17 },
        { name = "relu2", kind = "relu" },
        { name = "fc3", kind = "dense", units = 10 },
    ]"#,
    r#"layer = [
        { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "pool", kind = "max_pool", size = 2, stride = 2, padding = "same" },
        { name = "c2", kind = "conv2d", filters = 5, kernel = 3, stride = 1, padding = "same", bias = false },
        { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "add", kind = "add", inputs = ["bn2", "pool"] },
        { name = "relu2", kind = "relu" },
        { name = "drop", kind = "dropout", rate = 0.25 },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#,
    r#"layer = [
        { name = "c1", kind = "conv2d", filters = 3, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "pool1", kind = "avg_pool", size = 2, stride = 2, padding = "same" },
        { name = "relu", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 4, kernel = 2, stride = 1, padding = "same", bias = true },
        { name = "pool2", kind = "max_pool", size = 3, stride = 1, padding = "same" },
        { name = "flatten", kind = "flatten" },
        { name = "norm", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "fc", kind = "dense", units = 10 },
    ]"#,
    r#"layer = [
        { name = "c1", kind = "conv2d", filters = 3, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "gelu", kind = "gelu" },
        { name = "c2", kind = "conv2d", filters = 4, kernel = 2, stride = 1, padding = "same", bias = true },
        { name = "softplus", kind = "softplus" },
        { name = "c3", kind = "conv2d", filters = 4, kernel = 2, stride = 1, padding = "same", bias = true },
        { name = "ln1", kind = "layer_norm", epsilon = 1e-3 },
        { name = "leaky", kind = "leaky_relu", slope = 0.1 },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 20 },
        { name = "gelu_tanh", kind = "gelu_tanh" },
        { name = "fc2", kind = "dense", units = 17 },
        { name = "ln2", kind = "layer_norm", epsilon = 1e-3 },
        { name = "silu", kind = "silu" },
        { name = "fc3", kind = "dense", units = 19 },
        { name = "tanh", kind = "tanh" },
        { name = "fc4", kind = "dense", units = 18 },
        { name = "sigmoid", kind = "sigmoid" },
        { name = "fc6", kind = "dense", units = 18 },
        { name = "hard_swish", kind = "hard_swish" },
        { name = "fc5", kind = "dense", units = 10 },
    ]"#,
];

/// A planted state, and what the oracle makes of it.
struct Planted {
    what: String,
    start: State,
    loss: f64,
    correct: f64,
    after: State,
    is_nan: bool,
}

/// Has every session do a step from every planted state.
pub fn assert_nothing_disappears(engine: &dyn Engine, job: &Job, devices: &[Device]) {
    let batch = job.workload.batch_size;
    let program = build(&job.workload, Mode::Training, batch);
    let planted = planted(&program, job);
    let broken = planted.iter().filter(|planted| !planted.loss.is_finite());
    assert!(
        broken.count() > planted.len() / 8,
        "the test tests something"
    );
    let order: Vec<u32> = (0..batch as u32).collect();
    for device in devices {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job.clone()
            };
            let mut session = engine.compile(&job, device).unwrap();
            for planted in &planted {
                session.set_state(&planted.start).unwrap();
                let score = session.train(&order, &Progress::new()).unwrap().score;
                let state = session.state().unwrap();
                let context = format!(
                    "{:?}, {passes:?}, {}: {}",
                    device.isa, job.workload.precision, planted.what
                );
                assert!(
                    planted.loss.is_finite() || !score.loss_sum().is_finite(),
                    "{context}: loss {} for {}",
                    score.loss_sum(),
                    planted.loss
                );
                if planted.is_nan {
                    assert_eq!(score.sums[1], planted.correct, "{context}");
                }
                for after in &planted.after.tensors {
                    let given = state.tensor(&after.name).unwrap();
                    let pairs = given.values.iter().zip(&after.values);
                    for (index, (given, after_it)) in pairs.enumerate() {
                        assert!(
                            after_it.is_finite() || !given.is_finite(),
                            "{context}: {} {index} is {given} for {after_it}",
                            after.name
                        );
                    }
                }
            }
        }
    }
}

/// States with one planted value each, in every tensor.
fn planted(program: &Program, job: &Job) -> Vec<Planted> {
    let train = &job.dataset.train;
    let batch = program.batch_size;
    let first: Vec<u32> = (0..batch as u32).collect();
    let given = train.gather(&first);
    let initial = State::initial(program, 5).rounded_to_f32();
    let mut all = Vec::new();
    for (number, tensor) in initial.tensors.iter().enumerate() {
        // A mean of squares is never negative, and an engine need not ask.
        let is_square = tensor.name.ends_with(".v");
        for value in PLANTED {
            if is_square && value < 0.0 {
                continue;
            }
            let mut start = initial.clone();
            let index = (7 + 3 * number) % tensor.values.len();
            start.tensors[number].values[index] = value;
            let start = start.rounded_to_f32();
            let mut reference = Reference::of_program(program);
            reference.set_state(&start);
            let made = reference.step(&given);
            all.push(Planted {
                what: format!("{value} in {} {index}", tensor.name),
                start,
                loss: made.loss_sum(),
                correct: made.sums[1],
                after: reference.into_state(),
                is_nan: value.is_nan(),
            });
        }
    }
    all
}
