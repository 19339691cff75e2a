//! What control groups allow (cgroups(7)), of version 1 and 2.
//!
//! A limit holds for all processes of a group and of the groups in it, so the process's own group counts
//! and every one above it, as far as it can be seen from here: in a container that is the container's own.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files of one version.
struct Version {
    /// Its file systems in `/proc/self/mountinfo`.
    file_system: &'static str,
    /// The controller that its lines in `/proc/self/cgroup` must name; version 2 names none.
    controller: Option<&'static str>,
    /// Each of which limits.
    limits: &'static [&'static str],
    usage: &'static str,
    /// Lines of `memory.stat`, the better first: what is cached of files and can be dropped at once.
    reclaimable: &'static [&'static str],
}

const VERSIONS: [Version; 2] = [
    Version {
        file_system: "cgroup2",
        controller: None,
        limits: &["memory.max", "memory.high"],
        usage: "memory.current",
        reclaimable: &["inactive_file "],
    },
    Version {
        file_system: "cgroup",
        controller: Some("memory"),
        limits: &["memory.limit_in_bytes"],
        usage: "memory.usage_in_bytes",
        reclaimable: &["total_inactive_file ", "inactive_file "],
    },
];

/// The least that any group of the process allows it to take; `None` where none limits it.
pub(super) fn left_bytes(root: &Path) -> Option<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let left = VERSIONS.iter().filter_map(|version| {
        let group = version.group(&groups)?;
        let (mount, folder) = version.folder(&mounts, group)?;
        let root = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
        let above = folder.ancestors().take_while(|one| one.starts_with(&mount));
        above.filter_map(|one| version.left_in(&root(one))).min()
    });
    left.min()
}

impl Version {
    /// The process's group, from lines as `4:memory:/docker/1234` and `0::/user.slice`.
    fn group<'a>(&self, groups: &'a str) -> Option<&'a str> {
        groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, group) = (parts.next()?, parts.next()?);
            let is_ours = match self.controller {
                None => controllers.is_empty(),
                Some(name) => controllers.split(',').any(|one| one == name),
            };
            is_ours.then_some(group)
        })
    }

    /// Where the file system is mounted, and the group's folder in it.
    ///
    /// A container may see its own group as the top of what is mounted, while the group's name still
    /// begins at the top of the machine's: then that begins with the mount's root, or, where it has
    /// nothing to do with it, the top is as near as one gets.
    fn folder(&self, mounts: &str, group: &str) -> Option<(PathBuf, PathBuf)> {
        mounts.lines().find_map(|line| {
            // "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"
            let (left, right) = line.split_once(" - ")?;
            let mut left = left.split(' ').skip(3);
            let (top, mount) = (left.next()?, PathBuf::from(left.next()?));
            let mut right = right.split(' ');
            if right.next()? != self.file_system {
                return None;
            }
            let options = right.nth(1).unwrap_or("");
            if let Some(name) = self.controller
                && !options.split(',').any(|one| one == name)
            {
                return None;
            }
            let below = Path::new(group).strip_prefix(top).unwrap_or(Path::new(""));
            let is_plain = !below.iter().any(|part| part == "..");
            let folder = if is_plain {
                mount.join(below)
            } else {
                mount.clone()
            };
            Some((mount, folder))
        })
    }

    /// What a group's folder says is left of its limits.
    fn left_in(&self, folder: &Path) -> Option<u64> {
        let number = |name: &str| -> Option<u64> {
            let text = fs::read_to_string(folder.join(name)).ok()?;
            text.trim().parse().ok()
        };
        // Version 2 says "max", which is no number, where there is no limit; version 1 the largest number
        // that its pages allow.
        let limits = self.limits.iter().filter_map(|name| number(name));
        let limit = limits.min().filter(|limit| *limit < 1 << 60)?;
        let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
        let reclaimable = self.reclaimable.iter().find_map(|name| {
            let line = stat.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().parse().ok()
        });
        let used = number(self.usage)?.saturating_sub(reclaimable.unwrap_or(0));
        Some(limit.saturating_sub(used))
    }
}
