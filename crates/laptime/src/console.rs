//! The console of Windows: its encoding, and that it obeys escape sequences. Other systems have terminals,
//! which need no asking.

#[cfg(windows)]
use windows_sys::Win32::System::Console::{
    ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetConsoleOutputCP, GetStdHandle,
    STD_ERROR_HANDLE, STD_OUTPUT_HANDLE, SetConsoleMode,
};

/// The number of a console's code page for UTF-8.
pub const UTF_8: u32 = 65001;

/// The code page of this program's console; `None` where there is none.
pub fn code_page() -> Option<u32> {
    #[cfg(windows)]
    {
        // SAFETY: it takes nothing, and answers 0 where there is no console.
        let page = unsafe { GetConsoleOutputCP() };
        (page != 0).then_some(page)
    }
    #[cfg(not(windows))]
    None
}

/// Has the console obey escape sequences, which it shows as they are until it is told to.
pub fn obey_escapes() {
    #[cfg(windows)]
    for stream in [STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        let mut mode = 0;
        // SAFETY: a standard stream may be anything: what is no console refuses its mode.
        unsafe {
            let stream = GetStdHandle(stream);
            if GetConsoleMode(stream, &mut mode) != 0 {
                SetConsoleMode(stream, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
            }
        }
    }
}
