//! What a GPU did, by whatever driver it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
