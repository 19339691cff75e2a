//! The terminal's other screen, on which a live view is drawn, and the way back from it: at the end, at a
//! panic, and where a signal ends the program. Keys are not read, so the terminal's modes stay as they are and
//! Ctrl-C stays a signal.

use std::{
    io::{self, Write},
    panic,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

/// Whether the other screen is shown.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// What was said meanwhile, for the screen that stays.
static HELD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Shows the other screen, without a cursor.
pub fn enter() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
    });
    // 1049: xterm's other screen, with the cursor's place kept; 25: the cursor.
    let _ = write!(io::stderr(), "\x1b[?1049h\x1b[?25l\x1b[2J");
    let _ = io::stderr().flush();
    IS_ON.store(true, SeqCst);
}

/// Goes back to the screen that was there, and says what was said meanwhile. Does nothing where it was left.
pub fn leave() {
    if !IS_ON.swap(false, SeqCst) {
        return;
    }
    let mut text = String::from("\x1b[?25h\x1b[?1049l");
    // A panic may have come while a message was held.
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    for message in held.drain(..) {
        text += &message;
    }
    let _ = write!(io::stderr(), "{text}");
    let _ = io::stderr().flush();
}

/// Keeps what is to be said until the other screen is left; gives it back where that is not shown.
pub fn hold(message: String) -> Option<String> {
    if !IS_ON.load(SeqCst) {
        return Some(message);
    }
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    held.push(message);
    None
}
