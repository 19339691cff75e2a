//! Keeps threads within a set of processors, for as long as they train. Only Linux has such a thing.
//!
//! A set, and never a core for each: a thread that is held to one core waits there behind a busy neighbour, and all
//! others wait for it at the next barrier, where a free one steps aside.

/// The calling thread is kept within processors until this is dropped. Threads that it starts meanwhile stay there.
pub(crate) struct Kept {
    before: Vec<usize>,
    within: Vec<usize>,
}

impl Kept {
    /// Keeps the caller within those of the processors that it may use. Not where so many threads would be more than
    /// there are left, or where it may use no others anyway.
    pub(crate) fn within(processors: &[usize], threads: usize) -> Option<Self> {
        if processors.is_empty() {
            return None;
        }
        let before = allowed()?;
        let mut within = before.clone();
        within.retain(|it| processors.contains(it));
        let keeps = within.len() >= threads && within.len() < before.len();
        (keeps && allow(&within)).then(|| Self { before, within })
    }

    /// The processors.
    pub(crate) fn processors(&self) -> Vec<usize> {
        self.within.clone()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Who has changed it meanwhile (taskset) is right.
        if allowed().is_some_and(|now| now == self.within) {
            allow(&self.before);
        }
    }
}

/// Numbers in order, as Linux writes them: "0-3,8".
pub(super) fn ranges(numbers: &[usize]) -> String {
    let ranges = numbers.chunk_by(|one, next| one + 1 == *next);
    let ranges = ranges.map(|range| match range {
        [one] => one.to_string(),
        _ => format!("{}-{}", range[0], range[range.len() - 1]),
    });
    ranges.collect::<Vec<_>>().join(",")
}

/// No processor.
#[cfg(all(target_os = "linux", not(loom)))]
fn none() -> libc::cpu_set_t {
    // SAFETY: a set is an array of bits, of which all are 0 in none.
    unsafe { std::mem::zeroed() }
}

/// The processors that the calling thread may use; `None` also where a set has no room for them.
#[cfg(all(target_os = "linux", not(loom)))]
fn allowed() -> Option<Vec<usize>> {
    let mut set = none();
    // SAFETY: the system writes a set of this size. 0 is the calling thread.
    let answer = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    // SAFETY: these are the numbers that a set has room for.
    let has = |it: &usize| unsafe { libc::CPU_ISSET(*it, &set) };
    let numbers = 0..libc::CPU_SETSIZE as usize;
    (answer == 0).then(|| numbers.filter(has).collect())
}

/// Lets the calling thread use no other processors than these, which `allowed` has told, and says whether the system
/// agrees.
#[cfg(all(target_os = "linux", not(loom)))]
fn allow(processors: &[usize]) -> bool {
    let mut set = none();
    let have_room = |it: &&usize| **it < libc::CPU_SETSIZE as usize;
    for processor in processors.iter().filter(have_room) {
        // SAFETY: the set has room for it.
        unsafe { libc::CPU_SET(*processor, &mut set) };
    }
    // SAFETY: the system reads a set of this size. 0 is the calling thread.
    unsafe { libc::sched_setaffinity(0, size_of_val(&set), &set) == 0 }
}

#[cfg(any(not(target_os = "linux"), loom))]
fn allowed() -> Option<Vec<usize>> {
    None
}

#[cfg(any(not(target_os = "linux"), loom))]
fn allow(_processors: &[usize]) -> bool {
    false
}

#[cfg(all(test, not(miri), not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    /// In a thread of its own, as what it may use is its own, too: given all that it may use, where these are several.
    fn apart(test: impl FnOnce(Vec<usize>) + Send + 'static) {
        let all = allowed().filter(|all| all.len() > 1);
        if let Some(all) = all {
            thread::spawn(|| test(all)).join().expect("it passes");
        }
    }

    #[test]
    fn a_thread_and_those_that_it_starts_stay_until_the_end() {
        apart(|all| {
            let last = all[all.len() - 1];
            let kept = Kept::within(&[last, 1 << 20], 1).expect("it is one of several");
            assert_eq!(kept.processors(), [last]);
            assert_eq!(allowed(), Some(vec![last]));
            let heir = thread::spawn(allowed).join().expect("it tells");
            assert_eq!(heir, Some(vec![last]));
            drop(kept);
            assert_eq!(allowed(), Some(all.clone()));
            // Somebody else decides meanwhile.
            let kept = Kept::within(&[last], 1);
            assert!(kept.is_some() && allow(&all[..1]));
            drop(kept);
            assert_eq!(allowed(), Some(all[..1].to_vec()));
        });
    }

    #[test]
    fn nothing_is_kept_where_it_does_not_fit_or_leaves_nothing_out() {
        apart(|all| {
            assert!(Kept::within(&[], 1).is_none());
            assert!(Kept::within(&all, 1).is_none());
            assert!(Kept::within(&all[..1], 2).is_none());
            assert!(Kept::within(&[1 << 20], 1).is_none());
            assert_eq!(allowed(), Some(all));
        });
    }

    #[test]
    fn neighbouring_numbers_are_a_range() {
        assert_eq!(ranges(&[0, 1, 2, 8, 10, 11]), "0-2,8,10-11");
        assert_eq!(ranges(&[]), "");
    }
}
