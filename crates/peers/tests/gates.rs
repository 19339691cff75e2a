//! The gate passes every framework's adapter and catches every planted error.
//!
//! JAX is tested wherever it is: `LAPTIME_PEER_JAX` names an interpreter that has it, or
//! `laptime peers install jax` has made one. The others take longer, and are tested where
//! `LAPTIME_TEST_PYTORCH`, `LAPTIME_TEST_TENSORFLOW` or `LAPTIME_TEST_MLX` is set beside.

mod common;

use std::{env, sync::Arc};

use common::{cpu, fashion_mnist, job};
use laptime_engine::{
    Engine, Job,
    gate::{Verdict, verify, verify_against},
};
use laptime_peers::{
    Framework, JAX, MLX, PYTORCH, PeerEngine, TENSORFLOW, TENSORFLOW_AS_PUBLISHED, is_available,
};
use laptime_workload::Optimizer;

const VERIFIED: Verdict = Verdict::Verified { steps: 20 };

/// An error to plant: its name, a text in the adapter and what to put in its place.
type Plant = (&'static str, &'static str, &'static str);

fn is_asked_for(framework: &Framework, variable: &str) -> bool {
    let asked = variable.is_empty() || env::var_os(variable).is_some();
    let tested = asked && is_available(framework);
    if !tested {
        eprintln!(
            "skipped: {} is not installed or not asked for",
            framework.title
        );
    }
    tested
}

fn check(framework: &'static Framework, plants: &[Plant]) {
    let engine = PeerEngine::new(framework);
    assert_eq!(
        engine
            .devices()
            .expect("it has devices")
            .last()
            .map(|d| d.kind),
        Some(cpu().kind)
    );
    // A last batch of fewer samples.
    let truth = job(fashion_mnist(), 32 * 3 + 5);
    let verdict = verify(&engine, &truth, &cpu()).expect("it runs");
    assert_eq!(verdict, VERIFIED, "{}", framework.title);

    let mut workload = fashion_mnist();
    let Optimizer::Adam { learning_rate, .. } = &mut workload.optimizer else {
        panic!("it is Adam");
    };
    *learning_rate *= 1.01;
    let planted = Job {
        workload: Arc::new(workload),
        ..truth.clone()
    };
    let verdict = verify_against(&engine, &planted, &cpu(), &truth).expect("it runs");
    assert!(
        !verdict.is_verified(),
        "{}: learning rate 1 % off",
        framework.title
    );

    for (name, right, wrong) in plants {
        assert!(framework.adapter.contains(right), "{name}: {right} is gone");
        let planted = Framework {
            adapter: framework.adapter.replace(right, wrong).leak(),
            ..framework.clone()
        };
        let engine = PeerEngine::new(Box::leak(Box::new(planted)));
        let verdict = verify(&engine, &truth, &cpu()).expect("it runs");
        assert!(!verdict.is_verified(), "{}: {name}", framework.title);
        eprintln!("{}, {name}: {verdict}", framework.title);
    }
}

#[test]
fn jax() {
    if is_asked_for(&JAX, "") {
        check(
            &JAX,
            &[
                (
                    "epsilon at the corrected moment",
                    "constants[\"epsilon\"]",
                    "constants[\"epsilon\"] * jnp.sqrt(correction(beta2))",
                ),
                (
                    "no bias",
                    "parameters[f\"{name}.weight\"].T + parameters[f\"{name}.bias\"]",
                    "parameters[f\"{name}.weight\"].T",
                ),
                (
                    "labels swapped in the timed path",
                    "jnp.asarray(samples.labels)",
                    "jnp.asarray(samples.labels ^ 1)",
                ),
                (
                    "an order of its own",
                    "order[:steps] = batches",
                    "order[:steps] = np.arange(batches.size).reshape(batches.shape)",
                ),
                (
                    "the count of steps forgotten",
                    "\"step\": jnp.int32(state.steps)",
                    "\"step\": jnp.int32(0)",
                ),
            ],
        );
    }
}

#[test]
fn pytorch() {
    if is_asked_for(&PYTORCH, "LAPTIME_TEST_PYTORCH") {
        check(
            &PYTORCH,
            &[
                (
                    "epsilon at the corrected moment",
                    "+ constants[\"epsilon\"])",
                    "+ constants[\"epsilon\"] * torch.sqrt(correction(beta2)))",
                ),
                (
                    "an order of its own",
                    "batches = torch.from_numpy(order.astype(np.int64)).to(self.device)",
                    "batches = torch.arange(len(order))",
                ),
            ],
        );
    }
}

#[test]
fn tensorflow() {
    if is_asked_for(&TENSORFLOW, "LAPTIME_TEST_TENSORFLOW") {
        check(
            &TENSORFLOW,
            &[
                (
                    "moments forgotten",
                    "self.optimizer._velocities[number], 1.0",
                    "self.optimizer._velocities[number], 1.01",
                ),
                (
                    "labels swapped",
                    "samples.labels.astype",
                    "(samples.labels ^ 1).astype",
                ),
            ],
        );
    }
}

#[test]
fn tensorflow_as_published() {
    if is_asked_for(&TENSORFLOW_AS_PUBLISHED, "LAPTIME_TEST_TENSORFLOW") {
        check(&TENSORFLOW_AS_PUBLISHED, &[]);
    }
}

#[test]
fn mlx() {
    if is_asked_for(&MLX, "LAPTIME_TEST_MLX") {
        check(
            &MLX,
            &[(
                "no correction of bias",
                "* mx.sqrt(correction(beta2)) / correction(beta1)",
                "* 1.0",
            )],
        );
    }
}
