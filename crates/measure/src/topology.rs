//! What a processor is made of, as far as the system tells: cores of several kinds, hardware threads that share a core,
//! memory that is nearer to some, and what of all that this process may use.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The cores of a machine's processors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Topology {
    /// Physical cores of each kind, the fastest first; one number where all are alike.
    pub cores: Vec<usize>,
    /// Hardware threads of all of them.
    pub threads: usize,
    /// Hardware threads of the core that has the most.
    pub threads_per_core: usize,
    /// NUMA nodes that have cores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numa_nodes: Option<usize>,
    /// What this process may use of them.
    pub allowed: Allowed,
    /// Cores' worth of time that a control group (a container's, a service's) lets this process have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_cores: Option<f64>,
}

/// What the affinity of a process leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Allowed {
    /// Hardware threads.
    pub threads: usize,
    /// Physical cores.
    pub cores: usize,
    /// Those of the fastest kind that is among them.
    pub fastest: usize,
    /// Those of each kind that is among them, the fastest first; absent where all are alike.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<usize>,
    /// Those of the NUMA node that has the most.
    pub in_one_node: usize,
}

/// A hardware thread.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Processor {
    /// Its number.
    pub(crate) number: u32,
    /// The number of the first thread of its core.
    pub(crate) core: u32,
    /// The NUMA node.
    pub(crate) node: Option<u32>,
    /// How fast it is beside others, in any unit.
    pub(crate) speed: Option<f64>,
}

/// A core so much slower than another is of another kind. Makers sort cores of one kind by a few percent of clock.
const KIND: f64 = 0.85;

impl Topology {
    /// The topology of these hardware threads, of which this process may use some (all, where nothing is known).
    pub(crate) fn of(
        processors: &[Processor],
        is_allowed: impl Fn(u32) -> bool,
        quota_cores: Option<f64>,
    ) -> Option<Self> {
        let all: Vec<&Processor> = processors.iter().collect();
        let mut allowed: Vec<&Processor> = all.clone();
        allowed.retain(|one| is_allowed(one.number));
        if allowed.is_empty() {
            return None;
        }
        let counts = |processors: &[&Processor]| -> Vec<usize> {
            kinds(processors).iter().map(Vec::len).collect()
        };
        let cores = counts(&all);
        let mut nodes = ids(&all, |one| one.node);
        nodes.dedup();
        let threads_of = |core| all.iter().filter(|one| one.core == core).count();
        let in_one_node = nodes.iter().map(|node| {
            let mut here = allowed.clone();
            here.retain(|one| one.node == Some(*node));
            counts(&here).iter().sum()
        });
        let of_kinds = counts(&allowed);
        let allowed_cores = of_kinds.iter().sum();
        let is_mixed = of_kinds.len() > 1;
        Some(Self {
            threads: all.len(),
            threads_per_core: all.iter().map(|one| threads_of(one.core)).max()?,
            numa_nodes: (!nodes.is_empty()).then_some(nodes.len()),
            allowed: Allowed {
                threads: allowed.len(),
                cores: allowed_cores,
                fastest: *of_kinds.first()?,
                in_one_node: in_one_node.max().unwrap_or(allowed_cores),
                kinds: of_kinds.into_iter().filter(|_| is_mixed).collect(),
            },
            // A quota of more than all of them limits nothing.
            quota_cores: quota_cores.filter(|quota| *quota < allowed.len() as f64),
            cores,
        })
    }

    /// Whether it explains a time: cores are not all alike, memory is not, or not all of it may be used.
    pub fn matters(&self) -> bool {
        self.cores.len() > 1
            || self.numa_nodes.is_some_and(|nodes| nodes > 1)
            || self.quota_cores.is_some()
            || self.allowed.threads < self.threads
    }
}

/// The physical cores of each kind, the fastest first.
pub(crate) fn kinds(processors: &[&Processor]) -> Vec<Vec<u32>> {
    let mut cores: Vec<(u32, Option<f64>)> = Vec::new();
    for one in processors {
        if cores.iter().all(|(core, _)| *core != one.core) {
            cores.push((one.core, one.speed));
        }
    }
    if cores.iter().any(|(_, speed)| speed.is_none()) {
        return vec![cores.into_iter().map(|(core, _)| core).collect()];
    }
    let mut cores: Vec<(u32, f64)> = (cores.into_iter())
        .filter_map(|(core, speed)| Some((core, speed?)))
        .collect();
    cores.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut kinds: Vec<(f64, Vec<u32>)> = Vec::new();
    for (core, speed) in cores {
        match kinds.last_mut() {
            Some((fastest, alike)) if speed >= KIND * *fastest => alike.push(core),
            _ => kinds.push((speed, vec![core])),
        }
    }
    kinds.into_iter().map(|(_, cores)| cores).collect()
}

