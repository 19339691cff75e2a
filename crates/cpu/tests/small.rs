//! Trainings so small that Miri can follow them (`.ci/soundness`): every kind of kernel, every arena, and
//! more than one thread. Miri reports any access outside of an allocation and any two that race; without
//! it these tests say that the number of threads changes no bit.

mod common;

use common::{bits, in_bf16, job, net};
use laptime_engine::{Job, Passes};
use laptime_workload::Workload;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9";

/// 28 × 28 pixels become 2 × 2 at once. 17 filters are a slice and a bit; no batch is a whole block.
fn image_net() -> Workload {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 17, kernel = 4, stride = 14, padding = "valid", bias = true },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "pool", kind = "max_pool", size = 2, stride = 1, padding = "same" },
        { name = "c2", kind = "conv2d", filters = 17, kernel = 2, stride = 1, padding = "same", bias = false },
        { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "add", kind = "add", inputs = ["bn2", "pool"] },
        { name = "relu2", kind = "relu" },
        { name = "drop", kind = "dropout", rate = 0.25 },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    net(layers, SGD, 3)
}

/// A batch norm of rows, and layers of a slice and a bit.
fn dense_net() -> Workload {
    let layers = r#"layer = [
        { name = "pool", kind = "max_pool", size = 4, stride = 4, padding = "valid" },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 18 },
        { name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu", kind = "relu" },
        { name = "fc2", kind = "dense", units = 10 },
    ]"#;
    net(layers, ADAM, 4)
}

fn threads_change_nothing(job: Job) {
    let bits_of = |threads| {
        let job = Job {
            threads,
            ..job.clone()
        };
        bits(&job, "portable")
    };
    let together = bits_of(2);
    // Miri takes minutes, and has seen what it looks for.
    assert!(cfg!(miri) || together == bits_of(1));
}

/// Five samples: a whole batch and one that is not.
fn small(workload: Workload, passes: Passes) -> Job {
    Job {
        passes,
        ..job(workload, 5, 1)
    }
}

#[test]
fn images() {
    threads_change_nothing(small(image_net(), Passes::All));
}

#[test]
fn images_without_any_pass() {
    threads_change_nothing(small(image_net(), Passes::Only(Vec::new())));
}

#[test]
fn images_in_bfloat16() {
    threads_change_nothing(small(in_bf16(image_net()), Passes::All));
}

#[test]
fn rows() {
    threads_change_nothing(small(dense_net(), Passes::All));
}

#[test]
fn rows_without_any_pass() {
    threads_change_nothing(small(dense_net(), Passes::Only(Vec::new())));
}
