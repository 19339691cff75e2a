//! Dense layers whose rows do not stay in the caches, which are made in parts of their sums: the gate passes, and threads
//! change no bit, although with many of them each has few rows, and makes whole sums.

mod common;

use common::{assert_verified, bits, instruction_sets, job, net};
use laptime_workload::Workload;

const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";

/// Rows a power of two apart, and not; an activation in registers, and one that goes over what is stored; a sum of two
/// gradients.
const LARGE: &str = r#"layer = [
    { name = "flat", kind = "flatten" },
    { name = "fc1", kind = "dense", units = 256 },
    { name = "relu", kind = "relu" },
    { name = "fc2", kind = "dense", units = 300 },
    { name = "gelu", kind = "gelu" },
    { name = "fc3", kind = "dense", units = 256 },
    { name = "add", kind = "add", inputs = ["fc3", "relu"] },
    { name = "fc4", kind = "dense", units = 10 },
]"#;

fn workload() -> Workload {
    net(LARGE, ADAM, 519)
}

#[test]
fn sums_in_parts_are_verified() {
    assert_verified(&job(workload(), 2 * 519 + 100, 2));
}

#[test]
fn threads_change_no_bit() {
    for isa in instruction_sets() {
        let of = |threads| bits(&job(workload(), 2 * 519 + 100, threads), isa);
        let one = of(1);
        for threads in [2, 3, 64] {
            assert!(of(threads) == one, "{isa}, {threads} threads");
        }
    }
}
