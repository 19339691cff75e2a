//! The most memory that this process has had at once.

#[cfg(windows)]
mod windows;

#[cfg(windows)]
use windows::peak;

/// The peak resident memory of this process in bytes; `None` where the system does not tell.
pub fn peak_bytes() -> Option<u64> {
    peak()
}

/// Begins a new peak from what is in memory now, so that what ran before the measurement (the
/// gate's oracle) does not count as the training's. Does nothing where the system can't.
pub fn forget_peak() {
    #[cfg(target_os = "linux")]
    {
        // proc(5): writing 5 resets the peak resident set size. Kernels built without it refuse,
        // and then the peak is that of the whole process.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

#[cfg(target_os = "linux")]
fn peak() -> Option<u64> {
    vm_hwm_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

#[cfg(all(unix, not(target_os = "linux")))]
fn peak() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let max_rss = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss();
    // getrusage(2): macOS counts in bytes, the BSDs in kibibytes.
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    u64::try_from(max_rss).ok().map(|value| value * unit)
}

/// Reads "VmHWM:   1234 kB" (the kernel's kB are kibibytes) out of `/proc/self/status`.
#[cfg(target_os = "linux")]
fn vm_hwm_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_is_read_from_the_status_of_the_process() {
        let status = "Name:\tlaptime\nVmPeak:\t  9000 kB\nVmHWM:\t    1234 kB\nThreads:\t1\n";
        assert_eq!(vm_hwm_bytes(status), Some(1234 * 1024));
        assert_eq!(vm_hwm_bytes("Name:\tlaptime\n"), None);
        assert_eq!(vm_hwm_bytes("VmHWM: many kB\n"), None);
    }

    #[test]
    fn this_process_has_had_some_memory() {
        let before = peak_bytes().expect("all systems tell");
        assert!((1 << 20..1 << 40).contains(&before), "{before}");
        let more = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = peak_bytes().expect("they still do");
        assert!(after >= before.max(more.len() as u64), "{before} {after}");
    }
}
