//! Machines in a folder.

use std::{fs, path::Path};

use tempfile::TempDir;

/// A file system of small files.
pub(super) struct Tree(TempDir);

impl Tree {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        tree.write(files);
        tree
    }

    pub(super) fn write(&self, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = self.root().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Process 10 with two threads, on two cores.
    pub(super) fn process(&self, ticks: u64, waited_ns: [u64; 2], interruptions: u64) {
        let stat = format!("10 (laptime) R 1 1 1 0 -1 0 0 0 0 0 {ticks} 0 0 0 20 0 2 0 5 0 0\n");
        let status = format!(
            "Name:\tlaptime\nCpus_allowed_list:\t0-1\nnonvoluntary_ctxt_switches:\t{interruptions}\n"
        );
        let waits = waited_ns.map(|ns| format!("1 {ns} 3\n"));
        self.write(&[
            ("proc/10/stat", &stat),
            ("proc/10/task/10/schedstat", &waits[0]),
            ("proc/10/task/11/schedstat", &waits[1]),
            ("proc/10/task/10/status", &status),
            ("proc/10/task/11/status", &status),
        ]);
    }
}

/// A laptop: AMD's graphics, Intel's counters.
pub(super) const BEGIN: [(&str, &str); 22] = [
    (
        "proc/stat",
        "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 100 0 0 100 0 0 0 0 0 0\ncpu1 100 0 0 100 0 0 0 0 0 0\ncpu2 7 0 0 7 0 0 0 0 0 0\nintr 5 0\n",
    ),
    ("proc/loadavg", "0.50 0.40 0.30 1/99 12\n"),
    ("proc/vmstat", "pswpin 10\npswpin_zero 99\npswpout 20\n"),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\nfull avg10=0.00 total=9\n",
    ),
    ("proc/self/cgroup", "0::/a\n"),
    (
        "sys/fs/cgroup/a/cpu.stat",
        "usage_usec 5\nnr_throttled 1\nthrottled_usec 100000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq",
        "3000000\n",
    ),
    (
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq",
        "2000000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/base_frequency",
        "2100000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
        "4800000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
        "5\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
        "7\n",
    ),
    ("sys/class/thermal/thermal_zone0/type", "acpitz\n"),
    ("sys/class/thermal/thermal_zone0/temp", "99000\n"),
    ("sys/class/thermal/thermal_zone1/type", "x86_pkg_temp\n"),
    ("sys/class/thermal/thermal_zone1/temp", "71500\n"),
    ("sys/class/powercap/intel-rapl:0/name", "package-0\n"),
    ("sys/class/powercap/intel-rapl:0/energy_uj", "1000000\n"),
    (
        "sys/class/powercap/intel-rapl:0/max_energy_range_uj",
        "262143328850\n",
    ),
    ("sys/class/drm/card1/device/gpu_busy_percent", "40\n"),
    ("sys/class/drm/card1/device/mem_info_vram_used", "1048576\n"),
    (
        "sys/class/drm/card1/device/hwmon/hwmon3/power1_average",
        "25000000\n",
    ),
];

/// Two seconds later: the process had 2.5 s of the cores' 4, somebody else 1 s, the hypervisor 0.2 s.
pub(super) const END: [(&str, &str); 8] = [
    (
        "proc/stat",
        "cpu0 250 20 10 110 0 0 0 10 0 0\ncpu1 200 50 20 120 0 0 0 10 0 0\ncpu2 207 0 0 7 0 0 0 0 0 0\n",
    ),
    ("proc/loadavg", "2.50 0.40 0.30 1/99 12\n"),
    ("proc/vmstat", "pswpin 12\npswpout 21\n"),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1040000\n",
    ),
    ("sys/fs/cgroup/a/cpu.stat", "throttled_usec 150000\n"),
    (
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
        "6\n",
    ),
    ("sys/class/powercap/intel-rapl:0/energy_uj", "61000000\n"),
    ("sys/class/drm/card1/device/gpu_busy_percent", "60\n"),
];
