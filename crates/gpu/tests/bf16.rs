//! `--precision bf16`: products read operands rounded to bfloat16 where the Program says so, whatever the net, and no
//! dispatch is spent on it.

mod common;
#[path = "../../cpu/tests/common/convolutions.rs"]
mod convolutions;
#[path = "../../cpu/tests/common/joins.rs"]
mod joins;
#[path = "../../cpu/tests/common/texts.rs"]
mod texts;

use std::path::Path;

use common::{ADAM, adapter, builtin, dense_net, job, net, session};
use laptime_cpu::CpuEngine;
use laptime_engine::{
    Engine, Job, Passes, Progress,
    gate::{Verdict, verify, verify_against},
};
use laptime_gpu::{Forecast, GpuEngine, Peaks, Target, lower};
use laptime_graph::{
    Mode, Op, OpId, Program, Role, TensorId, build,
    schedule::{Layout, Schedule},
};
use laptime_workload::{Precision, Workload, epoch_order};

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/texts-bf16");

/// Strides, a projection, a shortcut and norms; an even number of channels in some, and an odd one in others.
const RESIDUAL: &str = r#"layer = [
    { name = "stem", kind = "conv2d", filters = 20, kernel = 5, stride = 2, padding = "same", bias = true },
    { name = "bn0", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu0", kind = "relu" },
    { name = "pool", kind = "max_pool", size = 3, stride = 2, padding = [1, 1, 1, 1] },
    { name = "a1", kind = "conv2d", filters = 7, kernel = 1, stride = 2, padding = "valid", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "a2", kind = "conv2d", filters = 18, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "p", kind = "conv2d", inputs = ["pool"], filters = 18, kernel = 1, stride = 2, padding = "valid", bias = false },
    { name = "bnp", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add1", kind = "add", inputs = ["bn2", "bnp"] },
    { name = "relu2", kind = "relu" },
    { name = "b1", kind = "conv2d", filters = 18, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add2", kind = "add", inputs = ["bn3", "relu2"] },
    { name = "relu3", kind = "relu" },
    { name = "b2", kind = "conv2d", filters = 6, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "gelu", kind = "gelu" },
    { name = "norm", kind = "layer_norm", epsilon = 1e-3 },
    { name = "drop", kind = "dropout", rate = 0.25 },
    { name = "flatten", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

fn in_bf16(workload: Workload) -> Workload {
    Workload {
        precision: Precision::Bf16,
        ..workload
    }
}

/// On a few batches, with all passes and with none; where an adapter has no subgroups, and where it binds so few buffers
/// that values and words of two are found in whole chunks.
#[track_caller]
fn is_verified(workload: Workload) {
    let Some(device) = adapter() else { return };
    let workload = in_bf16(workload);
    let alone = Target {
        subgroup: 1,
        ..Target::MOST
    };
    let few = Target {
        bindings: 5,
        ..Target::MOST
    };
    for (engine, passes) in [
        (GpuEngine::new(), Passes::All),
        (GpuEngine::new(), Passes::Only(Vec::new())),
        (GpuEngine::within(alone), Passes::All),
        (GpuEngine::within(few), Passes::All),
    ] {
        let samples = 20 * workload.batch_size + 3;
        let job = Job {
            passes: passes.clone(),
            ..job(workload.clone(), samples)
        };
        let verdict = verify(&engine, &job, &device).unwrap();
        assert!(verdict.is_verified(), "{passes:?}: {verdict}");
    }
}

#[test]
fn dense_nets_are_verified() {
    is_verified(dense_net(&[21, 40], 8));
}

#[test]
fn nets_on_images_are_verified() {
    is_verified(net("cifar-10", RESIDUAL, ADAM, 4));
}

#[test]
fn joins_and_groups_are_verified() {
    is_verified(net("fashion-mnist", joins::LAYERS, ADAM, 5));
}

#[test]
fn dilated_and_transposed_convolutions_are_verified() {
    is_verified(net("fashion-mnist", convolutions::DILATED, ADAM, 4));
    is_verified(net("fashion-mnist", convolutions::TRANSPOSED, ADAM, 4));
}

#[test]
fn nets_on_texts_are_verified() {
    for workload in texts::nets(Path::new(FOLDER), 6) {
        is_verified(workload);
    }
}

#[test]
fn products_that_round_nothing_are_caught() {
    let Some(device) = adapter() else { return };
    let truth = job(in_bf16(dense_net(&[40], 8)), 160);
    let planted = job(dense_net(&[40], 8), 160);
    let verdict = verify_against(&GpuEngine::new(), &planted, &device, &truth).unwrap();
    assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict}");
}

/// Rounding rides on the kernels that make values or read them.
#[test]
fn rounding_costs_no_dispatch() {
    for (name, dispatches) in [("fashion-mnist", 8), ("cifar10-resnet50", 275)] {
        for target in [Target::COMMON, Target::CARD] {
            for precision in Precision::ALL {
                let workload = Workload {
                    precision,
                    ..builtin(name, None)
                };
                let program = build(&workload, Mode::Training, workload.batch_size);
                let schedule = lower(&program, target, &Passes::All).unwrap();
                assert_eq!(schedule.stages.len(), dispatches, "{name} in {precision}");
            }
        }
    }
}

/// What several kernels read lies in memory in half the bytes; of the rest, nothing is there twice.
#[test]
fn what_products_read_takes_half_the_bytes() {
    let lowered = |precision, target| {
        let workload = Workload {
            precision,
            ..builtin("cifar10-resnet50", None)
        };
        let program = build(&workload, Mode::Training, workload.batch_size);
        let schedule = lower(&program, target, &Passes::All).unwrap();
        (program, schedule)
    };
    let (program, schedule) = lowered(Precision::Bf16, Target::CARD);
    let rounded = program.tensors.iter().enumerate();
    let rounded = rounded.filter(|(_, tensor)| matches!(tensor.role, Role::Rounded { .. }));
    let mut packed = 0;
    for (id, tensor) in rounded {
        let Some(buffer) = schedule.buffer(TensorId(id)) else {
            // Weights are rounded where they are read, as pixels are, and what the loss kernel makes.
            let is_small = tensor.elements() < 1000;
            let is_left = tensor.is_weight() || tensor.name.starts_with("input") || is_small;
            assert!(is_left, "{} is not in memory", tensor.name);
            continue;
        };
        assert!(matches!(buffer.layout, Layout::RowPairs { .. }));
        assert_eq!(buffer.bytes, 2 * tensor.elements(), "{}", tensor.name);
        packed += 1;
    }
    // Images and their gradients between 53 convolutions.
    assert!(packed > 100, "{packed}");
    let bytes = |(program, schedule): &(Program, Schedule)| {
        let forecast = Forecast::of(program, schedule, Peaks::ASSUMED);
        forecast.dispatches.iter().map(|one| one.bytes).sum::<u64>()
    };
    let whole = bytes(&lowered(Precision::Fp32, Target::CARD));
    let share = |target| bytes(&lowered(Precision::Bf16, target)) as f64 / whole as f64;
    assert!(share(Target::CARD) < 0.93);
    // All that products read there is made by norms, whose threads have no neighbours to ask.
    assert_eq!(share(Target::COMMON), 1.0);
}

/// Rounding is done again where it is read, and so a parameter must not be updated in between.
#[test]
fn rounding_behind_an_update_is_found() {
    let workload = in_bf16(builtin("fashion-mnist", None));
    let program = build(&workload, Mode::Training, workload.batch_size);
    let mut schedule = lower(&program, Target::COMMON, &Passes::All).unwrap();
    assert_eq!(schedule.check(&program), Ok(()));
    let reads_rounded_weights = |op: &Op| matches!(op, Op::DenseGradInput(_));
    let kernels = schedule.stages.iter().map(|stage| &stage.kernels[0]);
    let does = |wanted: &dyn Fn(&Op) -> bool| {
        let has = |ids: &[OpId]| {
            let mut ops = ids.iter().map(|id| program.operation(*id).op);
            ops.any(|op| wanted(&op))
        };
        kernels.clone().position(|kernel| has(&kernel.operations))
    };
    let reader = does(&reads_rounded_weights).expect("it has a hidden layer");
    let rounded = schedule.stages[reader].kernels[0].operations.iter();
    let is_of_weights = |id: &&OpId| {
        let operation = program.operation(**id);
        operation.op.definition().is_rounding()
            && matches!(program.tensor(operation.inputs[0]).role, Role::Parameter(_))
    };
    let round = *rounded.clone().find(is_of_weights).expect("it rounds them");
    // The same rounding once more at the end of the step.
    let last = schedule.stages.len() - 1;
    schedule.stages[last].kernels[0].operations.push(round);
    let what = schedule.check(&program).unwrap_err();
    assert!(what.contains("is done again behind"), "{what}");
}

/// What the mean losses of ten steps may differ by: sums in another order round some operands the other way, which makes
/// 2·10⁻⁴ on lavapipe.
const BOUND: f64 = 2e-3;

#[test]
fn losses_of_100_steps_follow_the_cpus() {
    let Some(device) = adapter() else { return };
    let job = job(in_bf16(builtin("fashion-mnist", None)), 3200);
    let cpu = CpuEngine.devices().unwrap().remove(0);
    let mut sessions = [
        CpuEngine.compile(&job, &cpu).unwrap(),
        session(&job, &device),
    ];
    let order = epoch_order(1, 0, job.dataset.train.count(), true);
    let mut largest = 0.0_f64;
    for ten in order.chunks(320) {
        let [expected, given] = sessions
            .each_mut()
            .map(|session| session.train(ten, &Progress::new()).unwrap().score.loss());
        largest = largest.max((given - expected).abs() / expected);
    }
    eprintln!("the largest difference: {largest:e}");
    assert!(largest < BOUND, "{largest:e}");
}
