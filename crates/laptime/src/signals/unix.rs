//! The signals of POSIX.

use std::{
    sync::{Arc, atomic::AtomicBool, mpsc::channel},
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU},
    iterator::Signals,
};

/// Has a write beyond the limit of a file's size fail like one to a full disk, which is told and leaves
/// the file before: by itself SIGXFSZ ends the program without a word.
pub fn have_large_files_fail() {
    // Caught and not ignored, as children would inherit that. Where it is ignored already, nothing is
    // lost either.
    if !is_ignored(libc::SIGXFSZ) {
        let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    }
}

/// Calls `hear` for every signal that asks this program to end, from a thread of its own. A signal that
/// was ignored when the program started stays ignored, here and in the children: `nohup` and shells
/// that start programs in the background rely on it.
pub fn call(mut hear: impl FnMut() + Send + 'static) {
    let heard = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXCPU]
        .map(|signal| (!is_ignored(signal)).then_some(signal));
    let (sender, begun) = channel();
    // The thread first: a signal that is caught and that nobody hears would be lost.
    let started = thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let Ok(mut signals) = Signals::new(heard.into_iter().flatten()) else {
                return;
            };
            let _ = sender.send(());
            let mut is_out_of_time = false;
            for signal in signals.forever() {
                // Behind the limit of processor time (`ulimit -S -t`) the system sends one a second; a
                // second signal of the user's own would mean more.
                if signal == SIGXCPU && std::mem::replace(&mut is_out_of_time, true) {
                    continue;
                }
                hear();
            }
        });
    if started.is_ok() {
        // An error says that the thread hears nothing.
        let _ = begun.recv();
    }
}

/// Whether the program was started with this signal ignored.
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: without a new action nothing changes, and the old one is written to memory of its type.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: a call that succeeds has written the whole action.
    asked == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}
