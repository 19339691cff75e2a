//! Swapping: what went to and came from the swap, and how long tasks stood still for memory.

use std::path::Path;

use super::files;

/// The bytes that were swapped in and out since the system started: `/proc/vmstat` counts pages.
pub(crate) fn swapped_bytes(root: &Path) -> Option<u64> {
    let text = files::text(&root.join("proc/vmstat"))?;
    let pages_in: u64 = files::value(&text, "pswpin")?;
    let pages_out: u64 = files::value(&text, "pswpout")?;
    Some(
        pages_in
            .saturating_add(pages_out)
            .saturating_mul(page_bytes(root)),
    )
}

/// The time in which at least one task stood still for want of memory: the kernel's pressure stall
/// information, "some avg10=0.00 … total=1234", in microseconds.
pub(crate) fn stalled_s(root: &Path) -> Option<f64> {
    let text = files::text(&root.join("proc/pressure/memory"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix("total="))?;
    Some(total.parse::<u64>().ok()? as f64 * 1e-6)
}

/// The size of a page, which the kernel hands to each process: 16 or 64 KiB on some ARM systems.
fn page_bytes(root: &Path) -> u64 {
    const AT_PAGESZ: u64 = 6;
    let auxv = files::bytes(&root.join("proc/self/auxv")).unwrap_or_default();
    let words: Vec<u64> = (auxv.chunks_exact(8))
        .filter_map(|bytes| Some(u64::from_ne_bytes(bytes.try_into().ok()?)))
        .collect();
    (words.chunks_exact(2))
        .find(|pair| pair[0] == AT_PAGESZ)
        .map(|pair| pair[1])
        .filter(|bytes| bytes.is_power_of_two() && (1 << 12..=1 << 20).contains(bytes))
        .unwrap_or(4096)
}
