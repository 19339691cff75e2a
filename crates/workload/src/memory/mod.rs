//! The memory that this process may still take: the least of what is free, of what control groups
//! (containers) allow, and of the process's own limits.
//!
//! Linux tells all of it in files; elsewhere nothing is known, and nothing is refused.

mod cgroup;

use std::{fmt, fs, path::Path};

/// What runs out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The machine's free memory, with what is left of its swap space.
    FreeMemory,
    /// What the process's control group allows, or one that it is in.
    Container,
    /// `ulimit -v`
    AddressSpace,
    /// `ulimit -d`
    Data,
}

/// How it reads behind "are left of".
impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::FreeMemory => "the memory of this machine",
            Self::Container => "the memory limit of this container (its control group)",
            Self::AddressSpace => "the limit on address space (ulimit -v)",
            Self::Data => "the limit on data (ulimit -d)",
        })
    }
}

/// The memory that is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// In bytes.
    pub bytes: u64,
    /// What makes it so little.
    pub limit: Limit,
}

/// More memory is needed than is left. Its text goes on from who needs it: "needs … of memory, and … are
/// left of …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs {} of memory, and {} are left of {}", Size(*needed_bytes), Size(left.bytes), left.limit)]
pub struct Shortage {
    /// What is needed.
    pub needed_bytes: u64,
    /// What is left.
    pub left: Left,
}

struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mib = self.0 as f64 / f64::from(1 << 20);
        if mib < 1000.0 {
            write!(f, "{mib:.0} MiB")
        } else {
            write!(f, "{:.1} GiB", mib / 1024.0)
        }
    }
}

/// The memory that this process may still take; `None` where the system does not tell.
pub fn left() -> Option<Left> {
    left_in(Path::new("/"))
}

/// Whether so much memory is left, as far as the system tells.
///
/// # Errors
/// Where it is not.
pub fn check(needed_bytes: u64) -> Result<(), Shortage> {
    match left() {
        Some(left) if needed_bytes > left.bytes => Err(Shortage { needed_bytes, left }),
        _ => Ok(()),
    }
}

/// As [`left`], of the system whose files are in this folder.
fn left_in(root: &Path) -> Option<Left> {
    let limits = [
        (free_bytes(root), Limit::FreeMemory),
        (cgroup::left_bytes(root), Limit::Container),
        (
            below_limit(root, "Max address space", "VmSize:"),
            Limit::AddressSpace,
        ),
        (below_limit(root, "Max data size", "VmData:"), Limit::Data),
    ];
    let known = limits.into_iter().filter_map(|(bytes, limit)| {
        Some(Left {
            bytes: bytes?,
            limit,
        })
    });
    known.min_by_key(|left| left.bytes)
}

fn free_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let available = kib_line(&text, "MemAvailable:")?;
    Some(available.saturating_add(kib_line(&text, "SwapFree:").unwrap_or(0)))
}

/// What is left of a limit of the process; `None` where it is unlimited or not told.
fn below_limit(root: &Path, limit: &str, used: &str) -> Option<u64> {
    let limits = fs::read_to_string(root.join("proc/self/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
    // The soft limit stands first.
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    let status = fs::read_to_string(root.join("proc/self/status")).ok()?;
    Some(limit.saturating_sub(kib_line(&status, used)?))
}

/// The bytes of a line as "MemAvailable:    1234 kB". (The kernel's kB are kibibytes.)
fn kib_line(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests;
