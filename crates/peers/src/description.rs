//! What a framework, or a program of the user's own, says of itself.

use std::collections::BTreeMap;

use laptime_engine::{Device, DeviceKind, EngineError};

use crate::protocol::DeviceReport;

/// What a framework says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) versions: BTreeMap<String, String>,
    /// In the framework's order, no two of the same name.
    pub(crate) devices: Vec<DeviceReport>,
}

impl Description {
    /// Cards of one model are told apart by a number.
    pub(crate) fn new(versions: BTreeMap<String, String>, mut devices: Vec<DeviceReport>) -> Self {
        let names: Vec<String> = devices.iter().map(|device| device.name.clone()).collect();
        for (index, device) in devices.iter_mut().enumerate() {
            let same = names[..index].iter().filter(|name| **name == device.name);
            match same.count() {
                0 => {}
                before => device.name += &format!(" ({})", before + 1),
            }
        }
        Self { versions, devices }
    }

    /// The place of a device among the framework's own.
    fn index_of(&self, device: &Device) -> Option<usize> {
        self.devices.iter().position(|report| {
            let kind = DeviceKind::from(report.kind);
            // Frameworks have no name for a processor.
            kind == device.kind && (kind == DeviceKind::Cpu || report.name == device.name)
        })
    }

    /// What tells it which of its devices is meant.
    pub(crate) fn report(&self, device: &Device) -> Result<DeviceReport, EngineError> {
        let index = self
            .index_of(device)
            .ok_or_else(|| EngineError::Unsupported(format!("it has no device {}", device.name)))?;
        Ok(DeviceReport {
            index,
            ..self.devices[index].clone()
        })
    }

    /// Its devices.
    pub(crate) fn devices(&self) -> Vec<Device> {
        let devices = self.devices.iter();
        devices
            .map(|device| match DeviceKind::from(device.kind) {
                // Frameworks have no name for a processor.
                DeviceKind::Cpu => Device {
                    kind: DeviceKind::Cpu,
                    name: String::new(),
                    threads: Some(all_processors()),
                    isa: None,
                    driver: None,
                    software: false,
                },
                DeviceKind::Gpu => Device {
                    kind: DeviceKind::Gpu,
                    name: device.name.clone(),
                    threads: None,
                    isa: None,
                    driver: device.driver.clone(),
                    software: false,
                },
            })
            .collect()
    }
}

/// The processors that this process may use.
pub(crate) fn all_processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::KindReport;

    #[test]
    fn cards_of_one_model_are_told_apart() {
        let report = |kind, name: &str| DeviceReport {
            kind,
            name: name.into(),
            driver: None,
            index: 0,
        };
        let devices = vec![
            report(KindReport::Gpu, "A100"),
            report(KindReport::Gpu, "A100"),
            report(KindReport::Gpu, "L4"),
            report(KindReport::Cpu, "cpu"),
        ];
        let description = Description::new(BTreeMap::new(), devices);
        let device = |kind, name: &str| Device {
            kind,
            name: name.into(),
            threads: None,
            isa: None,
            driver: None,
            software: false,
        };
        for (device, expected) in [
            (device(DeviceKind::Gpu, "A100"), Some(0)),
            (device(DeviceKind::Gpu, "A100 (2)"), Some(1)),
            (device(DeviceKind::Gpu, "L4"), Some(2)),
            (device(DeviceKind::Gpu, "H100"), None),
            (device(DeviceKind::Cpu, "EPYC"), Some(3)),
        ] {
            assert_eq!(description.index_of(&device), expected, "{device:?}");
        }
    }
}
