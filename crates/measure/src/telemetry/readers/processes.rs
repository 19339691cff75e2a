//! The processor time of processes and all their descendants: `/proc/<pid>/stat`, proc(5).

use std::{collections::BTreeMap, path::Path};

use super::{cpu::TICK_S, files};

/// Processes and their descendants, each with the time it started, which tells it from a later
/// process of the same number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Processes {
    members: BTreeMap<u32, u64>,
}

/// What `/proc/<pid>/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// In user and kernel mode, with that of the children it has waited for.
    cpu_ticks: u64,
    started: u64,
}

impl Processes {
    /// These processes; their descendants are found by [`Self::find_descendants`].
    pub(crate) fn of(root: &Path, pids: &[u32]) -> Self {
        let start = |pid: &u32| Some((*pid, stat(root, *pid)?.started));
        Self {
            members: pids.iter().filter_map(start).collect(),
        }
    }

    /// Adds all descendants that live now. What was once found stays, though its parent ends.
    pub(crate) fn find_descendants(&mut self, root: &Path) {
        let all: BTreeMap<u32, Stat> = files::numbered(&root.join("proc"), "")
            .into_iter()
            .filter_map(|(pid, _)| Some((pid, stat(root, pid)?)))
            .collect();
        let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (pid, stat) in &all {
            children.entry(stat.parent).or_default().push(*pid);
        }
        self.members
            .retain(|pid, started| all.get(pid).is_some_and(|now| now.started == *started));
        let mut open: Vec<u32> = self.members.keys().copied().collect();
        while let Some(parent) = open.pop() {
            for child in children.get(&parent).into_iter().flatten() {
                // A tree that is no tree, or was read while it changed, ends too: each process is
                // entered once.
                if !self.members.contains_key(child) {
                    self.members.insert(*child, all[child].started);
                    open.push(*child);
                }
            }
        }
    }

    /// The processes known so far.
    pub(crate) fn pids(&self) -> impl Iterator<Item = u32> {
        self.members.keys().copied()
    }

    /// The processor time of all that live, and of the children they have waited for; absent where
    /// there is none. A child that ends hands its time on to its parent, so the sum stays.
    pub(crate) fn cpu_s(&self, root: &Path) -> Option<f64> {
        let living = self
            .members
            .iter()
            .filter_map(|(pid, started)| stat(root, *pid).filter(|now| now.started == *started));
        living
            .map(|stat| stat.cpu_ticks as f64 * TICK_S)
            .reduce(|a, b| a + b)
    }
}

fn stat(root: &Path, pid: u32) -> Option<Stat> {
    parse(&files::text(&root.join(format!("proc/{pid}/stat")))?)
}

/// Reads "pid (name) state ppid …". The name may have blanks and parentheses in it.
fn parse(text: &str) -> Option<Stat> {
    let (_, behind_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_ascii_whitespace().collect();
    // The first of these is field 3 of proc(5).
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let cpu_ticks = (14..=17).try_fold(0, |sum: u64, n| Some(sum.saturating_add(field(n)?)))?;
    Some(Stat {
        parent: u32::try_from(field(4)?).ok()?,
        cpu_ticks,
        started: field(22)?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(pid: u32, parent: u32, ticks: u64) -> String {
        format!("{pid} (a) b (c) S {parent} 1 1 0 -1 0 0 0 0 0 {ticks} 1 2 3 20 0 1 0 77 0 0\n")
    }

    #[test]
    fn names_with_parentheses_do_not_shift_the_fields() {
        let stat = parse(&line(5, 4, 10)).unwrap();
        assert_eq!((stat.parent, stat.cpu_ticks, stat.started), (4, 16, 77));
        assert_eq!(parse("5 (x) S 4"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse(&line(5, 4, u64::MAX)).unwrap().cpu_ticks, u64::MAX);
    }

    #[test]
    fn a_tree_is_a_process_and_its_descendants_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        // 10 is the process, 11 and 12 its child and grandchild, 20 a stranger, 30 and 31 each
        // other's parents, which no sane kernel shows.
        for (pid, parent) in [(10, 1), (11, 10), (12, 11), (20, 1), (30, 31), (31, 30)] {
            let folder = root.join(format!("proc/{pid}"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("stat"), line(pid, parent, 94)).unwrap();
        }
        let mut tree = Processes::of(root, &[10]);
        tree.find_descendants(root);
        assert_eq!(tree.pids().collect::<Vec<_>>(), [10, 11, 12]);
        assert_eq!(tree.cpu_s(root), Some(3.0));
        // The child ends; the grandchild stays.
        fs::remove_dir_all(root.join("proc/11")).unwrap();
        tree.find_descendants(root);
        assert_eq!(tree.pids().collect::<Vec<_>>(), [10, 12]);
        let mut ring = Processes::of(root, &[30]);
        ring.find_descendants(root);
        assert_eq!(ring.pids().collect::<Vec<_>>(), [30, 31]);
        assert_eq!(Processes::of(root, &[99]).cpu_s(root), None);
    }
}
