//! What a GPU did. AMD's driver writes it to `/sys/class/drm/card*/device`; NVIDIA's tells its library
//! ([`super::nvidia`]).

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{files, temperature::celsius};
use crate::telemetry::ROOT;

/// A GPU during the run. Of what it does not tell, nothing is here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Gpu {
    /// What the system calls it: "card0", or by its product name.
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

/// What was read of a GPU so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readings {
    name: String,
    utilisation: Mean,
    clock_hz: Mean,
    power_w: Mean,
    memory_bytes: Option<u64>,
    temperature_max_c: Option<f64>,
}

/// One reading.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reading {
    pub utilisation: Option<f64>,
    pub clock_hz: Option<f64>,
    pub power_w: Option<f64>,
    pub memory_bytes: Option<u64>,
    pub temperature_c: Option<f64>,
}

impl Readings {
    pub(crate) fn of(name: String) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Begins anew.
    pub(crate) fn forget(&mut self) {
        *self = Self::of(std::mem::take(&mut self.name));
    }

    pub(crate) fn add(&mut self, reading: Reading) {
        self.utilisation.add(reading.utilisation);
        self.clock_hz.add(reading.clock_hz);
        self.power_w.add(reading.power_w);
        self.memory_bytes = self.memory_bytes.max(reading.memory_bytes);
        self.temperature_max_c = [self.temperature_max_c, reading.temperature_c]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    }

    /// All of them together.
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

/// A GPU of AMD's that is read.
#[derive(Debug, Clone)]
struct Card {
    device: PathBuf,
    monitor: Option<PathBuf>,
    readings: Readings,
}

/// All GPUs of a machine that tell something.
pub(crate) struct Gpus {
    cards: Vec<Card>,
    #[cfg(any(target_os = "linux", windows))]
    nvidia: Option<super::nvidia::Cards>,
}

impl Gpus {
    pub(crate) fn find(root: &Path) -> Self {
        Self {
            cards: cards(root),
            // A library is no file of a recorded tree.
            #[cfg(any(target_os = "linux", windows))]
            nvidia: (root == Path::new(ROOT))
                .then(super::nvidia::Cards::find)
                .flatten(),
        }
    }

    /// Reads all of them.
    pub(crate) fn read(&mut self) {
        self.cards.iter_mut().for_each(Card::read);
        #[cfg(any(target_os = "linux", windows))]
        if let Some(nvidia) = &mut self.nvidia {
            nvidia.read();
        }
    }

    /// What was read.
    pub(crate) fn summary(&self) -> Vec<Gpu> {
        let gpus = self.cards.iter().map(|card| card.readings.summary());
        #[cfg(any(target_os = "linux", windows))]
        let gpus = gpus.chain(self.nvidia.iter().flat_map(|cards| cards.summary()));
        gpus.collect()
    }

    /// What they do now, whatever was read before.
    pub(crate) fn now(&mut self) -> Vec<Gpu> {
        let cards = self.cards.iter_mut();
        cards.for_each(|card| card.readings.forget());
        #[cfg(any(target_os = "linux", windows))]
        if let Some(nvidia) = &mut self.nvidia {
            nvidia.forget();
        }
        self.read();
        self.summary()
    }
}

/// The GPUs that tell how busy they are. (Monitors' outputs, "card0-HDMI-A-1", are no cards.)
fn cards(root: &Path) -> Vec<Card> {
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
    cards
        .filter(|card| card.device.join("gpu_busy_percent").exists())
        .collect()
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
