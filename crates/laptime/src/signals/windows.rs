//! The events of a Windows console: Ctrl-C, Ctrl-Break, and that its window is closed.

use std::{
    sync::{Mutex, PoisonError},
    thread,
};

use windows_sys::{
    Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler},
    core::BOOL,
};

type Hear = Box<dyn FnMut() + Send>;

static HEAR: Mutex<Option<Hear>> = Mutex::new(None);

/// Calls `hear` for every event that asks this program to end, from a thread that the system makes for it.
/// Where Ctrl-C was ignored when the program started, as in a process group of its own, it stays ignored.
pub fn call(hear: impl FnMut() + Send + 'static) {
    *HEAR.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hear));
    // SAFETY: `answer` may be called by any thread at any time, and is there as long as the program.
    // Where it cannot be set, an event ends the program by itself.
    unsafe { SetConsoleCtrlHandler(Some(answer), 1) };
}

/// # Safety
/// None is asked of the caller; the system's type says `unsafe`.
unsafe extern "system" fn answer(event: u32) -> BOOL {
    // One event at a time.
    if let Some(hear) = &mut *HEAR.lock().unwrap_or_else(PoisonError::into_inner) {
        hear();
    }
    if matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT) {
        return 1;
    }
    // Behind a closed console, the system ends the program when this returns, or after five seconds. Until
    // then, it may end by itself.
    loop {
        thread::park();
    }
}
