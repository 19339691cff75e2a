//! Work that is done side by side where the system gives threads, and one after another where it does
//! not: limits of users and containers (`ulimit -u`, `pids.max`) make it slower, not impossible.

use std::{
    panic::resume_unwind,
    sync::{Mutex, PoisonError, mpsc::channel},
    thread::{self, ScopedJoinHandle},
};

/// How many threads the system runs at once.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many of so many things each core has, in whole blocks.
pub(crate) fn run_of_each(count: usize, block: usize) -> usize {
    count.div_ceil(cores()).max(1).next_multiple_of(block)
}

/// What `work` makes of each item, in the order of the items. This thread takes part, with as many
/// others as there are more items and the system gives.
pub fn side_by_side<I: Send, T: Send>(items: Vec<I>, work: impl Fn(I) -> T + Sync) -> Vec<T> {
    let others = items.len().saturating_sub(1);
    let queue = Mutex::new(items.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let take_part = || {
        let mut done = Vec::new();
        while let Some((index, item)) = next() {
            done.push((index, work(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let mut threads = Vec::new();
        while threads.len() < others {
            let Some(thread) = start(scope, &take_part) else {
                break;
            };
            threads.push(thread);
        }
        let mut done = take_part();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, made)| made).collect()
}

/// Both results; `here` is done by this thread.
pub fn both<A: Send, B>(elsewhere: impl Fn() -> A + Sync, here: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| match start(scope, &elsewhere) {
        Some(thread) => {
            let here = here();
            let elsewhere = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            (elsewhere, here)
        }
        None => (elsewhere(), here()),
    })
}

/// A thread that does this, if there can be one. It has started by then: a thread that starts takes
/// memory for its signal stack, and aborts the process where there is none, so two must not start at
/// once.
fn start<'scope, 'env, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, 'env>,
    work: &'scope (impl Fn() -> T + Sync),
) -> Option<ScopedJoinHandle<'scope, T>> {
    let (sender, started) = channel();
    let thread = thread::Builder::new().spawn_scoped(scope, move || {
        let _ = sender.send(());
        work()
    });
    let thread = thread.ok()?;
    let _ = started.recv();
    Some(thread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0, 1, 2, 17] {
            let squares = side_by_side((0..count).collect(), |n: usize| n * n);
            assert_eq!(squares, (0..count).map(|n| n * n).collect::<Vec<_>>());
        }
        assert_eq!(both(|| 1, || 2), (1, 2));
    }
}
