//! Nets on a text pass the gate with every framework whose adapter has embeddings, and a wrong table is found.

mod common;
#[path = "../../cpu/tests/common/texts.rs"]
mod texts;

use std::{env, path::Path};

use common::{cpu, job};
use laptime_engine::gate::verify;
use laptime_peers::{FRAMEWORKS, Framework, PeerEngine, is_available};
use laptime_workload::Optimizer;
use texts::nets;

fn check(name: &str, variable: &str, variant: &'static str, plant: [&str; 2]) {
    let found = FRAMEWORKS.iter().copied().find(|one| one.name == name);
    let framework = found.expect("it is known");
    let adapter = framework.adapter;
    assert!(adapter.contains(plant[0]), "{} is gone", plant[0]);
    let is_asked_for = variable.is_empty() || env::var_os(variable).is_some();
    if !is_asked_for || !is_available(framework) {
        eprintln!("skipped: {name} is not installed or not asked for");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let engine = PeerEngine::new(framework).with_variant(variant);
    let workloads = nets(&folder, 7);
    for workload in &workloads {
        let truth = job(workload.clone(), 7 * 3 + 5);
        let verdict = verify(&engine, &truth, &cpu()).expect("it runs");
        eprintln!("{}, {name}: {verdict}", workload.dataset);
        assert!(
            verdict.is_verified(),
            "{}, {name}: {verdict}",
            workload.dataset
        );
    }
    let truth = job(workloads[0].clone(), 7 * 3 + 5);
    assert!(matches!(truth.workload.optimizer, Optimizer::Adam(_)));
    let planted = Framework {
        adapter: adapter.replace(plant[0], plant[1]).leak(),
        ..framework.clone()
    };
    let engine = PeerEngine::new(Box::leak(Box::new(planted))).with_variant(variant);
    let verdict = verify(&engine, &truth, &cpu()).expect("it runs");
    assert!(!verdict.is_verified(), "{name}: {verdict}");
}

#[test]
fn jax() {
    check(
        "jax",
        "",
        "a compiled loop over the steps",
        ["[inputs[0]][:, None]", "[inputs[0]][:, None, ::-1]"],
    );
}

#[test]
fn pytorch() {
    check(
        "pytorch",
        "LAPTIME_TEST_PYTORCH",
        "eager",
        [
            "y.transpose(1, 2).unsqueeze(2)",
            "y.flip(1).transpose(1, 2).unsqueeze(2)",
        ],
    );
}

#[test]
fn tensorflow() {
    check(
        "tensorflow",
        "LAPTIME_TEST_TENSORFLOW",
        "fit, jit_compile",
        [
            "(made(inputs[0])), made",
            "(made(inputs[0][:, ::-1])), made",
        ],
    );
}
