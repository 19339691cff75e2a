//! Convolutions by Winograd's way: they pass the gate on every instruction set, whatever the size of their maps, the
//! channels and the batch, and threads change no bit.

mod common;

use common::{bits, device, instruction_sets, job, net};
use laptime_cpu::{CpuEngine, Isa, Target, lower};
use laptime_engine::{Job, Passes, gate::verify};
use laptime_graph::{Mode, Simplification, build, pass_names};
use laptime_workload::Workload;

/// Maps of 14×14 to 12×13, with padding on all sides, on some and on none; channels that fill no block; activations in
/// registers and behind.
const NET: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 35, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "a1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 41, kernel = 3, stride = 1, padding = "same", bias = true },
    { name = "a2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = [2, 0, 1, 2], bias = false },
    { name = "a3", kind = "gelu" },
    { name = "c4", kind = "conv2d", filters = 33, kernel = 3, stride = 1, padding = "valid", bias = true },
    { name = "sum", kind = "relu" },
    { name = "mean", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

fn workload(batch_size: usize) -> Workload {
    net(NET, SGD, batch_size)
}

/// All passes but this one.
fn without(one: Simplification) -> Passes {
    let names = pass_names().into_iter().map(str::to_owned);
    Passes::Only(names.filter(|name| name != one.as_str()).collect())
}

#[test]
fn convolutions_by_winograds_way_are_verified() {
    for batch_size in [3, 18, 40] {
        for isa in instruction_sets() {
            let job = job(workload(batch_size), 2 * batch_size + 1, 2);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(verdict.is_verified(), "{isa}, {batch_size}: {verdict}");
        }
    }
}

/// With a batch norm where only evaluation, which does not sum up, is by Winograd's way; with a sum of two gradients;
/// with more filters, and more channels, than are transformed at once.
#[test]
fn what_stands_around_such_convolutions_is_verified() {
    let around = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 32, kernel = 3, stride = 2, padding = "same", bias = true },
        { name = "c2", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = "same", bias = false },
        { name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "a2", kind = "relu" },
        { name = "c3", kind = "conv2d", filters = 32, kernel = 3, stride = 1, padding = "same", bias = true },
        { name = "sum", kind = "add", inputs = ["a2", "c3"] },
        { name = "a3", kind = "silu" },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let many = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 33, kernel = 7, stride = 7, padding = "valid", bias = true },
        { name = "c2", kind = "conv2d", filters = 530, kernel = 3, stride = 1, padding = "same", bias = true },
        { name = "a2", kind = "relu" },
        { name = "c3", kind = "conv2d", filters = 33, kernel = 3, stride = 1, padding = "same", bias = true },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    for (layers, batch_size, products) in [(around, 18, 4), (many, 3, 6)] {
        let workload = net(layers, SGD, batch_size);
        let program = build(&workload, Mode::Training, batch_size);
        assert_eq!(program.winograd.len(), products);
        for isa in instruction_sets() {
            let job = job(workload.clone(), 2 * batch_size + 1, 2);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(verdict.is_verified(), "{isa}: {verdict}");
        }
    }
}

#[test]
fn threads_change_no_bit() {
    for isa in instruction_sets() {
        let of = |threads| bits(&job(workload(18), 47, threads), isa);
        let one = of(1);
        for threads in [2, 3, 16] {
            assert!(one == of(threads), "{isa}, {threads}");
        }
    }
}

/// It is a pass: without it sums are rounded otherwise. A batch norm behind a convolution wants its sums in their order.
#[test]
fn it_is_taken_where_it_serves_and_can_be_left() {
    let job_with = job(workload(18), 18, 2);
    let job_without = Job {
        passes: without(Simplification::Winograd),
        ..job_with.clone()
    };
    assert!(bits(&job_with, "portable") != bits(&job_without, "portable"));
    let program = build(&workload(18), Mode::Training, 18);
    // Three forward, and the gradients of their inputs and weights.
    assert_eq!(program.winograd.len(), 9);
    let normed = NET.replace(
        "{ name = \"a2\", kind = \"relu\" }",
        "{ name = \"bn\", kind = \"batch_norm\", epsilon = 1e-3, momentum = 0.9 }, { name = \"a2\", kind = \"relu\" }",
    );
    let program = build(&net(&normed, SGD, 18), Mode::Training, 18);
    // Neither that convolution, nor what makes the gradient that the norm's sums up.
    assert_eq!(program.winograd.len(), 7);
    let target = Target {
        isa: Isa::portable(),
        threads: 2,
    };
    let [with, without] = [Passes::All, without(Simplification::Winograd)].map(|passes| {
        let schedule = lower(&program, target, &passes);
        program.executed_flops(&schedule.simplifications)
    });
    assert!(with < without, "{with} {without}");
}
