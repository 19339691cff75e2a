use std::fs;

use tempfile::TempDir;

use super::*;

const MEMINFO: &str = "MemTotal: 32000000 kB\nMemFree: 100 kB\nMemAvailable:   16000000 kB\n\
                       SwapTotal: 0 kB\nSwapFree:  1000 kB\n";
const FREE: u64 = 16_001_000 * 1024;
const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
                  34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
                  35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
const UNLIMITED: &str = "Limit                     Soft Limit           Hard Limit           Units     \n\
                         Max data size             unlimited            unlimited            bytes     \n\
                         Max address space         unlimited            unlimited            bytes     \n";

/// A system with these files.
fn system(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    root
}

fn left_of(files: &[(&str, &str)]) -> Option<(u64, Limit)> {
    let root = system(files);
    left_in(root.path()).map(|left| (left.bytes, left.limit))
}

#[test]
fn what_is_free_counts_with_swap_where_nothing_limits() {
    assert_eq!(left_of(&[]), None);
    let free = Some((FREE, Limit::FreeMemory));
    assert_eq!(left_of(&[("proc/meminfo", MEMINFO)]), free);
    let unlimited = [
        ("proc/meminfo", MEMINFO),
        ("proc/self/limits", UNLIMITED),
        ("proc/self/status", "VmSize:\t 1000 kB\nVmData:\t 1 kB\n"),
    ];
    assert_eq!(left_of(&unlimited), free);
    for garbage in ["", "MemAvailable:", "MemAvailable: many kB", "\0\u{fffd}"] {
        assert_eq!(left_of(&[("proc/meminfo", garbage)]), None, "{garbage}");
    }
    let huge = "MemAvailable: 99999999999999999999 kB\n";
    assert_eq!(left_of(&[("proc/meminfo", huge)]), None);
}

#[test]
fn limits_of_the_process_count_what_it_has() {
    let status = "VmSize:\t  200000 kB\nVmData:\t   50000 kB\n";
    let limits =
        |name: &str| UNLIMITED.replace(&format!("{name}unlimited"), &format!("{name}1024000000"));
    for (name, used, limit) in [
        ("Max address space         ", 200_000, Limit::AddressSpace),
        ("Max data size             ", 50_000, Limit::Data),
    ] {
        let left = left_of(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/limits", &limits(name)),
            ("proc/self/status", status),
        ]);
        assert_eq!(left, Some((1_024_000_000 - used * 1024, limit)));
    }
    // Already beyond it.
    let low = UNLIMITED.replace(
        "Max address space         unlimited",
        "Max address space         1024",
    );
    let left = left_of(&[("proc/self/limits", &low), ("proc/self/status", status)]);
    assert_eq!(left, Some((0, Limit::AddressSpace)));
}

#[test]
fn the_second_version_counts_every_group_above() {
    let group = "sys/fs/cgroup/user.slice/job.scope";
    let files = |own: [&'static str; 2], above: &'static str| {
        let file = |name: &str| format!("{group}/{name}");
        vec![
            ("proc/meminfo".to_owned(), MEMINFO),
            ("proc/self/cgroup".into(), "0::/user.slice/job.scope\n"),
            ("proc/self/mountinfo".into(), V2),
            (file("memory.max"), own[0]),
            (file("memory.high"), own[1]),
            (file("memory.current"), "300000000\n"),
            (
                file("memory.stat"),
                "anon 1\ninactive_anon 5\nfile 9\ninactive_file 100000000\n",
            ),
            ("sys/fs/cgroup/user.slice/memory.max".into(), above),
            (
                "sys/fs/cgroup/user.slice/memory.current".into(),
                "400000000\n",
            ),
        ]
    };
    let container = |bytes| Some((bytes, Limit::Container));
    for (own, above, expected) in [
        (["max\n", "max\n"], "max\n", Some((FREE, Limit::FreeMemory))),
        (["1000000000\n", "max\n"], "max\n", container(800_000_000)),
        (
            ["1000000000\n", "500000000\n"],
            "max\n",
            container(300_000_000),
        ),
        (
            ["1000000000\n", "max\n"],
            "450000000\n",
            container(50_000_000),
        ),
        (["100\n", "max\n"], "max\n", container(0)),
        (["a lot\n", "\n"], "-1\n", Some((FREE, Limit::FreeMemory))),
    ] {
        let files = files(own, above);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, *text)).collect();
        assert_eq!(left_of(&files), expected, "{own:?} {above}");
    }
}

#[test]
fn the_first_version_has_files_of_its_own() {
    let files = |limit: &'static str, cgroup: &'static str| {
        left_of(&[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", cgroup),
            ("proc/self/mountinfo", V1),
            ("sys/fs/cgroup/memory/job/a/memory.limit_in_bytes", limit),
            (
                "sys/fs/cgroup/memory/job/a/memory.usage_in_bytes",
                "300000000\n",
            ),
            (
                "sys/fs/cgroup/memory/job/a/memory.stat",
                "cache 1\ninactive_file 7\ntotal_inactive_file 200000000\n",
            ),
        ])
    };
    let own = "5:cpu,cpuacct:/\n4:memory:/job/a\n1:name=systemd:/x\n0::/\n";
    let limited = Some((900_000_000, Limit::Container));
    let free = Some((FREE, Limit::FreeMemory));
    assert_eq!(files("1000000000\n", own), limited);
    assert_eq!(files("1000000000\n", "9:pids,memory:/job/a\n"), limited);
    assert_eq!(files("9223372036854771712\n", own), free);
    assert_eq!(files("1000000000\n", "4:memory:/\n"), free);
    assert_eq!(files("1000000000\n", "garbage\n::\n"), free);
}

/// Docker without a namespace for control groups: the name begins at the machine's top, the mount at
/// the container's.
#[test]
fn a_container_sees_its_own_group_at_the_top() {
    let mount = "35 31 0:32 /docker/1234 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
    for cgroup in [
        "4:memory:/docker/1234\n",
        "4:memory:/elsewhere\n",
        "4:memory:/../..\n",
    ] {
        let left = left_of(&[
            ("proc/self/cgroup", cgroup),
            ("proc/self/mountinfo", mount),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "73741824\n"),
        ]);
        assert_eq!(left, Some((1_000_000_000, Limit::Container)), "{cgroup}");
    }
}

#[test]
fn a_shortage_names_the_limit() {
    let shortage = Shortage {
        needed_bytes: 3 << 30,
        left: Left {
            bytes: 900 << 20,
            limit: Limit::Container,
        },
    };
    assert_eq!(
        shortage.to_string(),
        "needs 3.0 GiB of memory, and 900 MiB are left of the memory limit of this container (its \
         control group)"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn this_system_tells() {
    let left = left().expect("Linux tells");
    assert!((1 << 20..1 << 50).contains(&left.bytes), "{left:?}");
    assert!(check(1 << 20).is_ok());
    assert!(check(1 << 60).is_err());
}
