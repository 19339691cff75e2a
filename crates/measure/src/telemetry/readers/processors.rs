//! The topology of the processors: `/sys/devices/system/cpu` and what stands beside it. (the kernel's
//! documentation, cputopology and sysfs-devices-system-cpu)

use std::{collections::BTreeMap, path::Path};

use super::{cgroup, files, threads};
use crate::{
    places::Places,
    topology::{Processor, Topology},
};

/// The topology of the machine whose file system is at `root`, and what of it this process may use.
pub(crate) fn topology(root: &Path) -> Option<Topology> {
    let is_allowed = is_allowed(root);
    Topology::of(&processors(root), is_allowed, cgroup::quota_cores(root))
}

/// Where threads of this process can be.
pub(crate) fn places(root: &Path) -> Places {
    let is_allowed = is_allowed(root);
    let mut processors = processors(root);
    processors.retain(|one| is_allowed(one.number));
    Places::new(processors, cgroup::quota_cores(root))
}

/// Those that are on line: what is off line has no topology.
fn processors(root: &Path) -> Vec<Processor> {
    let devices = root.join("sys/devices");
    let folders = files::numbered(&devices.join("system/cpu"), "cpu");
    let mut nodes = BTreeMap::new();
    for (node, folder) in files::numbered(&devices.join("system/node"), "node") {
        for processor in list(&folder.join("cpulist")).into_iter().flatten() {
            nodes.insert(processor, node);
        }
    }
    let online: Vec<_> = folders
        .into_iter()
        .filter_map(|(number, folder)| {
            let siblings = list(&folder.join("topology/core_cpus_list"))
                .or_else(|| list(&folder.join("topology/thread_siblings_list")))?;
            Some((number, folder, siblings.into_iter().min()?))
        })
        .collect();
    let speeds = speeds(&devices, &online);
    (online.iter().zip(speeds))
        .map(|((number, _, core), speed)| Processor {
            number: *number,
            core: *core,
            node: nodes.get(number).copied(),
            speed,
        })
        .collect()
}

/// Whether this process may use the processor of a number; any, where nothing is known.
fn is_allowed(root: &Path) -> impl Fn(u32) -> bool {
    let status = files::text(&root.join("proc/self/status")).unwrap_or_default();
    let allowed: Option<String> = files::value(&status, "Cpus_allowed_list");
    let allowed = allowed.as_deref().and_then(threads::cores);
    move |number| {
        let allowed = allowed.as_ref();
        allowed.is_none_or(|allowed| allowed.contains(&number))
    }
}

/// How fast each is beside the others: by what Intel's kinds are, by the capacity that ARM's have, or by their
/// highest clock; the first of these that is known of all.
fn speeds(devices: &Path, online: &[(u32, std::path::PathBuf, u32)]) -> Vec<Option<f64>> {
    let kinds = [("cpu_core/cpus", 2.0), ("cpu_atom/cpus", 1.0)];
    let kinds = kinds.map(|(file, speed)| (list(&devices.join(file)).unwrap_or_default(), speed));
    let of_kind = |number: u32| {
        let mut kinds = kinds.iter();
        kinds.find_map(|(list, speed)| list.contains(&number).then_some(*speed))
    };
    let told: [Vec<Option<f64>>; 3] = [
        online.iter().map(|(number, ..)| of_kind(*number)).collect(),
        numbers(online, "cpu_capacity"),
        numbers(online, "cpufreq/cpuinfo_max_freq"),
    ];
    let whole = told.into_iter().find(|all| all.iter().all(Option::is_some));
    whole.unwrap_or_else(|| vec![None; online.len()])
}

/// The number in this file of each; none that is not positive.
fn numbers(online: &[(u32, std::path::PathBuf, u32)], file: &str) -> Vec<Option<f64>> {
    let number = |folder: &Path| files::number::<f64>(&folder.join(file));
    let numbers = online.iter().map(|(_, folder, _)| number(folder));
    numbers
        .map(|number| number.filter(|number| number.is_finite() && *number > 0.0))
        .collect()
}

