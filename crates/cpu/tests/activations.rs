//! Every activation, on rows and on images, in both precisions, passes the gate on every instruction set; a
//! wrong one does not.

mod common;

use common::{bits, device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::gate::{Verdict, verify, verify_against};
use laptime_engine::{Job, Passes};
use laptime_graph::FusionKind;
use laptime_workload::{Activation, LayerKind, Workload};

/// Convolutions and dense layers, the activation behind all but the last, two of them with a batch norm between.
/// Neither the channels nor the units fill their last block of sixteen.
fn with(activation: Activation) -> Workload {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "a1", kind = "relu" },
        { name = "c2", kind = "conv2d", filters = 18, kernel = 3, stride = 2, padding = "valid", bias = false },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "a2", kind = "relu" },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 21 },
        { name = "a3", kind = "relu" },
        { name = "fc2", kind = "dense", units = 19 },
        { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "a4", kind = "relu" },
        { name = "fc3", kind = "dense", units = 10 },
    ]"#;
    let mut workload = net(
        layers,
        "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9",
        6,
    );
    for layer in &mut workload.layers {
        if layer.kind == LayerKind::Activation(Activation::Relu) {
            layer.kind = LayerKind::Activation(activation);
        }
    }
    workload
}

#[test]
fn activations_are_verified_on_every_instruction_set() {
    for activation in Activation::EXAMPLES {
        for workload in [with(activation), in_bf16(with(activation))] {
            for isa in instruction_sets() {
                let job = job(workload.clone(), 125, 2);
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(verdict.is_verified(), "{isa}, {activation:?}: {verdict}");
            }
        }
    }
}

/// What has an activation behind its results.
const EPILOGUES: [FusionKind; 3] = [
    FusionKind::ProductEpilogue,
    FusionKind::GradientEpilogue,
    FusionKind::NormEpilogue,
];

/// Kernels that go over their results for an activation give the bits of the activation in a kernel of its own; and
/// so do all numbers of threads.
#[test]
fn a_fused_activation_gives_the_same_bits() {
    let apart = FusionKind::ALL
        .iter()
        .filter(|kind| !EPILOGUES.contains(kind));
    let apart = Passes::Only(apart.map(|kind| kind.to_string()).collect());
    for activation in Activation::EXAMPLES {
        for workload in [with(activation), in_bf16(with(activation))] {
            for isa in instruction_sets() {
                let fused = job(workload.clone(), 47, 2);
                let others = [
                    Job {
                        passes: apart.clone(),
                        ..fused.clone()
                    },
                    job(workload.clone(), 47, 1),
                    job(workload.clone(), 47, 16),
                ];
                for other in others {
                    let is_same = bits(&fused, isa) == bits(&other, isa);
                    assert!(is_same, "{isa}, {activation:?}, {:?}", other.passes);
                }
            }
        }
    }
}

/// Kernels have one activation: of two in a row the second is a kernel of its own.
#[test]
fn two_activations_in_a_row_are_both_done() {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "a1", kind = "relu" },
        { name = "b1", kind = "gelu" },
        { name = "c2", kind = "conv2d", filters = 6, kernel = 3, stride = 1, padding = "same", bias = false },
        { name = "bn", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "a2", kind = "relu" },
        { name = "b2", kind = "scale", factor = 1.5, offset = -0.25 },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 21 },
        { name = "a3", kind = "silu" },
        { name = "b3", kind = "relu" },
        { name = "fc2", kind = "dense", units = 19 },
        { name = "a4", kind = "relu" },
        { name = "b4", kind = "relu" },
        { name = "fc3", kind = "dense", units = 10 },
    ]"#;
    let sgd = "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9";
    let workload = net(layers, sgd, 6);
    for workload in [workload.clone(), in_bf16(workload)] {
        for isa in instruction_sets() {
            let job = job(workload.clone(), 125, 2);
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            assert!(verdict.is_verified(), "{isa}: {verdict}");
        }
    }
}

/// The two forms of GELU are nearly the same function, and so are leaky ReLUs.
#[test]
fn one_activation_does_not_pass_for_another() {
    let swapped = [
        (Activation::Gelu, Activation::GeluTanh),
        (Activation::GeluTanh, Activation::Gelu),
        (Activation::Gelu, Activation::Silu),
        (
            Activation::LeakyRelu { slope: 0.1 },
            Activation::LeakyRelu { slope: 0.101 },
        ),
    ];
    for (right, wrong) in swapped {
        let (truth, planted) = (job(with(right), 125, 2), job(with(wrong), 125, 2));
        let verdict = verify_against(&CpuEngine, &planted, &device("portable"), &truth).unwrap();
        assert!(
            matches!(verdict, Verdict::Failed { .. }),
            "{wrong:?}: {verdict}"
        );
    }
}
