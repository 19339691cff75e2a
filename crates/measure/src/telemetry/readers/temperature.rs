//! How hot the processor is: the kernel's thermal zones and hardware monitors, in millidegrees.

use std::path::{Path, PathBuf};

use super::files;

/// The drivers of processors' sensors: Intel's, AMD's (two of them), and those of ARM boards.
const DRIVERS: [&str; 4] = ["coretemp", "k10temp", "zenpower", "cpu_thermal"];

/// The files of the processor's sensors. They are looked for once, because there may be dozens of
/// others (disks, batteries, network cards).
pub(crate) fn sensors(root: &Path) -> Vec<PathBuf> {
    let zones = files::numbered(&root.join("sys/class/thermal"), "thermal_zone");
    let zones = zones.into_iter().filter_map(|(_, zone)| {
        let kind = files::text(&zone.join("type"))?;
        let is_processor = kind.trim() == "x86_pkg_temp" || kind.starts_with("cpu");
        is_processor.then(|| zone.join("temp"))
    });
    let monitors = files::numbered(&root.join("sys/class/hwmon"), "hwmon");
    let monitors = monitors.into_iter().filter_map(|(_, monitor)| {
        let driver = files::text(&monitor.join("name"))?;
        // The first sensor is the package's; coretemp has one for each core besides.
        DRIVERS
            .contains(&driver.trim())
            .then(|| monitor.join("temp1_input"))
    });
    zones.chain(monitors).collect()
}

/// The hottest of the sensors, in °C.
pub(crate) fn hottest_celsius(sensors: &[PathBuf]) -> Option<f64> {
    let all = sensors.iter().filter_map(|sensor| celsius(sensor));
    all.reduce(f64::max)
}

/// A temperature, unless it is one that a sensor shows which is not there.
pub(crate) fn celsius(sensor: &Path) -> Option<f64> {
    let celsius = files::number::<i64>(sensor)? as f64 * 1e-3;
    (-50.0..=150.0).contains(&celsius).then_some(celsius)
}
