//! What was observed, as a record holds it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Gpu;

/// What the machine did while a run was timed. What the system does not tell is absent, never zero.
/// Times of cores, processes and threads are sums over them: on two cores there are two seconds of
/// them in each second.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Telemetry {
    /// How long it was observed, in seconds of monotonic wall time.
    pub wall_s: f64,
    /// The cores that the run's processes may use; all figures here are about them, not about others.
    #[serde(default)]
    pub cores: Option<u32>,
    /// The processor time of the run's own processes: this one, engines', and all their descendants.
    #[serde(default)]
    pub own_cpu_s: Option<f64>,
    /// The processor time of everything else, the kernel's own work with it. It is what the run's own
    /// processes leave of the time in which the cores were busy, and exact to about 0.01 s a core.
    #[serde(default)]
    pub foreign_cpu_s: Option<f64>,
    /// The time in which cores had work and the hypervisor let others run.
    #[serde(default)]
    pub steal_s: Option<f64>,
    /// The time in which the run's own threads could have run and waited for a core.
    #[serde(default)]
    pub run_delay_s: Option<f64>,
    /// The same of the thread that waited longest, in seconds of wall time.
    #[serde(default)]
    pub longest_run_delay_s: Option<f64>,
    /// How often the run's own threads were taken off a core although they could have gone on; short
    /// of what threads had that came and went between two looks, a second or more apart.
    #[serde(default)]
    pub involuntary_switches: Option<u64>,
    /// What the whole system wrote to the swap and read from it.
    #[serde(default)]
    pub swapped_bytes: Option<u64>,
    /// The time in which at least one task of the system stood still for want of memory.
    #[serde(default)]
    pub memory_stall_s: Option<f64>,
    /// The load average (of about a minute) at the beginning.
    #[serde(default)]
    pub load_begin: Option<f64>,
    /// The load average at the end.
    #[serde(default)]
    pub load_end: Option<f64>,
    /// The time in which a limit on the processor time of this process's control group (a container,
    /// a service) kept it from running, summed over cores.
    #[serde(default)]
    pub cgroup_throttled_s: Option<f64>,
    /// The clock of the cores that were busy.
    #[serde(default)]
    pub frequency: Option<Frequency>,
    /// The highest temperature of the processor in °C.
    #[serde(default)]
    pub temperature_max_c: Option<f64>,
    /// How often the processor slowed itself down because it was too hot, by its own count.
    #[serde(default)]
    pub throttle_events: Option<u64>,
    /// The energy that the processor took, all packages together, in joules.
    #[serde(default)]
    pub energy_j: Option<f64>,
    /// The same per second.
    #[serde(default)]
    pub mean_power_w: Option<f64>,
    /// The GPUs that tell what they do.
    #[serde(default)]
    pub gpus: Vec<Gpu>,
    /// What happened when. There are no more than a few hundred of these, however long the run was.
    pub samples: Vec<Sample>,
    /// What observing cost, in seconds of processor time.
    pub observing_s: f64,
    /// How often the machine was looked at.
    pub looks: u64,
}

/// The clock of the cores that were busy, in Hz.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Frequency {
    /// The lowest of all samples.
    pub min_hz: f64,
    /// The median of all samples.
    pub median_hz: f64,
    /// The highest of all samples.
    pub max_hz: f64,
    /// The mean in the first third of the time.
    pub first_third_hz: f64,
    /// The mean in the last third of the time.
    pub last_third_hz: f64,
    /// What the maker guarantees for all cores under load.
    #[serde(default)]
    pub base_hz: Option<f64>,
    /// The most that a single core can have.
    #[serde(default)]
    pub limit_hz: Option<f64>,
}

/// A part of the time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// When it ended, from the beginning of the observation.
    pub at_s: f64,
    /// How long it was.
    pub span_s: f64,
    /// The share of the cores' time in which they were busy, whatever with, 0 to 1.
    #[serde(default)]
    pub busy_share: Option<f64>,
    /// The share of the cores' time that others had, 0 to 1.
    #[serde(default)]
    pub foreign_share: Option<f64>,
    /// The clock of the cores that were busy, in Hz; absent where none was for half of the time.
    #[serde(default)]
    pub frequency_hz: Option<f64>,
    /// What the processor took, all packages together, in watts.
    #[serde(default)]
    pub power_w: Option<f64>,
}
