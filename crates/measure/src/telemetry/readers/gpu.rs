//! What a GPU did: AMD's, whose driver writes it to `/sys/class/drm/card*/device`. NVIDIA's needs its
//! own tool or library, which is not asked yet.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{files, temperature::celsius};

/// A GPU during the run. Of what it does not tell, nothing is here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// What the system calls it: "card0".
    pub name: String,
    /// The share of the time in which it had work, 0 to 1, the mean over the run.
    #[serde(default)]
    pub utilisation: Option<f64>,
    /// The clock of its processors in Hz, the mean over the run.
    #[serde(default)]
    pub clock_hz: Option<f64>,
    /// The most of its memory that was in use, by all programs together.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// The power it took, in watts, the mean over the run.
    #[serde(default)]
    pub power_w: Option<f64>,
    /// The highest temperature in °C.
    #[serde(default)]
    pub temperature_max_c: Option<f64>,
}

/// A GPU that is read.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    name: String,
    device: PathBuf,
    monitor: Option<PathBuf>,
    utilisation: Mean,
    clock_hz: Mean,
    power_w: Mean,
    memory_bytes: Option<u64>,
    temperature_max_c: Option<f64>,
}

/// The mean of readings.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// The GPUs that tell how busy they are. (Monitors' outputs, "card0-HDMI-A-1", are no cards.)
pub(crate) fn cards(root: &Path) -> Vec<Card> {
    let cards = files::numbered(&root.join("sys/class/drm"), "card");
    let cards = cards.into_iter().map(|(number, folder)| {
        let device = folder.join("device");
        let monitors = files::numbered(&device.join("hwmon"), "hwmon");
        Card {
            name: format!("card{number}"),
            monitor: monitors.into_iter().next().map(|(_, monitor)| monitor),
            utilisation: Mean::default(),
            clock_hz: Mean::default(),
            power_w: Mean::default(),
            memory_bytes: None,
            temperature_max_c: None,
            device,
        }
    });
    cards
        .filter(|card| card.device.join("gpu_busy_percent").exists())
        .collect()
}

impl Card {
    /// Reads it, unless it sleeps: reading would wake it.
    pub(crate) fn read(&mut self) {
        let status = files::text(&self.device.join("power/runtime_status"));
        if status.is_some_and(|status| status.trim() == "suspended") {
            return;
        }
        let percent = files::number::<u64>(&self.device.join("gpu_busy_percent"));
        let share = percent
            .filter(|percent| *percent <= 100)
            .map(|percent| percent as f64 / 100.0);
        self.utilisation.add(share);
        let used = files::number::<u64>(&self.device.join("mem_info_vram_used"));
        self.memory_bytes = self.memory_bytes.max(used);
        let Some(monitor) = &self.monitor else {
            return;
        };
        self.clock_hz
            .add(files::number::<u64>(&monitor.join("freq1_input")).map(|hz| hz as f64));
        // Some cards tell a mean, some only what they take now; both in microwatts.
        let power = files::number::<u64>(&monitor.join("power1_average"))
            .or_else(|| files::number(&monitor.join("power1_input")));
        self.power_w.add(power.map(|uw| uw as f64 * 1e-6));
        let now = celsius(&monitor.join("temp1_input"));
        self.temperature_max_c = match (self.temperature_max_c, now) {
            (Some(before), Some(now)) => Some(before.max(now)),
            (before, now) => before.or(now),
        };
    }

    /// What was read.
    pub(crate) fn summary(&self) -> Gpu {
        Gpu {
            name: self.name.clone(),
            utilisation: self.utilisation.get(),
            clock_hz: self.clock_hz.get(),
            memory_bytes: self.memory_bytes,
            power_w: self.power_w.get(),
            temperature_max_c: self.temperature_max_c,
        }
    }
}
