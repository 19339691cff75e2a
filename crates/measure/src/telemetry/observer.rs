//! All readers together: the state of the machine at the beginning, and what changed since.

use std::path::{Path, PathBuf};

use super::{
    Frequency, Sample, Telemetry,
    readers::{
        cgroup, cpu, frequency, gpus::Gpus, load, processes::Processes, rapl::Rapl, swap,
        temperature, threads::Threads, throttle,
    },
    series::Series,
    usage::{Times, Usage},
};
use crate::statistics::percentile;

/// Observes one machine for one run. Time is told, not taken, so that recorded trees can be read as if
/// they were live.
pub(super) struct Observer {
    root: PathBuf,
    own: Processes,
    threads: Threads,
    /// The thread that reads, whose waiting is nobody's loss.
    pub(super) reader: Option<u32>,
    rapl: Rapl,
    sensors: Vec<PathBuf>,
    temperature_max_c: Option<f64>,
    gpus: Gpus,
    counters: Counters,
    first: Times,
    last: Times,
    /// Of our processes since the beginning: the most that was seen, because what an orphan used is
    /// nobody's when it has ended.
    own_cpu_s: Option<f64>,
    series: Series,
    last_foreign: Option<(f64, f64)>,
    looks: u64,
    #[cfg(not(target_os = "linux"))]
    elsewhere: Option<super::readers::elsewhere::Elsewhere>,
}

/// Counters that are read at the beginning and at the end only.
#[derive(Debug, Clone, Copy)]
struct Counters {
    swapped_bytes: Option<u64>,
    memory_stall_s: Option<f64>,
    cgroup_throttled_s: Option<f64>,
    throttle_events: Option<u64>,
    load: Option<f64>,
}

impl Counters {
    fn read(root: &Path) -> Self {
        Self {
            swapped_bytes: swap::swapped_bytes(root),
            memory_stall_s: swap::stalled_s(root),
            cgroup_throttled_s: cgroup::throttled_s(root),
            throttle_events: throttle::events(root),
            load: load::average(root),
        }
    }
}

impl Observer {
    /// Begins at second 0. `pids` and all their descendants are the run's own; all others are foreign.
    pub(super) fn begin(root: &Path, pids: &[u32]) -> Self {
        let mut observer = Self {
            own: Processes::of(root, pids),
            threads: Threads::default(),
            reader: None,
            rapl: Rapl::find(root, 0.0),
            sensors: temperature::sensors(root),
            temperature_max_c: None,
            gpus: Gpus::find(root),
            counters: Counters::read(root),
            first: Times::default(),
            last: Times::default(),
            own_cpu_s: None,
            series: Series::new(),
            last_foreign: None,
            looks: 0,
            root: root.to_owned(),
            #[cfg(not(target_os = "linux"))]
            elsewhere: (root == Path::new(super::ROOT))
                .then(|| super::readers::elsewhere::Elsewhere::begin(pids))
                .flatten(),
        };
        observer.search();
        observer
            .threads
            .read_waiting(root, observer.own.pids(), None);
        observer.first = observer.times(0.0);
        observer.last = observer.first.clone();
        observer.own_cpu_s = observer.first.own_cpu_s.map(|_| 0.0);
        observer
    }

    /// Looks for descendants that are new, and reads what is dear to read.
    pub(super) fn search(&mut self) {
        self.own.find_descendants(&self.root);
        #[cfg(not(target_os = "linux"))]
        if let Some(elsewhere) = &mut self.elsewhere {
            elsewhere.find_descendants();
        }
        self.threads.read_status(&self.root, self.own.pids());
    }

    /// One look at the machine: cheap.
    pub(super) fn look(&mut self, at_s: f64) {
        self.threads
            .read_waiting(&self.root, self.own.pids(), self.reader);
        let now = self.times(at_s);
        self.own_cpu_s = [self.own_cpu_s, gain(self.first.own_cpu_s, now.own_cpu_s)]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        self.rapl.read(at_s);
        let hottest = temperature::hottest_celsius(&self.sensors);
        self.temperature_max_c = [self.temperature_max_c, hottest]
            .into_iter()
            .flatten()
            .reduce(f64::max);
        self.gpus.read();
        let sample = self.sample(&now);
        self.last_foreign = sample.foreign_share.map(|share| (sample.span_s, share));
        self.series.push(sample);
        self.last = now;
        self.looks += 1;
    }

    /// How long it was from the last look but one to the last, and the share that others had meanwhile.
    pub(super) fn last_foreign(&self) -> Option<(f64, f64)> {
        self.last_foreign
    }

