//! How often the processor slowed itself down because it was too hot:
//! `/sys/devices/system/cpu/cpu*/thermal_throttle`, which Intel's processors have.

use std::path::Path;

use super::files;

/// Throttle events since the system started. All cores of a package show the package's counter, and
/// the hardware threads of a core the core's, so only a rise has a meaning.
pub(crate) fn events(root: &Path) -> Option<u64> {
    let cores = files::numbered(&root.join("sys/devices/system/cpu"), "cpu");
    let counters = cores.iter().flat_map(|(_, core)| {
        ["core_throttle_count", "package_throttle_count"]
            .map(|name| files::number::<u64>(&core.join("thermal_throttle").join(name)))
    });
    counters.flatten().reduce(u64::saturating_add)
}
