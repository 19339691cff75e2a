//! What is not a number stays so, whatever WGSL lets a driver suppose.

mod common;
#[path = "../../cpu/tests/common/planted.rs"]
mod planted;

use common::{ADAM, adapter, job, net};
use laptime_engine::Passes;
use laptime_gpu::{GpuEngine, Matrices, Target, texts};
use laptime_graph::{Mode, build};
use laptime_workload::{Precision, Workload};

const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";

#[test]
fn what_is_not_finite_never_disappears() {
    let Some(device) = adapter() else { return };
    for layers in planted::NETS {
        for (optimizer, global_clip_norm) in [(ADAM, None), (SGD, None), (SGD, Some(0.3))] {
            let workload = Workload {
                global_clip_norm,
                ..net("fashion-mnist", layers, optimizer, 5)
            };
            let job = job(workload, 5);
            planted::assert_nothing_disappears(
                &GpuEngine::new(),
                &job,
                std::slice::from_ref(&device),
            );
        }
    }
}

/// Few products, two of them by matrices.
const SMALL: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 32, kernel = 1, stride = 2, padding = "valid", bias = true },
    { name = "relu", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 32, kernel = 1, stride = 1, padding = "valid", bias = true },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

#[test]
fn what_is_not_finite_never_disappears_in_matrices() {
    let Some(device) = adapter() else { return };
    let target = Target {
        matrices: Matrices::Imitated,
        ..Target::MOST
    };
    let workload = Workload {
        precision: Precision::Bf16,
        ..net("fashion-mnist", SMALL, SGD, 24)
    };
    let program = build(&workload, Mode::Training, workload.batch_size);
    let texts = texts(&program, target, &Passes::All, 24).unwrap();
    let by_matrices = texts
        .iter()
        .filter(|text| text.wgsl.contains("multiply_add("));
    assert_eq!(by_matrices.count(), 2);
    let engine = GpuEngine::within(target);
    let job = job(workload, 24);
    planted::assert_nothing_disappears(&engine, &job, std::slice::from_ref(&device));
}
