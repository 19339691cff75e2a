//! Where so many threads should be: on the fastest cores, and near to each other's memory.
//!
//! Threads are given a set of processors to share, never one each. Where all cores are alike and memory is one, there
//! is no set: the system's scheduler can only be hindered.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::topology::{Processor, kinds};

/// The processors that a process may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Places {
    allowed: Vec<Processor>,
    quota_cores: Option<f64>,
}

impl Places {
    pub(crate) fn new(allowed: Vec<Processor>, quota_cores: Option<f64>) -> Self {
        Self {
            allowed,
            quota_cores,
        }
    }

    /// The processors for so many threads, by their numbers: all hardware threads of as many kinds of cores, the
    /// fastest first, as have a core for each thread, and of these cores those of one NUMA node, or of few. Empty where
    /// these are all, and where processor time does not suffice for so many threads at once: then it is better to be
    /// free.
    pub fn within(&self, threads: usize) -> Vec<usize> {
        let has_too_little = self.quota_cores.is_some_and(|it| it < threads as f64);
        if has_too_little || threads == 0 {
            return Vec::new();
        }
        let all: Vec<&Processor> = self.allowed.iter().collect();
        let mut fast: Vec<u32> = Vec::new();
        for kind in kinds(&all) {
            fast.extend(kind);
            if fast.len() >= threads {
                break;
            }
        }
        if fast.len() < threads {
            return Vec::new();
        }
        let cores = self.near(&fast, threads);
        let mut numbers: Vec<usize> = (self.allowed.iter())
            .filter(|one| cores.contains(&one.core))
            .map(|one| one.number as usize)
            .collect();
        numbers.sort_unstable();
        if numbers.len() == self.allowed.len() {
            numbers.clear();
        }
        numbers
    }

    /// Those of these cores that are in the largest node, and in the next ones where that has not room for so many
    /// threads. In the same ones for every process, so that all runs of a training have the same.
    fn near(&self, cores: &[u32], threads: usize) -> Vec<u32> {
        let mut nodes: BTreeMap<Option<u32>, Vec<u32>> = BTreeMap::new();
        for core in cores {
            let one = self.allowed.iter().find(|one| one.core == *core);
            let node = one.and_then(|one| one.node);
            nodes.entry(node).or_default().push(*core);
        }
        let mut nodes: Vec<(Option<u32>, Vec<u32>)> = nodes.into_iter().collect();
        nodes.sort_by_key(|(_, cores)| Reverse(cores.len()));
        let mut near = Vec::new();
        for (_, cores) in nodes {
            if near.len() < threads {
                near.extend(cores);
            }
        }
        near
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cores of so many hardware threads, in this node, so fast; first threads are numbered before second ones.
    fn processors(cores: &[(u32, u32, f64)]) -> Vec<Processor> {
        let mut processors = Vec::new();
        for second in 0..2 {
            for (core, (threads, node, speed)) in (0..).zip(cores) {
                if second < *threads {
                    processors.push(Processor {
                        number: processors.len() as u32,
                        core,
                        node: Some(*node),
                        speed: Some(*speed),
                    });
                }
            }
        }
        processors
    }

    #[test]
    fn threads_are_where_cores_are_fast_and_memory_is_near() {
        let alike = processors(&[(1, 0, 1.0); 4]);
        let siblings = processors(&[(2, 0, 1.0); 2]);
        // Two of two threads each, 0-1 and 5-6; 2-4 are slow.
        let hybrid = processors(&[
            (2, 0, 5.0),
            (2, 0, 5.0),
            (1, 0, 3.0),
            (1, 0, 3.0),
            (1, 0, 3.0),
        ]);
        let [near, far, fast] = [(2, 0, 1.0), (2, 1, 1.0), (2, 1, 2.0)];
        // 0-2 and 6-8 in one node, 3-5 and 9-11 in the other.
        let nodes = processors(&[near, near, near, far, far, far]);
        // The second node is larger.
        let uneven = processors(&[(1, 0, 1.0), (1, 1, 1.0), (1, 1, 1.0), (1, 2, 1.0)]);
        let mixed = processors(&[near, near, near, fast, far, fast]);
        let part: Vec<Processor> = (nodes.iter())
            .filter(|one| [0, 1, 3, 6].contains(&one.number))
            .cloned()
            .collect();
        let none: &[usize] = &[];
        for (what, processors, quota, threads, expected) in [
            ("all alike", &alike, None, 1, none),
            ("all alike, all of them", &alike, None, 4, none),
            ("more than there are", &alike, None, 5, none),
            ("siblings", &siblings, None, 2, none),
            ("one fast", &hybrid, None, 1, &[0, 1, 5, 6]),
            ("the fast", &hybrid, None, 2, &[0, 1, 5, 6]),
            ("some slow ones", &hybrid, None, 3, none),
            ("second threads", &hybrid, None, 7, none),
            ("a quota", &hybrid, Some(1.5), 2, none),
            ("enough", &hybrid, Some(2.0), 2, &[0, 1, 5, 6]),
            ("the first node", &nodes, None, 3, &[0, 1, 2, 6, 7, 8]),
            ("as few as one", &nodes, None, 2, &[0, 1, 2, 6, 7, 8]),
            ("both nodes", &nodes, None, 4, none),
            ("allowed", &part, None, 2, &[0, 1, 6]),
            ("one of those allowed", &part, None, 1, &[0, 1, 6]),
            ("the largest", &uneven, None, 2, &[1, 2]),
            ("two of three", &uneven, None, 3, &[0, 1, 2]),
            ("fast before near", &mixed, None, 2, &[3, 5, 9, 11]),
        ] {
            let places = Places::new(processors.clone(), quota);
            assert_eq!(places.within(threads), expected, "{what}");
        }
    }

    #[test]
    fn what_is_not_known_moves_nothing() {
        let nothing = Places::new(Vec::new(), None);
        assert!(nothing.within(1).is_empty());
        let mut unknown = processors(&[(1, 0, 5.0), (1, 1, 3.0)]);
        for one in &mut unknown {
            (one.node, one.speed) = (None, None);
        }
        assert!(Places::new(unknown, None).within(1).is_empty());
    }
}
