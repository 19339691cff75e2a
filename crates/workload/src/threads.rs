//! Work that is done side by side where the system gives threads, and one after another where it does
//! not: limits of users and containers (`ulimit -u`, `pids.max`) make it slower, not impossible.

use std::{
    panic::resume_unwind,
    sync::{
        Mutex, PoisonError,
        mpsc::{channel, sync_channel},
    },
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

/// How many blocks of [`piped`] wait at most.
const BLOCKS_AHEAD: usize = 4;

/// Has `take` see the blocks that `fill` makes one after the other, until one stays empty. The next ones are made by
/// another thread meanwhile, or by this one where there is no other. `fill` is given blocks that were seen.
pub(crate) fn piped<E: Send>(
    fill: impl FnMut(&mut Vec<u8>) -> Result<(), E> + Send,
    mut take: impl FnMut(&[u8]),
) -> Result<(), E> {
    let (full, filled) = sync_channel(BLOCKS_AHEAD);
    let (seen, spare) = channel::<Vec<u8>>();
    let making = Mutex::new((fill, spare, Some(full)));
    let make = || {
        let mut making = making.lock().unwrap_or_else(PoisonError::into_inner);
        let (fill, spare, full) = &mut *making;
        // When it is dropped, `filled` ends.
        let Some(full) = full.take() else { return };
        loop {
            let mut block = spare.try_recv().unwrap_or_default();
            let made = fill(&mut block);
            if made.is_ok() && block.is_empty() {
                break;
            }
            let is_last = made.is_err();
            if full.send(made.map(|()| block)).is_err() || is_last {
                break;
            }
        }
    };
    // `filled` is dropped in there: should `take` panic, `make` ends, too.
    let piped = thread::scope(|scope| {
        let Some(thread) = start(scope, &make) else {
            drop(filled);
            return None;
        };
        let mut result = Ok(());
        for block in filled {
            match block {
                Ok(block) => {
                    take(&block);
                    let _ = seen.send(block);
                }
                Err(error) => result = Err(error),
            }
        }
        thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        Some(result)
    });
    if let Some(result) = piped {
        return result;
    }
    let mut making = making.lock().unwrap_or_else(PoisonError::into_inner);
    let mut block = Vec::new();
    loop {
        making.0(&mut block)?;
        if block.is_empty() {
            return Ok(());
        }
        take(&block);
    }
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

    /// So many blocks with their numbers, then an error where one is given.
    fn blocks_of(count: u8, error: Option<&str>) -> (Vec<u8>, Result<(), String>) {
        let mut made = 0;
        let mut taken = Vec::new();
        let fill = |block: &mut Vec<u8>| {
            block.clear();
            if made < count {
                made += 1;
                block.push(made);
                return Ok(());
            }
            error.map_or(Ok(()), |error| Err(error.to_owned()))
        };
        let result = piped(fill, |block| taken.extend_from_slice(block));
        (taken, result)
    }

    #[test]
    fn blocks_are_taken_in_their_order_until_the_end_or_an_error() {
        for count in [0, 1, 200] {
            let all: Vec<u8> = (1..=count).collect();
            assert_eq!(blocks_of(count, None), (all.clone(), Ok(())));
            let wrong = blocks_of(count, Some("wrong"));
            assert_eq!(wrong, (all, Err("wrong".into())));
        }
    }

    #[test]
    #[should_panic(expected = "at the third block")]
    fn who_takes_blocks_may_panic() {
        let mut seen = 0;
        let fill = |block: &mut Vec<u8>| {
            block.resize(8, 0);
            Ok::<(), ()>(())
        };
        let _ = piped(fill, |_| {
            seen += 1;
            assert!(seen < 3, "at the third block");
        });
    }
}
