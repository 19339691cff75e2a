//! What NVIDIA's GPUs did, as their driver's own library tells (NVML), where there is one: it is looked for
//! when a run begins, and nothing is linked with it.

use nvml_wrapper::{
    Device, Nvml,
    enum_wrappers::device::{Clock, TemperatureSensor},
};

use super::gpu::{Gpu, Reading, Readings};

/// The GPUs of this machine.
pub(crate) struct Cards {
    nvml: Nvml,
    readings: Vec<Readings>,
}

impl Cards {
    /// All that the library knows; `None` where there is no library, or no GPU.
    pub(crate) fn find() -> Option<Self> {
        let nvml = Nvml::init().ok()?;
        let count = nvml.device_count().ok()?;
        let readings: Vec<Readings> = (0..count)
            .map(|number| {
                let name = nvml.device_by_index(number).and_then(|it| it.name());
                Readings::of(name.unwrap_or_else(|_| format!("NVIDIA GPU {number}")))
            })
            .collect();
        (!readings.is_empty()).then_some(Self { nvml, readings })
    }

    /// Reads all of them.
    pub(crate) fn read(&mut self) {
        for (number, readings) in (0..).zip(&mut self.readings) {
            if let Ok(device) = self.nvml.device_by_index(number) {
                readings.add(reading(&device));
            }
        }
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        self.readings.iter_mut().for_each(Readings::forget);
    }

    /// What was read.
    pub(crate) fn summary(&self) -> Vec<Gpu> {
        self.readings.iter().map(Readings::summary).collect()
    }
}

fn reading(device: &Device) -> Reading {
    let percent = device.utilization_rates().ok().map(|it| it.gpu);
    Reading {
        utilisation: percent
            .filter(|percent| *percent <= 100)
            .map(|percent| f64::from(percent) / 100.0),
        clock_hz: device
            .clock_info(Clock::Graphics)
            .ok()
            .map(|mhz| f64::from(mhz) * 1e6),
        power_w: device.power_usage().ok().map(|mw| f64::from(mw) * 1e-3),
        memory_bytes: device.memory_info().ok().map(|it| it.used),
        temperature_c: device
            .temperature(TemperatureSensor::Gpu)
            .ok()
            .map(f64::from),
    }
}
