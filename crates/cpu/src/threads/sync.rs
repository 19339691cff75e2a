//! What the pool and the barrier are made of: the standard library's threads, channels and atomics; or
//! with `--cfg loom` those of loom, which runs a model in every order that its threads can come in
//! (`models.rs`).

#[cfg(not(loom))]
pub(super) use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, JoinHandle, Thread, current},
};

#[cfg(loom)]
pub(super) use loom::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
        mpsc::{Receiver, Sender, channel},
    },
    thread::{Builder, JoinHandle, Thread, current},
};

/// A thread that can sleep and be woken; who is woken too early sleeps not at all.
#[cfg(not(loom))]
pub(super) struct Sleeper(Thread);

#[cfg(not(loom))]
impl Sleeper {
    pub(super) fn new(thread: Thread) -> Self {
        Self(thread)
    }

    /// Must be called from the thread itself. May return though nobody has woken it.
    pub(super) fn sleep(&self) {
        std::thread::park();
    }

    pub(super) fn wake(&self) {
        self.0.unpark();
    }
}

/// As above. loom's `unpark` also wakes a thread that waits for something else, which loom then calls a
/// mistake.
#[cfg(loom)]
pub(super) struct Sleeper(loom::sync::Mutex<bool>, loom::sync::Condvar);

#[cfg(loom)]
impl Sleeper {
    pub(super) fn new(_: Thread) -> Self {
        Self(loom::sync::Mutex::new(false), loom::sync::Condvar::new())
    }

    pub(super) fn sleep(&self) {
        let mut is_woken = self.0.lock().unwrap();
        while !*is_woken {
            is_woken = self.1.wait(is_woken).unwrap();
        }
        *is_woken = false;
    }

    pub(super) fn wake(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_one();
    }
}

/// Stands between two `SeqCst` operations on different places. loom takes those for acquire and release
/// alone and has to be told by a fence that they are in one order; nothing is done otherwise.
#[inline(always)]
pub(super) fn in_one_order() {
    #[cfg(loom)]
    loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
}
