//! Devices as records describe them.

use laptime_engine::{Device, DeviceKind};
use laptime_results as results;
use laptime_results::DeviceFacts;

/// A device, as records describe it.
pub fn device_facts(device: &Device) -> DeviceFacts {
    DeviceFacts {
        kind: match device.kind {
            DeviceKind::Cpu => results::DeviceKind::Cpu,
            DeviceKind::Gpu => results::DeviceKind::Gpu,
        },
        name: device.name.clone(),
        threads: device.threads.map(|threads| threads as u64),
        ranks: 1,
        isa: device.isa.clone(),
        driver: device.driver.clone(),
        software: device.software,
        dispatches_per_step: None,
        device_step_s: None,
    }
}
