//! What is not a number stays so, whatever WGSL lets a driver suppose.

mod common;
#[path = "../../cpu/tests/common/planted.rs"]
mod planted;

use common::{ADAM, adapter, job, net};
use laptime_gpu::GpuEngine;

const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";

#[test]
fn what_is_not_finite_never_disappears() {
    let Some(device) = adapter() else { return };
    for layers in planted::NETS {
        for optimizer in [ADAM, SGD] {
            let job = job(net("fashion-mnist", layers, optimizer, 5), 5);
            planted::assert_nothing_disappears(
                &GpuEngine::new(),
                &job,
                std::slice::from_ref(&device),
            );
        }
    }
}
