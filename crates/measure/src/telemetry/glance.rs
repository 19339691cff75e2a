//! A look at the machine for a live view: what every core does now, and how warm and hungry it is. A record
//! has the sampler's numbers, never these.

use std::{collections::BTreeMap, path::PathBuf, time::Instant};

use super::readers::{
    cpu::{self, CoreTicks},
    gpus::Gpus,
    rapl::Rapl,
    temperature,
};

/// Looks at one machine again and again.
pub struct Glance {
    root: PathBuf,
    begin: Instant,
    cores: BTreeMap<u32, CoreTicks>,
    sensors: Vec<PathBuf>,
    rapl: Rapl,
    gpus: Gpus,
}

/// What a look shows; what the system does not tell is absent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Seen {
    /// The busy share of every core since the look before, by whomever.
    pub cores: Vec<f64>,
    /// The hottest sensor of the processor.
    pub temperature_c: Option<f64>,
    /// What the processor's packages took since the look before.
    pub power_w: Option<f64>,
    /// The busy share of each GPU that tells it.
    pub gpus: Vec<f64>,
}

impl Glance {
    /// Begins to look at the machine whose file system is at `root` ([`ROOT`](super::ROOT)).
    pub fn begin(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        Self {
            cores: cpu::cores(&root),
            sensors: temperature::sensors(&root),
            begin: Instant::now(),
            gpus: Gpus::find(&root),
            rapl: Rapl::find(&root, 0.0),
            root,
        }
    }

    /// What there is to see now.
    pub fn look(&mut self) -> Seen {
        let now = cpu::cores(&self.root);
        let cores = now
            .iter()
            .filter_map(|(number, after)| busy_share(*self.cores.get(number)?, *after))
            .collect();
        self.cores = now;
        self.rapl.read(self.begin.elapsed().as_secs_f64());
        let gpus = self.gpus.now().into_iter();
        Seen {
            cores,
            temperature_c: temperature::hottest_celsius(&self.sensors),
            power_w: self.rapl.power_w(),
            gpus: gpus.filter_map(|it| it.utilisation).collect(),
        }
    }
}

/// The share of the time between two looks that a core was busy; nothing where no tick went by.
fn busy_share(before: CoreTicks, after: CoreTicks) -> Option<f64> {
    let ticks = |from: u64, to: u64| to.saturating_sub(from) as f64;
    let busy = ticks(before.busy, after.busy);
    let all = busy + ticks(before.idle, after.idle) + ticks(before.steal, after.steal);
    (all > 0.0).then(|| busy / all)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_look_shows_what_was_busy_since_the_one_before() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        let write = |text: &str| fs::write(root.path().join("proc/stat"), text).unwrap();
        write("cpu0 100 0 0 900 0 0 0 0 0 0\ncpu1 500 0 0 500 0 0 0 0 0 0\n");
        let mut glance = Glance::begin(root.path());
        write("cpu0 175 0 0 925 0 0 0 0 0 0\ncpu1 500 0 0 600 0 0 0 0 0 0\n");
        let seen = glance.look();
        assert_eq!(seen.cores, [0.75, 0.0]);
        assert_eq!((seen.temperature_c, seen.power_w), (None, None));
        // Too soon: nothing to tell.
        assert!(glance.look().cores.is_empty());
    }

    #[test]
    fn a_machine_that_tells_nothing_shows_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Glance::begin(root.path()).look(), Seen::default());
    }
}
