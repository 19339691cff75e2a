//! What AMD's GPUs did, as their driver writes it to `/sys/class/drm/card*/device`.

use std::path::{Path, PathBuf};

use super::{
    files,
    gpu::{Gpu, Reading, Readings},
    temperature::celsius,
};

/// The GPUs of this machine.
pub(crate) struct Cards(Vec<Card>);

impl Cards {
    /// The GPUs that tell how busy they are. (Monitors' outputs, "card0-HDMI-A-1", are no cards.)
    pub(crate) fn find(root: &Path) -> Self {
        let cards = files::numbered(&root.join("sys/class/drm"), "card");
        let cards = cards.into_iter().map(|(number, folder)| {
            let device = folder.join("device");
            let monitors = files::numbered(&device.join("hwmon"), "hwmon");
            Card {
                monitor: monitors.into_iter().next().map(|(_, monitor)| monitor),
                readings: Readings::of(format!("card{number}")),
                device,
            }
        });
        let tells = |card: &Card| card.device.join("gpu_busy_percent").exists();
        Self(cards.filter(tells).collect())
    }

    /// Reads all of them.
    pub(crate) fn read(&mut self) {
        self.0.iter_mut().for_each(Card::read);
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        self.0.iter_mut().for_each(|card| card.readings.forget());
    }

    /// What was read.
    pub(crate) fn summary(&self) -> Vec<Gpu> {
        self.0.iter().map(|card| card.readings.summary()).collect()
    }
}

/// A GPU that is read.
#[derive(Debug, Clone)]
struct Card {
    device: PathBuf,
    monitor: Option<PathBuf>,
    readings: Readings,
}

impl Card {
    /// Reads it, unless it sleeps: reading would wake it.
    fn read(&mut self) {
        let status = files::text(&self.device.join("power/runtime_status"));
        if status.is_some_and(|status| status.trim() == "suspended") {
            return;
        }
        let number = |file: &Path| files::number::<u64>(file);
        let percent = number(&self.device.join("gpu_busy_percent"));
        let mut reading = Reading {
            utilisation: percent
                .filter(|percent| *percent <= 100)
                .map(|percent| percent as f64 / 100.0),
            memory_bytes: number(&self.device.join("mem_info_vram_used")),
            ..Reading::default()
        };
        if let Some(monitor) = &self.monitor {
            reading.clock_hz = number(&monitor.join("freq1_input")).map(|hz| hz as f64);
            // Some cards tell a mean, some only what they take now; both in microwatts.
            let power = number(&monitor.join("power1_average"))
                .or_else(|| number(&monitor.join("power1_input")));
            reading.power_w = power.map(|uw| uw as f64 * 1e-6);
            reading.temperature_c = celsius(&monitor.join("temp1_input"));
        }
        self.readings.add(reading);
    }
}
