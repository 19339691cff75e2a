//! How long a limit on processor time (a container's, a service's) kept this process from running.

use std::path::{Component, Path, PathBuf};

use super::files;

/// The time that this process's control group, or one it is in, was stopped because its quota was
/// used up, summed over cores. Both versions of cgroups: a hybrid system has both mounted.
pub(crate) fn throttled_s(root: &Path) -> Option<f64> {
    let text = files::text(&root.join("proc/self/cgroup"))?;
    let mut throttled_s = None;
    for line in text.lines() {
        for folder in mounts(line) {
            let Some(path) = line.splitn(3, ':').nth(2).and_then(inside) else {
                continue;
            };
            // A group's own counter leaves out the limits of the groups around it. Stops of several
            // levels may be the same time, so the longest counts.
            for group in path.ancestors() {
                let stat = root
                    .join("sys/fs/cgroup")
                    .join(folder)
                    .join(group)
                    .join("cpu.stat");
                if let Some(here_s) = files::text(&stat).as_deref().and_then(stopped_s) {
                    throttled_s = Some(f64::max(here_s, throttled_s.unwrap_or(0.0)));
                }
            }
        }
    }
    throttled_s
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
        let folder = tempfile::tempdir().unwrap();
        let all = [&[("proc/self/cgroup", self_cgroup)], files].concat();
        for (path, text) in all {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        throttled_s(folder.path())
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
