//! Systems without `/proc`: what `sysinfo` gets from them cheaply, which is how busy the processor was
//! and what part of it was ours.

use std::collections::{BTreeMap, HashMap, HashSet};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use super::cpu::{CoreTicks, TICK_S};

/// Processor times added up from one reading to the next.
pub(crate) struct Elsewhere {
    system: System,
    own: HashSet<Pid>,
    read_at_s: f64,
    /// Of each core, in the mean.
    busy_s: f64,
}

impl Elsewhere {
    /// Begins now.
    pub(crate) fn begin(pids: &[u32]) -> Option<Self> {
        let mut system = System::new().ok()?;
        system.refresh_cpu_usage();
        Some(Self {
            system,
            own: pids.iter().copied().map(Pid::from_u32).collect(),
            read_at_s: 0.0,
            busy_s: 0.0,
        })
    }

    /// Adds the descendants that live now.
    pub(crate) fn find_descendants(&mut self) {
        self.refresh(ProcessesToUpdate::All);
        let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for (pid, process) in self.system.processes() {
            if let Some(parent) = process.parent() {
                children.entry(parent).or_default().push(*pid);
            }
        }
        let mut open: Vec<Pid> = self.own.iter().copied().collect();
        while let Some(parent) = open.pop() {
            for child in children.get(&parent).into_iter().flatten() {
                if self.own.insert(*child) {
                    open.push(*child);
                }
            }
        }
    }

    /// The times of the cores, as `/proc/stat` has them. The system's mean is given to each of them
    /// alike, because nothing here asks which of them it was.
    pub(crate) fn cores(&mut self, at_s: f64) -> BTreeMap<u32, CoreTicks> {
        self.system.refresh_cpu_usage();
        let share = f64::from(self.system.global_cpu_usage()) / 100.0;
        let passed_s = (at_s - self.read_at_s).max(0.0);
        self.read_at_s = at_s;
        self.busy_s += share.clamp(0.0, 1.0) * passed_s;
        let ticks = CoreTicks {
            busy: (self.busy_s / TICK_S) as u64,
            steal: 0,
            idle: ((at_s - self.busy_s).max(0.0) / TICK_S) as u64,
        };
        let cores = u32::try_from(self.system.cpus().len()).unwrap_or(0);
        (0..cores).map(|core| (core, ticks)).collect()
    }

    /// The processor time of our processes.
    pub(crate) fn own_cpu_s(&mut self) -> Option<f64> {
        let pids: Vec<Pid> = self.own.iter().copied().collect();
        self.refresh(ProcessesToUpdate::Some(&pids));
        let own = self.own.iter().filter_map(|pid| self.system.process(*pid));
        own.map(|process| process.accumulated_cpu_time() as f64 * 1e-3)
            .reduce(|a, b| a + b)
    }

    fn refresh(&mut self, which: ProcessesToUpdate) {
        let what = ProcessRefreshKind::nothing().with_cpu();
        self.system.refresh_processes_specifics(which, true, what);
    }
}