/// What is known of all of them, sorted.
fn ids(processors: &[&Processor], id: impl Fn(&Processor) -> Option<u32>) -> Vec<u32> {
    let mut ids: Vec<u32> = processors.iter().filter_map(|one| id(one)).collect();
    ids.sort_unstable();
    ids
}

/// "8 performance + 8 efficiency cores, 2 threads a core at most, 1 NUMA node; this process may use 4 threads of 4
/// cores".
impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let of = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        match self.cores[..] {
            [cores] => write!(f, "{}", of(cores, "core"))?,
            [fast, slow] => write!(f, "{fast} performance + {slow} efficiency cores")?,
            ref kinds => {
                let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                write!(f, "{} cores, the fastest first", kinds.join(" + "))?;
            }
        }
        match self.cores.len() {
            1 => write!(f, ", {} a core", of(self.threads_per_core, "thread"))?,
            _ => write!(
                f,
                ", {} a core at most",
                of(self.threads_per_core, "thread")
            )?,
        }
        if let Some(nodes) = self.numa_nodes {
            write!(f, ", {}", of(nodes, "NUMA node"))?;
        }
        let Allowed {
            threads: allowed,
            cores,
            ..
        } = self.allowed;
        if allowed < self.threads {
            let (allowed, cores) = (of(allowed, "thread"), of(cores, "core"));
            write!(f, "; this process may use {allowed} of {cores}")?;
        }
        match self.quota_cores {
            Some(quota) => write!(f, "; limited to the time of {quota:.2} cores"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cores with so many threads each, of these speeds, all in one node.
    fn processors(cores: &[(usize, f64)]) -> Vec<Processor> {
        let mut processors = Vec::new();
        for (threads, speed) in cores {
            let core = processors.len() as u32;
            for number in 0..*threads as u32 {
                processors.push(Processor {
                    number: core + number,
                    core,
                    node: Some(0),
                    speed: Some(*speed),
                });
            }
        }
        processors
    }

    #[test]
    fn cores_of_two_kinds_are_told_apart_by_their_speed_and_by_little_they_are_not() {
        let hybrid = processors(&[(2, 5.2), (2, 5.0), (1, 3.9), (1, 3.9), (1, 3.9)]);
        let topology = Topology::of(&hybrid, |_| true, None).unwrap();
        assert_eq!(
            topology.to_string(),
            "2 performance + 3 efficiency cores, 2 threads a core at most, 1 NUMA node"
        );
        assert!(topology.matters());
        let allowed = Allowed {
            threads: 7,
            cores: 5,
            fastest: 2,
            kinds: vec![2, 3],
            in_one_node: 5,
        };
        assert_eq!(topology.allowed, allowed);
        let three = processors(&[(1, 1024.0), (1, 800.0), (1, 790.0), (1, 300.0)]);
        let topology = Topology::of(&three, |_| true, None).unwrap();
        assert_eq!(topology.cores, [1, 2, 1]);
        let alike = processors(&[(2, 5.7), (2, 5.4)]);
        let topology = Topology::of(&alike, |_| true, None).unwrap();
        assert_eq!(
            topology.to_string(),
            "2 cores, 2 threads a core, 1 NUMA node"
        );
        assert!(!topology.matters());
    }

    #[test]
    fn what_a_process_may_not_use_is_said() {
        let four = processors(&[(2, 1.0), (2, 1.0), (2, 1.0), (2, 1.0)]);
        let topology = Topology::of(&four, |number| number < 3, Some(1.5)).unwrap();
        assert_eq!(
            topology.to_string(),
            "4 cores, 2 threads a core, 1 NUMA node; this process may use 3 threads of 2 cores; \
             limited to the time of 1.50 cores"
        );
        assert!(topology.matters());
        assert_eq!(Topology::of(&four, |_| false, None), None);
        assert_eq!(Topology::of(&[], |_| true, None), None);
        // The slow ones alone.
        let hybrid = processors(&[(2, 5.2), (1, 3.9), (1, 3.9)]);
        let topology = Topology::of(&hybrid, |number| number > 1, None).unwrap();
        assert_eq!((topology.allowed.fastest, topology.allowed.cores), (2, 2));
        // A thread that is off line is not one that may not be used, and a quota of more than there is limits nothing.
        let three = processors(&[(2, 1.0), (1, 1.0)]);
        let topology = Topology::of(&three, |_| true, Some(3.0)).unwrap();
        assert!(!topology.matters());
        let text = "2 cores, 2 threads a core, 1 NUMA node";
        assert_eq!(topology.to_string(), text);
    }
}
