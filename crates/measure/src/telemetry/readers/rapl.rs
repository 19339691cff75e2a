//! The energy that the processor took: Intel's and AMD's RAPL counters in `/sys/class/powercap`.
//! Since 2020 most systems let only root read them, because power betrays secrets (Lipp et al.,
//! "PLATYPUS: Software-based Power Side-Channel Attacks on x86", 2021).

use std::path::{Path, PathBuf};

use super::files;

/// No package takes more. It tells how often a counter must be read lest it wraps around unseen.
const MOST_W: f64 = 1000.0;

/// The counters of all packages, added up over their wraparounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rapl {
    packages: Vec<Package>,
    read_at_s: f64,
    /// Since the beginning; absent where a counter may have wrapped around unseen, or can't be read
    /// any more.
    total_j: Option<f64>,
    /// Between the last two readings.
    power_w: Option<f64>,
}

#[derive(Debug, Clone)]
struct Package {
    counter: PathBuf,
    last_uj: u64,
    range_uj: u64,
}

impl Rapl {
    /// The counters of the packages as they are now. Zones below a package ("intel-rapl:0:0", its
    /// cores or its memory) are part of it or no processor, and "psys" contains it.
    pub(crate) fn find(root: &Path, at_s: f64) -> Self {
        let zones = files::numbered(&root.join("sys/class/powercap"), "intel-rapl:");
        let packages: Vec<Package> = zones
            .into_iter()
            .filter_map(|(_, zone)| {
                let name = files::text(&zone.join("name"))?;
                let counter = zone.join("energy_uj");
                name.starts_with("package").then_some(())?;
                Some(Package {
                    last_uj: files::number(&counter)?,
                    range_uj: files::number(&zone.join("max_energy_range_uj"))?,
                    counter,
                })
            })
            .collect();
        Self {
            total_j: (!packages.is_empty()).then_some(0.0),
            packages,
            read_at_s: at_s,
            power_w: None,
        }
    }

    /// Adds what was taken since the reading before.
    pub(crate) fn read(&mut self, at_s: f64) {
        let passed_s = at_s - self.read_at_s;
        self.read_at_s = at_s;
        let taken: Option<f64> = (self.packages.iter_mut())
            .map(|package| package.taken_j(passed_s))
            .sum();
        self.total_j = self.total_j.and_then(|total| Some(total + taken?));
        // After one counter failed there is no total any more, and no power of all packages.
        let taken = self.total_j.and(taken).filter(|_| passed_s > 0.0);
        self.power_w = taken.map(|taken| taken / passed_s);
    }

    /// What all packages took between the last two readings.
    pub(crate) fn power_w(&self) -> Option<f64> {
        self.power_w
    }

    /// The energy that all packages took since the beginning.
    pub(crate) fn total_j(&self) -> Option<f64> {
        self.total_j
    }
}

impl Package {
    fn taken_j(&mut self, passed_s: f64) -> Option<f64> {
        let now_uj: u64 = files::number(&self.counter)?;
        let taken_uj = if now_uj >= self.last_uj {
            now_uj - self.last_uj
        } else {
            // The counter goes up to its range and then begins at 0.
            self.range_uj
                .checked_sub(self.last_uj)?
                .saturating_add(now_uj)
        };
        self.last_uj = now_uj;
        let has_wrapped_unseen = passed_s * MOST_W > self.range_uj as f64 * 1e-6;
        (!has_wrapped_unseen).then_some(taken_uj as f64 * 1e-6)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn zone(root: &Path, zone: &str, name: &str, uj: &str) {
        let folder = root.join("sys/class/powercap").join(zone);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("name"), name).unwrap();
        fs::write(folder.join("energy_uj"), uj).unwrap();
        fs::write(folder.join("max_energy_range_uj"), "262143328850\n").unwrap();
    }

    #[test]
    fn packages_count_once_and_over_a_wraparound() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        zone(root, "intel-rapl:0", "package-0\n", "262143000000\n");
        zone(root, "intel-rapl:1", "package-1\n", "1000000\n");
        zone(root, "intel-rapl:2", "psys\n", "5000000\n");
        zone(root, "intel-rapl:0:0", "core\n", "7000000\n");
        zone(root, "intel-rapl-mmio:0", "package-0\n", "9000000\n");
        let mut rapl = Rapl::find(root, 0.0);
        assert_eq!(rapl.total_j(), Some(0.0));
        zone(root, "intel-rapl:0", "package-0\n", "671150\n");
        zone(root, "intel-rapl:1", "package-1\n", "3000000\n");
        zone(root, "intel-rapl:2", "psys\n", "99000000\n");
        rapl.read(1.0);
        // 0.328850 J up to the wrap, 0.671150 J behind it; 2 J of the other package.
        let total_j = rapl.total_j().unwrap();
        assert!((total_j - 3.0).abs() < 1e-9, "{total_j}");
        // After ten minutes without a reading nobody knows how often it wrapped.
        rapl.read(601.0);
        assert_eq!(rapl.total_j(), None);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(Rapl::find(root, 0.0).total_j(), None);
        zone(root, "intel-rapl:0", "package-0\n", "-1\n");
        assert_eq!(Rapl::find(root, 0.0).total_j(), None);
        zone(root, "intel-rapl:0", "package-0\n", &u64::MAX.to_string());
        let mut rapl = Rapl::find(root, 0.0);
        zone(root, "intel-rapl:0", "package-0\n", "5\n");
        rapl.read(0.5);
        assert_eq!(rapl.total_j(), None, "a counter beyond its range");
    }
}
