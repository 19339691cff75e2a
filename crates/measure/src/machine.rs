//! What machine this is, as far as others may know: no host name, no user, no serial number.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sysinfo::{Cpu, CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::{Topology, telemetry};

/// The machine that a record was made on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The operating system and its version.
    pub os: String,
    /// The processor's name, as its maker gave it.
    pub cpu: String,
    /// Physical cores that the system shows; a virtual machine may call a hardware thread a core.
    pub cores: usize,
    /// Hardware threads that the system shows.
    pub logical_cores: usize,
    /// Main memory.
    pub memory_bytes: u64,
    /// The kinds of cores, and what of them this process may use; absent where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topology: Option<Topology>,
}

impl Machine {
    /// The machine this runs on.
    pub fn identify() -> Self {
        let what = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let system = System::new_with_specifics(what).ok();
        let cpus = system.as_ref().map_or(&[][..], System::cpus);
        Self {
            os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
            cpu: cpu_name(cpus.first().map_or("", Cpu::brand)),
            cores: System::physical_core_count().unwrap_or(cpus.len()),
            logical_cores: cpus.len(),
            memory_bytes: system.as_ref().map_or(0, System::total_memory),
            topology: telemetry::topology(),
        }
    }
}

/// A processor's brand in one line, or the architecture where the system knows no brand (ARM on
/// Linux).
fn cpu_name(brand: &str) -> String {
    // Some makers pad their names with runs of spaces.
    let name = brand.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        format!("unnamed {} processor", std::env::consts::ARCH)
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let machine = Machine::identify();
        assert!(
            !machine.os.is_empty() && !machine.cpu.is_empty(),
            "{machine:?}"
        );
        assert!(
            machine.cores > 0 && machine.logical_cores >= machine.cores,
            "{machine:?}"
        );
        assert!(machine.memory_bytes > 1 << 20, "{machine:?}");
    }
}
