//! The load average: `/proc/loadavg`.

use std::path::Path;

use super::files;

/// Tasks that ran, could have run or waited for a disk, averaged over about a minute.
pub(crate) fn average(root: &Path) -> Option<f64> {
    let text = files::text(&root.join("proc/loadavg"))?;
    let load: f64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    (load.is_finite() && load >= 0.0).then_some(load)
}
