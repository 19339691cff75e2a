//! What the threads of a process lost: the time they could have run and had to wait for a core, and
//! how often they were taken off it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::files;

/// A process and one of its threads.
type Thread = (u32, u32);

/// Counters of threads added up over threads that come and go. Only what a counter gained while it
/// was watched counts; a thread that ends keeps what it had when it was last read.
#[derive(Debug, Clone, Default)]
struct Gains {
    /// What each counter was, and what it has gained.
    threads: BTreeMap<Thread, (u64, u64)>,
    total: u64,
    most: u64,
}

impl Gains {
    /// Takes the counters as they are now. What a thread that was not there before has counted, it
    /// counted since: except the first time, which is where counting begins.
    fn update(&mut self, now: BTreeMap<Thread, u64>, is_begin: bool) {
        let mut threads = BTreeMap::new();
        for (thread, count) in now {
            let (last, gained) = (self.threads.get(&thread).copied())
                // A counter that fell is another thread's that got the same number.
                .filter(|(last, _)| *last <= count)
                .unwrap_or((if is_begin { count } else { 0 }, 0));
            let gained = gained + (count - last);
            self.total = self.total.saturating_add(count - last);
            self.most = self.most.max(gained);
            threads.insert(thread, (count, gained));
        }
        self.threads = threads;
    }
}

/// The waiting and the interruptions of all threads of some processes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Threads {
    waited_ns: Option<Gains>,
    interruptions: Option<Gains>,
    /// The cores that any of the threads may use; empty where that is not known.
    pub(crate) allowed: BTreeSet<u32>,
}

impl Threads {
    /// Reads how long the threads have waited: cheap, one file a thread. `except` is the thread that
    /// reads, whose waiting costs the training nothing.
    pub(crate) fn read_waiting(
        &mut self,
        root: &Path,
        pids: impl Iterator<Item = u32>,
        except: Option<u32>,
    ) {
        let mut now = BTreeMap::new();
        for (thread, folder) in all(root, pids) {
            if Some(thread.1) != except
                && let Some(text) = files::text(&folder.join("schedstat"))
                && let Some(waited_ns) = waited_ns(&text)
            {
                now.insert(thread, waited_ns);
            }
        }
        take(&mut self.waited_ns, now);
    }

    /// Reads how often the threads were taken off their cores, and which cores they may use; dearer,
    /// because the kernel writes a page of other things for it.
    pub(crate) fn read_status(&mut self, root: &Path, pids: impl Iterator<Item = u32>) {
        let mut now = BTreeMap::new();
        for (thread, folder) in all(root, pids) {
            let Some(status) = files::text(&folder.join("status")) else {
                continue;
            };
            if let Some(count) = files::value(&status, "nonvoluntary_ctxt_switches") {
                now.insert(thread, count);
            }
            let list: Option<String> = files::value(&status, "Cpus_allowed_list");
            self.allowed
                .extend(list.as_deref().and_then(cores).into_iter().flatten());
        }
        take(&mut self.interruptions, now);
    }

    /// How long the threads have been runnable without a core since the first reading.
    pub(crate) fn waited_s(&self) -> Option<f64> {
        Some(self.waited_ns.as_ref()?.total as f64 * 1e-9)
    }

    /// The same of the thread that waited longest.
    pub(crate) fn longest_waited_s(&self) -> Option<f64> {
        Some(self.waited_ns.as_ref()?.most as f64 * 1e-9)
    }

    /// How often they were taken off a core although they could have gone on.
    pub(crate) fn interruptions(&self) -> Option<u64> {
        Some(self.interruptions.as_ref()?.total)
    }
}

fn take(gains: &mut Option<Gains>, now: BTreeMap<Thread, u64>) {
    let is_begin = gains.is_none();
    // Nothing to read is not a beginning: kernels can be built without these counters.
    if !is_begin || !now.is_empty() {
        gains.get_or_insert_default().update(now, is_begin);
    }
}

/// Every thread of the processes, as its process and its number, with its folder.
fn all(root: &Path, pids: impl Iterator<Item = u32>) -> impl Iterator<Item = (Thread, PathBuf)> {
    pids.flat_map(move |pid| {
        let tasks = files::numbered(&root.join(format!("proc/{pid}/task")), "");
        tasks
            .into_iter()
            .map(move |(thread, folder)| ((pid, thread), folder))
    })
}

/// The number of the thread that asks.
pub(crate) fn this_thread(root: &Path) -> Option<u32> {
    let link = fs::read_link(root.join("proc/thread-self")).ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

/// Reads "running waiting slices", in nanoseconds and a count. (sched-stats, the kernel's
/// documentation)
fn waited_ns(text: &str) -> Option<u64> {
    let mut fields = text.split_ascii_whitespace();
    fields.nth(1)?.parse().ok()
}

/// Reads a list of cores: "0-2,5".
pub(super) fn cores(list: &str) -> Option<Vec<u32>> {
    /// More than any kernel supports: a range beyond it is not one.
    const MOST: u32 = 1 << 16;
    let mut cores = Vec::new();
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last >= MOST {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_that_come_and_go_keep_what_they_waited() {
        let mut gains = Gains::default();
        let now = |counts: &[(u32, u64)]| counts.iter().map(|(t, c)| ((1, *t), *c)).collect();
        gains.update(now(&[(1, 100), (2, 50)]), true);
        assert_eq!(gains.total, 0);
        // 2 ends, 3 begins.
        gains.update(now(&[(1, 130), (3, 7)]), false);
        assert_eq!(gains.total, 37);
        // Another thread gets the number 1.
        gains.update(now(&[(1, 5), (3, 8)]), false);
        assert_eq!((gains.total, gains.most), (43, 30));
        gains.update(now(&[(1, u64::MAX), (3, u64::MAX)]), false);
        assert_eq!(gains.total, u64::MAX);
    }

    #[test]
    fn lists_of_cores_are_ranges() {
        assert_eq!(cores("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(cores("7"), Some(vec![7]));
        assert_eq!(cores("3-1"), Some(vec![]));
        for wrong in ["", "a", "0-", "0-4294967295", "1,,2"] {
            assert_eq!(cores(wrong), None, "{wrong}");
        }
        assert_eq!(waited_ns("5 6 7\n"), Some(6));
        assert_eq!(waited_ns("5"), None);
    }
}
