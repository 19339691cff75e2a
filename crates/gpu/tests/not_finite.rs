//! What is not a number stays so, whatever WGSL lets a driver suppose.

mod common;
#[path = "../../cpu/tests/common/planted.rs"]
mod planted;

use common::{ADAM, adapter, job, net};
use laptime_gpu::GpuEngine;
use laptime_workload::Workload;

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
