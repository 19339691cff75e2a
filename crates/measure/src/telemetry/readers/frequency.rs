//! How fast the cores' clocks run: `/sys/devices/system/cpu/cpu*/cpufreq`, the kernel's cpufreq
//! documentation. Virtual machines have none.

use std::path::{Path, PathBuf};

use super::files;

/// Of more cores the frequency is not read: the kernel interrupts each of them for it.
const MOST_CORES: usize = 8;

/// The mean frequency of these cores, or of some of them, spread evenly, where there are many.
pub(crate) fn mean_hz(root: &Path, cores: &[u32]) -> Option<f64> {
    let stride = cores.len().div_ceil(MOST_CORES).max(1);
    let read = |core: &u32| hz(&folder(root, *core).join("cpufreq/scaling_cur_freq"), 1e3);
    let all: Vec<f64> = cores.iter().step_by(stride).filter_map(read).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// The frequency that the maker guarantees for all cores under load, the lowest of these cores'.
pub(crate) fn base_hz(root: &Path, cores: &[u32]) -> Option<f64> {
    let read = |core: &u32| {
        let core = folder(root, *core);
        // Intel's driver has the first, in kHz; systems with CPPC, AMD's among them, the second, in MHz.
        hz(&core.join("cpufreq/base_frequency"), 1e3)
            .or_else(|| hz(&core.join("acpi_cppc/nominal_freq"), 1e6))
    };
    cores.iter().filter_map(read).reduce(f64::min)
}

/// The highest frequency that one core can have, the highest of these cores'.
pub(crate) fn limit_hz(root: &Path, cores: &[u32]) -> Option<f64> {
    let read = |core: &u32| hz(&folder(root, *core).join("cpufreq/cpuinfo_max_freq"), 1e3);
    cores.iter().filter_map(read).reduce(f64::max)
}

fn folder(root: &Path, core: u32) -> PathBuf {
    root.join(format!("sys/devices/system/cpu/cpu{core}"))
}

/// A frequency in this unit, unless it is one that no processor has.
fn hz(file: &Path, unit: f64) -> Option<f64> {
    let hz = files::number::<u64>(file)? as f64 * unit;
    (1e6..=1e11).contains(&hz).then_some(hz)
}
