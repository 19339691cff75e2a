//! A session as its callers use it.

mod common;

use std::time::Duration;

use common::{ADAM, adapter, builtin, job, net, session};
use laptime_engine::{Engine, EngineError, Job, Passes, Progress, gate::verify, trial};
use laptime_gpu::{GpuEngine, Target, lower, texts};
use laptime_graph::{Mode, build, schedule::Kernel};
use laptime_workload::{Workload, epoch_order};

fn fashion_mnist() -> Workload {
    builtin("fashion-mnist", None)
}

#[test]
fn a_state_comes_back_as_it_was_set_and_training_continues_from_it() {
    let Some(device) = adapter() else { return };
    let job = job(fashion_mnist(), 200);
    let (mut one, mut other) = (session(&job, &device), session(&job, &device));
    let order = epoch_order(1, 0, 200, true);
    one.train(&order, &Progress::new()).unwrap();
    let state = one.state().unwrap();
    assert_eq!(state.steps, 7);
    other.set_state(&state).unwrap();
    assert_eq!(other.state().unwrap(), state);
    // The same losses, bit for bit.
    let again = one.train(&order, &Progress::new()).unwrap().score;
    assert_eq!(other.train(&order, &Progress::new()).unwrap().score, again);
    assert_eq!(other.state().unwrap(), one.state().unwrap());
}

#[test]
fn a_wish_to_stop_ends_an_epoch_between_two_steps() {
    let Some(device) = adapter() else { return };
    let job = job(fashion_mnist(), 3200);
    let mut session = session(&job, &device);
    let progress = Progress::new();
    progress.stop();
    let report = session
        .train(&epoch_order(1, 0, 3200, true), &progress)
        .unwrap();
    assert_eq!(report.score.samples, 32);
    assert_eq!(session.state().unwrap().steps, 1);
}

#[test]
fn a_sample_that_is_not_there_is_refused() {
    let Some(device) = adapter() else { return };
    let mut session = session(&job(fashion_mnist(), 64), &device);
    let error = session.train(&[3, 64], &Progress::new()).unwrap_err();
    assert!(matches!(error, EngineError::Unsupported(_)));
    assert!(error.to_string().contains("sample 64"), "{error}");
}

#[test]
fn logits_are_those_of_the_samples_asked_for() {
    let Some(device) = adapter() else { return };
    let mut session = session(&job(fashion_mnist(), 64), &device);
    let all: Vec<u32> = (0..50).collect();
    let logits = session.logits(&all).unwrap();
    assert_eq!(logits.len(), 500);
    assert_eq!(
        session.logits(&[49, 3]).unwrap(),
        [&logits[490..500], &logits[30..40]].concat()
    );
}

/// Chunks so small that parameters, moments and samples need several give the same losses.
#[test]
fn memory_in_many_chunks_trains_the_same() {
    let Some(device) = adapter() else { return };
    let job = job(fashion_mnist(), 700);
    let order = epoch_order(1, 0, 700, true);
    let losses = |chunk_bytes| {
        let engine = GpuEngine::within(Target {
            chunk_bytes,
            ..Target::COMMON
        });
        let mut session = engine.compile(&job, &device).unwrap();
        session.train(&order, &Progress::new()).unwrap().score
    };
    assert_eq!(losses(512 << 10), losses(128 << 20));
}

#[test]
fn limits_too_small_for_the_model_are_named() {
    let Some(device) = adapter() else { return };
    let message = |most, samples| {
        let engine = GpuEngine::within(most);
        let Err(error) = engine.compile(&job(fashion_mnist(), samples), &device) else {
            panic!("it compiled within {most:?}");
        };
        assert!(matches!(error, EngineError::Unsupported(_)), "{error}");
        error.to_string()
    };
    let text = message(
        Target {
            chunk_bytes: 64 << 10,
            ..Target::COMMON
        },
        64,
    );
    assert!(
        text.contains("fc1.weight") && text.contains("--batch-size"),
        "{text}"
    );
    let text = message(
        Target {
            chunk_bytes: 128 << 20,
            bindings: 3,
            ..Target::COMMON
        },
        64,
    );
    assert!(
        text.contains("binds") && text.contains("--device cpu"),
        "{text}"
    );
}

#[test]
fn a_device_that_is_gone_is_refused() {
    let Some(mut device) = adapter() else { return };
    device.name = "a card that was pulled out".into();
    let Err(error) = GpuEngine::new().compile(&job(fashion_mnist(), 64), &device) else {
        panic!("it compiled");
    };
    assert!(error.to_string().contains("pulled out"), "{error}");
}

#[test]
fn a_trial_measures_what_works_and_tells_why_the_rest_does_not() {
    let Some(device) = adapter() else { return };
    let mut gone = device.clone();
    gone.name = "a card that was pulled out".into();
    let job = job(fashion_mnist(), 32 * 4);
    static ENGINE: GpuEngine = GpuEngine::new();
    // An emulator may need a while: the deadline is not what is tested here.
    let budget = trial::Budget {
        least: Duration::from_secs(60),
        training_steps: 0,
    };
    let candidates = [gone, device].map(|device| (job.clone(), device));
    let tried = trial::try_each(&ENGINE, &candidates, budget);
    assert!(
        tried[0]
            .error
            .as_ref()
            .is_some_and(|error| error.contains("pulled out"))
    );
    assert!(tried[1].step_s.is_some_and(|step_s| step_s > 0.0));
    assert_eq!(trial::fastest(&tried), Some(1));
}

