//! The peak as Windows counts it: the largest working set.

use windows_sys::Win32::System::{
    ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS},
    Threading::GetCurrentProcess,
};

pub(super) fn peak() -> Option<u64> {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let size = size_of_val(&counters) as u32;
    // SAFETY: the handle is this process's own, which is never closed; the pointer is to as many bytes as
    // the size says.
    let is_known = unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut counters, size) };
    (is_known != 0).then_some(counters.PeakWorkingSetSize as u64)
}
