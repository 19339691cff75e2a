//! Memory that the system does not give (`ulimit -v`, no overcommit) ends the program with a message and
//! the exit code of a failure. Rust's own answer is to abort, with a core dump.

#![cfg(unix)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Write,
};

/// The system's memory; where there is none, the user is told.
pub struct Told;

// SAFETY: every call is handed on to the system's allocator as it came, and only a null pointer is not
// handed back.
unsafe impl GlobalAlloc for Told {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(memory, layout, bytes) }, bytes)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

fn given(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null() {
        end(bytes);
    }
    memory
}

/// Nothing here may take memory.
#[cold]
fn end(bytes: usize) -> ! {
    let mut text = [0; 256];
    let length = text.len();
    let mut rest = &mut text[..];
    let mib = bytes.div_ceil(1 << 20);
    let _ = writeln!(
        rest,
        "error: out of memory: the system gives no {mib} MiB more; raise the limit on this process's \
         memory, or ask for fewer --threads or a smaller --batch-size"
    );
    let written = length - rest.len();
    // SAFETY: the text is initialised, and longer than what is written of it. `_exit` runs nothing of
    // this process that might need memory.
    unsafe {
        libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), written);
        libc::_exit(1)
    }
}
