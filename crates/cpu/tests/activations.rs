//! Every activation, on rows and on images, in both precisions, passes the gate on every instruction set; a
//! wrong one does not.

mod common;

use common::{device, in_bf16, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::gate::{Verdict, verify, verify_against};
use laptime_workload::{Activation, LayerKind, Workload};

/// A convolution and a dense layer, the activation behind both. Neither the channels nor the units fill
/// their last block of sixteen.
fn with(activation: Activation) -> Workload {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 5, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "a1", kind = "relu" },
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 21 },
        { name = "a2", kind = "relu" },
        { name = "fc2", kind = "dense", units = 10 },
    ]"#;
    let mut workload = net(
        layers,
        "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9",
        6,
    );
    for layer in &mut workload.layers {
        if layer.kind == LayerKind::Relu {
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