/// A file with a list of processors.
fn list(file: &Path) -> Option<Vec<u32>> {
    threads::cores(files::text(file)?.trim())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(files: &[(String, String)]) -> Option<Topology> {
        topology(written(files).path())
    }

    fn written(files: &[(String, String)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    /// Processors with these siblings.
    fn siblings(lists: &[&str]) -> Vec<(String, String)> {
        let file = |number| format!("sys/devices/system/cpu/cpu{number}/topology/core_cpus_list");
        let lists = lists.iter().enumerate();
        lists
            .map(|(number, list)| (file(number), format!("{list}\n")))
            .collect()
    }

    fn with(files: Vec<(String, String)>, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let more = more.iter().map(|(path, text)| {
            let path = path.strip_prefix('/').unwrap_or(path);
            (path.to_owned(), (*text).to_owned())
        });
        files.into_iter().chain(more).collect()
    }

    #[test]
    fn a_hybrid_processor_of_intel() {
        // As a Core i5-12600K in small: two cores of two threads, three of one.
        let files = with(
            siblings(&["0-1", "0-1", "2-3", "2-3", "4", "5", "6"]),
            &[
                ("/sys/devices/cpu_core/cpus", "0-3\n"),
                ("/sys/devices/cpu_atom/cpus", "4-6\n"),
                ("/sys/devices/system/node/node0/cpulist", "0-6\n"),
                ("/proc/self/status", "Cpus_allowed_list:\t0-6\n"),
            ],
        );
        assert_eq!(
            of(&files).unwrap().to_string(),
            "2 performance + 3 efficiency cores, 2 threads a core at most, 1 NUMA node"
        );
    }

    #[test]
    fn a_server_of_two_nodes_of_which_a_container_has_a_part() {
        let node = |number| format!("/sys/devices/system/node/node{number}/cpulist");
        let files = with(
            siblings(&["0,4", "1,5", "2,6", "3,7", "0,4", "1,5", "2,6", "3,7"]),
            &[
                (&node(0), "0-1,4-5\n"),
                (&node(1), "2-3,6-7\n"),
                // Of memory alone.
                (&node(2), "\n"),
                ("/proc/self/status", "Cpus_allowed_list:\t0-2,4-6\n"),
                ("/proc/self/cgroup", "0::/box\n"),
                ("/sys/fs/cgroup/box/cpu.max", "250000 100000\n"),
            ],
        );
        let folder = written(&files);
        let topology = topology(folder.path()).unwrap();
        assert_eq!(
            topology.to_string(),
            "4 cores, 2 threads a core, 2 NUMA nodes; this process may use 6 threads of 3 cores; \
             limited to the time of 2.50 cores"
        );
        assert_eq!(topology.allowed.in_one_node, 2);
        assert!(topology.matters());
        // Two threads of the first node's two cores; of the other node, one core may be used.
        let places = places(folder.path());
        assert_eq!(places.within(2), [0, 1, 4, 5]);
        assert!(places.within(3).is_empty(), "a quota of 2.5");
    }

    #[test]
    fn arm_tells_capacities_and_others_clocks() {
        let number = |file: &str, all: [&str; 4]| {
            let path = |at| format!("sys/devices/system/cpu/cpu{at}/{file}");
            let all = all.into_iter().enumerate();
            all.map(|(at, text)| (path(at), text.to_owned()))
                .collect::<Vec<_>>()
        };
        let four = || siblings(&["0", "1", "2", "3"]);
        let capacities = number("cpu_capacity", ["462", "462", "1024", "1024"]);
        let files = [four(), capacities].concat();
        assert_eq!(of(&files).unwrap().cores, [2, 2]);
        let clocks = ["5187000", "5090000", "3300000", "3300000"];
        let files = [four(), number("cpufreq/cpuinfo_max_freq", clocks)].concat();
        assert_eq!(of(&files).unwrap().cores, [2, 2]);
        // What is not told of all, or makes no sense, tells nothing.
        let clocks = ["5187000", "-1", "0", "x"];
        let files = [four(), number("cpufreq/cpuinfo_max_freq", clocks)].concat();
        let topology = of(&files).unwrap();
        assert_eq!((topology.cores, topology.numa_nodes), (vec![4], None));
    }

    #[test]
    fn what_is_not_told_is_absent() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&siblings(&["x", ""])), None);
        let nobody = with(
            siblings(&["0"]),
            &[("/proc/self/status", "Cpus_allowed_list:\t7\n")],
        );
        assert_eq!(of(&nobody), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_cores() {
        let topology = topology(Path::new("/")).expect("Linux tells");
        assert!(topology.allowed.threads > 0, "{topology}");
    }
}
