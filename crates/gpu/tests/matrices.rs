//! Products by matrix units, of values scaled to 16-bit floats: the same kernels with matrices in plain WGSL, which run
//! on any adapter.

mod common;

use std::time::Duration;

use common::{ADAM, adapter, builtin, job, net};
use laptime_engine::{Engine, Job, Passes, Progress, gate::verify, trial};
use laptime_gpu::{GpuEngine, KernelText, MATRIX_UNITS, Matrices, Target, texts};
use laptime_graph::{Mode, build, pass_names};
use laptime_workload::{Precision, Workload, epoch_order};

/// Convolutions whose results have whole tiles for many workgroups, and such whose channels, positions and sums are no
/// multiples of a tile; their gradients; a dense layer on all of it.
const IMAGES: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "relu1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 70, kernel = 1, stride = 1, padding = "valid", bias = true },
    { name = "relu3", kind = "relu" },
    { name = "c4", kind = "conv2d", filters = 33, kernel = 2, stride = 2, padding = "valid", bias = true },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

const IMITATED: Target = Target {
    matrices: Matrices::Imitated,
    ..Target::MOST
};

fn in_bf16(workload: Workload) -> Workload {
    Workload {
        precision: Precision::Bf16,
        ..workload
    }
}

/// The kernels of a step by this, and how many of them multiply matrices.
fn by_matrices(workload: &Workload, target: Target) -> usize {
    let program = build(workload, Mode::Training, workload.batch_size);
    let texts = texts(&program, target, &Passes::All, 50_000).unwrap();
    let multiplies =
        |text: &str| text.contains("coopMultiplyAdd(") || text.contains("multiply_add(");
    texts.iter().filter(|text| multiplies(&text.wgsl)).count()
}

#[test]
fn nets_on_images_are_verified() {
    let Some(device) = adapter() else { return };
    let workload = in_bf16(net("fashion-mnist", IMAGES, ADAM, 7));
    let multiplied = by_matrices(&workload, IMITATED);
    // Forward and both gradients of three convolutions, or nearly all of these: the last has few positions.
    assert!(multiplied >= 6, "{multiplied}");
    let engine = GpuEngine::within(IMITATED);
    for passes in [Passes::All, Passes::Only(vec![MATRIX_UNITS.into()])] {
        let job = Job {
            passes: passes.clone(),
            ..job(workload.clone(), 20 * workload.batch_size + 3)
        };
        let verdict = verify(&engine, &job, &device).unwrap();
        assert!(verdict.is_verified(), "{passes:?}: {verdict}");
    }
}

/// On lavapipe from Mesa 26 on, for one; where there are none, this says so.
#[test]
fn an_adapters_own_matrices_are_verified() {
    let Some(device) = adapter() else { return };
    let workload = in_bf16(net("fashion-mnist", IMAGES, ADAM, 7));
    if !GpuEngine::would_use_matrix_units(&device, &workload, &Passes::All) {
        eprintln!("{} has no matrix units: skipped", device.name);
        return;
    }
    let job = job(workload, 20 * 7 + 3);
    let session = GpuEngine::new().compile(&job, &device).unwrap();
    assert!(session.details()["bf16"].contains("matrix units"));
    let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
    assert!(verdict.is_verified(), "{verdict}");
}

/// What `laptime` chooses by: behind an update, losses by matrices and without are apart by far less than by mistake.
#[test]
fn a_trial_finds_both_ways_alike() {
    let Some(device) = adapter() else { return };
    static ENGINE: GpuEngine = GpuEngine::within(IMITATED);
    let workload = in_bf16(net("fashion-mnist", IMAGES, ADAM, 7));
    let without = pass_names().into_iter().map(String::from).collect();
    let of = |passes| {
        let job = job(workload.clone(), 2 * workload.batch_size);
        (Job { passes, ..job }, device.clone())
    };
    let candidates = [Passes::Only(without), Passes::All].map(of);
    // The loss of a batch after an update from it.
    let mut expected = Vec::new();
    for ((job, device), how) in candidates.iter().zip(["fp32 arithmetic", "matrix units"]) {
        let mut session = ENGINE.compile(job, device).unwrap();
        let told = session.details();
        assert!(told["bf16"].contains(how), "{told:?}");
        let order = epoch_order(job.workload.seed, 0, 2 * 7, job.workload.shuffle);
        let mut loss = || {
            let report = session.train(&order[..7], &Progress::new()).unwrap();
            report.score.loss()
        };
        let before = loss();
        expected.push(loss());
        assert!(expected.last().is_some_and(|after| *after < before));
    }
    let budget = trial::Budget {
        least: Duration::from_secs(120),
        training_steps: 0,
    };
    let tried = trial::try_each(&ENGINE, &candidates, budget);
    let losses = tried.iter().map(|one| one.loss.expect("it trains"));
    let losses: Vec<f64> = losses.collect();
    assert_eq!(losses, expected);
    assert!(
        (losses[0] - losses[1]).abs() < 0.005 * losses[0],
        "{losses:?}"
    );
}

#[test]
fn only_rounded_values_are_multiplied_by_matrices() {
    let target = Target {
        matrices: Matrices::Cooperative { side: 16 },
        ..Target::CARD
    };
    let workload = builtin("cifar10-resnet50", None);
    assert_eq!(by_matrices(&workload, target), 0);
    let workload = in_bf16(workload);
    let multiplied = by_matrices(&workload, target);
    assert!(multiplied > 60, "{multiplied}");
    assert_eq!(by_matrices(&workload, Target::CARD), 0);
}

/// `UPDATE_EXPECTED=1 cargo test -p laptime-gpu --test matrices` writes it.
#[test]
fn a_convolution_by_matrices_has_the_expected_text() {
    let target = Target {
        matrices: Matrices::Cooperative { side: 16 },
        ..Target::CARD
    };
    let workload = in_bf16(net("fashion-mnist", IMAGES, ADAM, 7));
    let program = build(&workload, Mode::Training, workload.batch_size);
    let texts = texts(&program, target, &Passes::All, 50_000).unwrap();
    let multiplies = |text: &&KernelText| text.wgsl.contains("coopMultiplyAdd(");
    let given = &texts.iter().find(multiplies).expect("it has one").wgsl;
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/matrices/convolution.wgsl"
    );
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(golden, given).unwrap();
    }
    let expected = std::fs::read_to_string(golden).expect("UPDATE_EXPECTED=1 writes it");
    assert!(*given == expected, "{given}");
}
