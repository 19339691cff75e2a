//! Products with padding may be left out or done with zeros: the results are the same bits, on every
//! instruction set, and the gate passes either way.

mod common;

use common::{bits, device, in_bf16, instruction_sets, job, net, session};
use laptime_cpu::CpuEngine;
use laptime_engine::{Job, Passes, Progress, gate::verify};
use laptime_graph::{Simplification, pass_names};
use laptime_workload::{Workload, epoch_order};

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n";

/// Maps of 8×7 positions down to one, where eight of nine taps are dead; strides of 2, a window
/// larger than the image, padding of one's own on one side.
const SHRINKING: &str = r#"layer = [
    { name = "stem", kind = "conv2d", filters = 20, kernel = 5, stride = 4, padding = [2, 3, 1, 0], bias = false },
    { name = "bn0", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu0", kind = "relu" },
    { name = "c1", kind = "conv2d", filters = 17, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 33, kernel = 3, stride = 2, padding = [1, 1, 1, 1], bias = true },
    { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 33, kernel = 5, stride = 1, padding = "same", bias = false },
    { name = "bn3", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add3", kind = "add", inputs = ["bn3", "relu2"] },
    { name = "relu3", kind = "relu" },
    { name = "c4", kind = "conv2d", filters = 18, kernel = 3, stride = 2, padding = "same", bias = true },
    { name = "bn4", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "relu4", kind = "relu" },
    { name = "c5", kind = "conv2d", filters = 18, kernel = 3, stride = 1, padding = "same", bias = false },
    { name = "bn5", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
    { name = "add5", kind = "add", inputs = ["bn5", "relu4"] },
    { name = "relu5", kind = "relu" },
    { name = "gap", kind = "global_avg_pool" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// Positions that meet nothing but padding, a window without any, and no batch norm.
const WIDE: &str = r#"layer = [
    { name = "c1", kind = "conv2d", filters = 6, kernel = [3, 2], stride = [5, 4], padding = [7, 4, 9, 2], bias = true },
    { name = "relu1", kind = "relu" },
    { name = "c2", kind = "conv2d", filters = 18, kernel = [2, 3], stride = [2, 3], padding = "valid", bias = true },
    { name = "relu2", kind = "relu" },
    { name = "c3", kind = "conv2d", filters = 5, kernel = [11, 3], stride = 1, padding = "same", bias = true },
    { name = "flatten", kind = "flatten" },
    { name = "fc", kind = "dense", units = 10 },
]"#;

/// All passes; and all but the one simplification, the other, and both.
fn choices() -> [Passes; 4] {
    let [dead, border] = Simplification::OF_PADDING.map(Simplification::as_str);
    let without = |off: &[&str]| {
        let names = pass_names().into_iter();
        Passes::Only(
            names
                .filter(|name| !off.contains(name))
                .map(Into::into)
                .collect(),
        )
    };
    [
        Passes::All,
        without(&[dead]),
        without(&[border]),
        without(&[dead, border]),
    ]
}

fn nets() -> [Workload; 4] {
    let fp32 = [net(SHRINKING, ADAM, 18), net(WIDE, SGD, 5)];
    let [shrinking, wide] = fp32.clone().map(in_bf16);
    let [first, second] = fp32;
    [first, second, shrinking, wide]
}

#[test]
fn what_is_left_out_changes_no_bit() {
    for workload in nets() {
        let batch_size = workload.batch_size;
        let precision = workload.precision;
        let all = job(workload, 3 * batch_size + 2, 2);
        for isa in instruction_sets() {
            let expected = bits(&all, isa);
            for passes in &choices()[1..] {
                let job = Job {
                    passes: passes.clone(),
                    ..all.clone()
                };
                assert!(
                    bits(&job, isa) == expected,
                    "{isa}, batch {batch_size}, {precision}: {passes:?}"
                );
            }
        }
    }
}

#[test]
fn the_gate_passes_whatever_is_left_out() {
    for workload in nets() {
        let batch_size = workload.batch_size;
        let all = job(workload, 20 * batch_size + 3, 2);
        let [_, no_dead, no_border, neither] = choices();
        for isa in instruction_sets() {
            // One by one on the first alone: what is off changes no bit on any.
            let one_by_one = [&no_dead, &no_border].into_iter();
            let one_by_one = one_by_one.filter(|_| isa == instruction_sets()[0]);
            for passes in one_by_one.chain([&neither]) {
                let job = Job {
                    passes: passes.clone(),
                    ..all.clone()
                };
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(verdict.is_verified(), "{isa}, {passes:?}: {verdict}");
            }
        }
    }
}

/// With everything off a step executes what the literature counts, and a profile says so too.
#[test]
fn what_is_switched_off_is_counted() {
    let workload = net(SHRINKING, ADAM, 18);
    let counted = choices().map(|passes| {
        let job = Job {
            passes,
            profile: true,
            ..job(workload.clone(), 18, 1)
        };
        let mut session = session(&job, instruction_sets()[0]);
        let order = epoch_order(1, 0, 18, true);
        session.train(&order, &Progress::new()).unwrap();
        let kernels = session.profile().unwrap().kernels;
        let profiled: u64 = kernels.iter().map(|one| one.flops).sum();
        let costs = session.step_costs();
        (costs.executed_flops.unwrap(), costs.model_flops, profiled)
    });
    let [all, no_dead, no_border, neither] = counted;
    assert_eq!(neither.0, neither.1);
    assert!(all.0 < no_dead.0 && all.0 < no_border.0);
    for (executed, _, profiled) in [no_dead, no_border, neither] {
        // What is not a product is the same for all.
        assert_eq!(executed - all.0, profiled - all.2);
    }
}