    /// The last look, and what all of them saw.
    pub(super) fn finish(&mut self, at_s: f64) -> Telemetry {
        self.search();
        self.look(at_s);
        let (before, now) = (self.counters, Counters::read(&self.root));
        let usage = Usage::between(&self.first, &self.last, &self.threads.allowed);
        let foreign_cpu_s = || Some((usage.as_ref()?.busy_s - self.own_cpu_s?).max(0.0));
        let energy_j = self.rapl.total_j();
        let samples = self
            .series
            .samples()
            .iter()
            .map(bounded)
            .collect::<Vec<_>>();
        Telemetry {
            wall_s: at_s,
            cores: usage.as_ref().map(|usage| usage.cores),
            own_cpu_s: self.own_cpu_s,
            foreign_cpu_s: foreign_cpu_s(),
            steal_s: usage.as_ref().map(|usage| usage.steal_s),
            run_delay_s: self.threads.waited_s(),
            longest_run_delay_s: self.threads.longest_waited_s(),
            involuntary_switches: self.threads.interruptions(),
            swapped_bytes: gain(before.swapped_bytes, now.swapped_bytes),
            memory_stall_s: gain(before.memory_stall_s, now.memory_stall_s),
            load_begin: before.load,
            load_end: now.load,
            cgroup_throttled_s: gain(before.cgroup_throttled_s, now.cgroup_throttled_s),
            frequency: self.frequency(&samples),
            temperature_max_c: self.temperature_max_c,
            throttle_events: gain(before.throttle_events, now.throttle_events),
            energy_j,
            mean_power_w: energy_j
                .filter(|_| at_s > 0.0)
                .map(|energy_j| energy_j / at_s),
            gpus: self.gpus.summary(),
            samples,
            observing_s: 0.0,
            looks: self.looks,
        }
    }

    fn times(&mut self, at_s: f64) -> Times {
        #[cfg(not(target_os = "linux"))]
        if let Some(elsewhere) = &mut self.elsewhere {
            return Times {
                at_s,
                cores: elsewhere.cores(at_s),
                own_cpu_s: elsewhere.own_cpu_s(),
            };
        }
        Times {
            at_s,
            cores: cpu::cores(&self.root),
            own_cpu_s: self.own.cpu_s(&self.root),
        }
    }

    fn sample(&self, now: &Times) -> Sample {
        let usage = Usage::between(&self.last, now, &self.threads.allowed);
        let capacity_s = usage.as_ref().map(|usage| usage.capacity_s);
        let own_s = now
            .own_cpu_s
            .zip(self.last.own_cpu_s)
            .map(|(now, last)| now - last);
        let foreign_s = || Some(usage.as_ref()?.busy_s - own_s?);
        let share = |time_s: Option<f64>| Some(time_s? / capacity_s?);
        let busy_cores = usage.as_ref().map_or(&[][..], |usage| &usage.busy_cores);
        Sample {
            at_s: now.at_s,
            span_s: (now.at_s - self.last.at_s).max(0.0),
            busy_share: share(usage.as_ref().map(|usage| usage.busy_s)),
            // Bounded only at the end: what is too much by a tick in one sample is missing in the next.
            foreign_share: share(foreign_s()),
            frequency_hz: frequency::mean_hz(&self.root, busy_cores),
            power_w: self.rapl.power_w(),
        }
    }

    fn frequency(&self, samples: &[Sample]) -> Option<Frequency> {
        let all: Vec<f64> = samples
            .iter()
            .filter_map(|sample| sample.frequency_hz)
            .collect();
        if all.is_empty() {
            return None;
        }
        let end_s = samples.last().map_or(0.0, |sample| sample.at_s);
        let third = |is_in: &dyn Fn(f64) -> bool| {
            let middle = |sample: &&Sample| is_in((sample.at_s - sample.span_s / 2.0) / end_s);
            let weighted = samples.iter().filter(middle);
            let weighted =
                weighted.filter_map(|sample| Some((sample.frequency_hz?, sample.span_s)));
            let (sum, weight) =
                weighted.fold((0.0, 0.0), |(sum, all), (hz, s)| (sum + hz * s, all + s));
            (weight > 0.0).then(|| sum / weight)
        };
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let cores: Vec<u32> = self.first.cores.keys().copied().collect();
        Some(Frequency {
            min_hz: all.iter().copied().fold(f64::INFINITY, f64::min),
            median_hz: percentile(&all, 50.0)?,
            max_hz: all.iter().copied().fold(0.0, f64::max),
            first_third_hz: third(&|place| place < 1.0 / 3.0).unwrap_or(mean),
            last_third_hz: third(&|place| place > 2.0 / 3.0).unwrap_or(mean),
            base_hz: frequency::base_hz(&self.root, &cores),
            limit_hz: frequency::limit_hz(&self.root, &cores),
        })
    }
}

/// What a counter gained; nothing where it fell, which counters of a migrated container do.
fn gain<T: PartialOrd + std::ops::Sub<Output = T>>(before: Option<T>, now: Option<T>) -> Option<T> {
    let (before, now) = (before?, now?);
    (now >= before).then(|| now - before)
}

fn bounded(sample: &Sample) -> Sample {
    let bound = |share: Option<f64>| share.map(|share| share.clamp(0.0, 1.0));
    Sample {
        busy_share: bound(sample.busy_share),
        foreign_share: bound(sample.foreign_share),
        ..*sample
    }
}