/// Where an adapter binds few buffers, what one dispatch would update is updated by several.
#[test]
fn updates_in_many_dispatches_train_the_same() {
    let Some(device) = adapter() else { return };
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 8, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "relu1", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 8, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "relu2", kind = "relu" },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = Job {
        passes: Passes::Only(Vec::new()),
        ..job(net("fashion-mnist", layers, ADAM, 2), 30)
    };
    let small = Target {
        chunk_bytes: 16 << 10,
        bindings: 6,
        ..Target::COMMON
    };
    let program = build(&job.workload, Mode::Training, 2);
    let schedule = lower(&program, small, &job.passes).unwrap();
    let is_of_updates = |kernel: &&Kernel| {
        let op = &program.operation(kernel.operations[0]).op;
        op.definition().is_update()
    };
    let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
    assert!(kernels.filter(is_of_updates).count() > 1);
    let order = epoch_order(1, 0, 30, true);
    let [one, other] = [small, Target::COMMON].map(|most| {
        let mut session = GpuEngine::within(most).compile(&job, &device).unwrap();
        let score = session.train(&order, &Progress::new()).unwrap().score;
        (score, session.state().unwrap())
    });
    assert!(one == other);
}

/// WebGPU promises eight storage buffers, and the gradient of a norm behind ReLU's reads and writes nine tensors.
#[test]
fn tensors_bound_as_chunks_train_the_same() {
    let Some(device) = adapter() else { return };
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 3, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = job(net("fashion-mnist", layers, ADAM, 8), 20 * 8 + 3);
    let program = build(&job.workload, Mode::Training, 8);
    let order = epoch_order(1, 0, 163, true);
    let common = Target::COMMON;
    let [whole, eight, few] = [common.bindings, 8, 5].map(|bindings| {
        let target = Target { bindings, ..common };
        let kernels = texts(&program, target, &job.passes, 163).unwrap();
        let merged = kernels
            .iter()
            .filter(|kernel| kernel.wgsl.contains("> chunk"));
        let merged = merged.count();
        let mut session = GpuEngine::within(target).compile(&job, &device).unwrap();
        let score = session.train(&order, &Progress::new()).unwrap().score;
        (merged, score, session.state().unwrap())
    });
    assert_eq!(whole.0, 0);
    assert!(eight.0 > 0 && few.0 > eight.0, "{} and {}", eight.0, few.0);
    assert!((eight.1, eight.2) == (whole.1, whole.2.clone()));
    assert!((few.1, few.2) == (whole.1, whole.2));
}

/// Sums over few channels, so that subgroups of eight, as emulators have, hold several values of
/// each: the same training, but for the order of sums.
#[test]
fn subgroups_add_the_same_sums() {
    let Some(device) = adapter() else { return };
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 2, kernel = 3, stride = 2, padding = "same", bias = false },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 3, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "relu2", kind = "relu" },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = job(net("fashion-mnist", layers, ADAM, 8), 20 * 8 + 3);
    // Four are half of an emulator's eight: a kernel for any size from four on.
    for subgroup in [1, 4, Target::MOST.subgroup] {
        let engine = GpuEngine::within(Target {
            subgroup,
            ..Target::MOST
        });
        let verdict = verify(&engine, &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: {subgroup}");
        let order = epoch_order(1, 0, 163, true);
        let mut sessions = [0, 1].map(|_| engine.compile(&job, &device).unwrap());
        let [one, other] = sessions
            .each_mut()
            .map(|session| session.train(&order, &Progress::new()).unwrap().score);
        assert_eq!(one, other, "{subgroup}");
    }
}

/// Norms of more rows than threads and of fewer, which threads hold in registers or read again, in workgroups of all
/// sizes.
#[test]
fn norms_of_all_sizes_of_workgroups_are_verified() {
    let Some(device) = adapter() else { return };
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 2, kernel = 3, stride = 2, padding = "same", bias = false },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 3, kernel = 3, stride = 8, padding = "same", bias = true },
        { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = job(net("fashion-mnist", layers, ADAM, 24), 8 * 24 + 3);
    for [subgroup, threads] in [[1, 1024], [4, 256], [64, 256], [64, 512], [64, 1024]] {
        let engine = GpuEngine::within(Target {
            subgroup,
            threads,
            ..Target::MOST
        });
        let verdict = verify(&engine, &job, &device).unwrap();
        assert!(verdict.is_verified(), "{verdict}: {subgroup}, {threads}");
    }
}

/// Adapters have so many workgroups along a dimension, and large batches need more: they lie in rows
/// then, and what lies beyond the last row's work does nothing.
#[test]
fn workgroups_in_many_rows_train_the_same() {
    let Some(device) = adapter() else { return };
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 18, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 20, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "pool", kind = "max_pool", size = 2, stride = 2, padding = "valid" },
        { name = "flatten", kind = "flatten" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let job = job(net("fashion-mnist", layers, ADAM, 6), 45);
    let order = epoch_order(1, 0, 45, true);
    let trained = |workgroups| {
        let engine = GpuEngine::within(Target {
            workgroups,
            ..Target::MOST
        });
        let mut session = engine.compile(&job, &device).unwrap();
        let score = session.train(&order, &Progress::new()).unwrap().score;
        (score, session.state().unwrap())
    };
    let whole = trained(usize::MAX);
    for workgroups in [3, 7] {
        assert!(trained(workgroups) == whole, "{workgroups}");
    }
}
