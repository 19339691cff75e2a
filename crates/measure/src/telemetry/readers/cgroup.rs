//! A limit on processor time (a container's, a service's), and how long it kept this process from running.

use std::path::{Component, Path, PathBuf};

use super::files;

/// The time that this process's control group, or one it is in, was stopped because its quota was
/// used up, summed over cores. A group's own counter leaves out the limits of the groups around it; stops of
/// several levels may be the same time, so the longest counts.
pub(crate) fn throttled_s(root: &Path) -> Option<f64> {
    let stopped = groups(root).into_iter().filter_map(|group| {
        let stat = files::text(&group.join("cpu.stat"))?;
        stopped_s(&stat)
    });
    stopped.reduce(f64::max)
}

/// The cores' worth of time that this process's control group, or one it is in, may use, where that is limited: the
/// least counts.
pub(crate) fn quota_cores(root: &Path) -> Option<f64> {
    let quotas = groups(root).into_iter().filter_map(|group| {
        // Version 2 has "quota period", version 1 a file each; who is not limited has "max", or -1.
        let both = files::text(&group.join("cpu.max"));
        let both = both.or_else(|| {
            let file = |name: &str| files::text(&group.join(name));
            let (quota, period) = (file("cpu.cfs_quota_us")?, file("cpu.cfs_period_us")?);
            Some(format!("{} {}", quota.trim(), period.trim()))
        })?;
        let (quota, period) = both.trim().split_once(' ')?;
        let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
        (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
    });
    quotas.reduce(f64::min)
}

/// The folders of this process's control group and of those around it, in both versions of cgroups: a hybrid system
/// has both mounted.
fn groups(root: &Path) -> Vec<PathBuf> {
    let text = files::text(&root.join("proc/self/cgroup")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in text.lines() {
        let Some(path) = line.splitn(3, ':').nth(2).and_then(inside) else {
            continue;
        };
        for folder in mounts(line) {
            let mount = root.join("sys/fs/cgroup").join(folder);
            groups.extend(path.ancestors().map(|group| mount.join(group)));
        }
    }
    groups
}

/// Where a hierarchy that can limit processor time is mounted, below `/sys/fs/cgroup`: lines are
/// "0::/path" for version 2, "4:cpu,cpuacct:/path" for version 1.
fn mounts(line: &str) -> Vec<&str> {
    match line.split(':').nth(1) {
        Some("") => vec!["", "unified"],
        Some(controllers) if controllers.split(',').any(|name| name == "cpu") => {
            let mut mounts = vec!["cpu", "cpu,cpuacct"];
            mounts.dedup();
            mounts
        }
        _ => Vec::new(),
    }
}

/// The path of a group below its mount; absent where it leads out of it.
fn inside(path: &str) -> Option<PathBuf> {
    let path = Path::new(path.trim_start_matches('/'));
    let is_inside = |part| matches!(part, Component::Normal(_));
    path.components().all(is_inside).then(|| path.to_owned())
}

/// Version 2 has `throttled_usec`, version 1 `throttled_time` in nanoseconds.
fn stopped_s(stat: &str) -> Option<f64> {
    let microseconds = files::value::<u64>(stat, "throttled_usec").map(|us| us as f64 * 1e-6);
    microseconds.or_else(|| Some(files::value::<u64>(stat, "throttled_time")? as f64 * 1e-9))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn throttled(self_cgroup: &str, files: &[(&str, &str)]) -> Option<f64> {
        throttled_s(tree(self_cgroup, files).path())
    }

    fn tree(self_cgroup: &str, files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let all = [&[("proc/self/cgroup", self_cgroup)], files].concat();
        for (path, text) in all {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_longest_stop_of_the_group_and_those_around_it_counts() {
        let slice = (
            "sys/fs/cgroup/a.slice/cpu.stat",
            "usage_usec 9\nthrottled_usec 3000000\n",
        );
        let service = (
            "sys/fs/cgroup/a.slice/b/cpu.stat",
            "throttled_usec 1000000\n",
        );
        assert_eq!(throttled("0::/a.slice/b\n", &[slice, service]), Some(3.0));
        let v1 = (
            "sys/fs/cgroup/cpu,cpuacct/x/cpu.stat",
            "nr_throttled 2\nthrottled_time 2500000000\n",
        );
        assert_eq!(throttled("0::/\n4:cpu,cpuacct:/x\n", &[v1]), Some(2.5));
        let v1 = ("sys/fs/cgroup/cpu/cpu.stat", "throttled_time 5000000000\n");
        assert_eq!(throttled("1:cpu:/\n", &[v1]), Some(5.0));
    }

    #[test]
    fn the_least_quota_of_the_group_and_those_around_it_counts() {
        let quota = |self_cgroup: &str, files: &[(&str, &str)]| {
            let folder = tree(self_cgroup, files);
            quota_cores(folder.path())
        };
        let own = ("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
        let around = ("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
        let free = ("sys/fs/cgroup/a/cpu.max", "max 100000\n");
        assert_eq!(quota("0::/a/b\n", &[own, around]), Some(0.5));
        assert_eq!(quota("0::/a/b\n", &[own, free]), Some(4.0));
        assert_eq!(quota("0::/a\n", &[free]), None);
        let v1 = |quota| {
            [
                ("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", quota),
                ("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"),
            ]
        };
        assert_eq!(quota("4:cpu:/x\n", &v1("150000\n")), Some(1.5));
        for free in ["-1\n", "0\n", "x\n"] {
            assert_eq!(quota("4:cpu:/x\n", &v1(free)), None);
        }
    }

    #[test]
    fn what_is_not_told_is_absent() {
        assert_eq!(
            throttled("0::/\n", &[("sys/fs/cgroup/cpu.stat", "usage_usec 5\n")]),
            None
        );
        assert_eq!(throttled("garbage", &[]), None);
        let outside = ("sys/cpu.stat", "throttled_usec 1\n");
        assert_eq!(throttled("0::/../..\n", &[outside]), None);
        let max = format!("throttled_usec {}\n", u64::MAX);
        assert!(
            throttled("0::/\n", &[("sys/fs/cgroup/cpu.stat", &max)])
                .unwrap()
                .is_finite()
        );
    }
}
