//! The processors that a race may use: the same for all engines. Frameworks are held to as many as they
//! have threads, and laptime's own threads would otherwise choose among all of them.

#[cfg(target_os = "linux")]
use std::collections::BTreeMap;

/// Holds this process, and all that it starts from now on, to as many processors as engines have
/// threads. Where that does not go, nothing changes: other systems have no such thing, and a container
/// may not allow it.
#[cfg(target_os = "linux")]
pub fn limit(threads: usize) {
    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else {
        return;
    };
    let allowed: Vec<usize> = (0..CpuSet::count())
        .filter(|&processor| allowed.is_set(processor).unwrap_or(false))
        .collect();
    let mut chosen = CpuSet::new();
    for processor in spread(&allowed, core_of, threads) {
        let _ = chosen.set(processor);
    }
    if threads < allowed.len() {
        let _ = sched_setaffinity(this, &chosen);
    }
}

#[cfg(not(target_os = "linux"))]
pub fn limit(_threads: usize) {}

/// So many of the processors, of different cores as far as there are enough: two of one core share its
/// units.
#[cfg(target_os = "linux")]
fn spread(allowed: &[usize], core_of: impl Fn(usize) -> usize, count: usize) -> Vec<usize> {
    let mut taken: BTreeMap<usize, usize> = BTreeMap::new();
    let mut ranked: Vec<(usize, usize)> = allowed
        .iter()
        .map(|&processor| {
            let of_core = taken.entry(core_of(processor)).or_default();
            *of_core += 1;
            (*of_core, processor)
        })
        .collect();
    ranked.sort();
    ranked.truncate(count);
    ranked.into_iter().map(|(_, processor)| processor).collect()
}

/// The first processor of the core, which stands for it.
#[cfg(target_os = "linux")]
fn core_of(processor: usize) -> usize {
    let path = format!("/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list");
    let siblings = std::fs::read_to_string(path).unwrap_or_default();
    let first = siblings.split(|next: char| !next.is_ascii_digit()).next();
    first
        .and_then(|number| number.parse().ok())
        .unwrap_or(processor)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn processors_of_different_cores_come_first() {
        let neighbours = |processor| processor / 2;
        assert_eq!(spread(&[0, 1, 2, 3, 4, 5], neighbours, 3), [0, 2, 4]);
        assert_eq!(spread(&[1, 2, 3, 4], neighbours, 4), [1, 2, 4, 3]);
        let halves = |processor| processor % 4;
        assert_eq!(spread(&[0, 1, 4, 5, 6], halves, 3), [0, 1, 6]);
    }
}
