//! How long each core was busy or stolen: `/proc/stat`, proc(5).

use std::{collections::BTreeMap, path::Path};

use super::files;

/// What the kernel's times are counted in: `USER_HZ`, 100 on every architecture that laptime runs on.
pub(crate) const TICK_S: f64 = 0.01;

/// The times of a core since the system started, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CoreTicks {
    /// User, nice, system and interrupts. Guests' time is part of the user's already.
    pub busy: u64,
    /// What the hypervisor gave to others while the core had work.
    pub steal: u64,
    /// Idle, or idle with input or output outstanding.
    pub idle: u64,
}

/// The times of every core that is on line, by its number.
pub(crate) fn cores(root: &Path) -> BTreeMap<u32, CoreTicks> {
    let text = files::text(&root.join("proc/stat")).unwrap_or_default();
    text.lines().filter_map(core).collect()
}

/// Reads "cpu0 user nice system idle iowait irq softirq steal guest guest_nice". Kernels before 2.6.11
/// know no steal.
fn core(line: &str) -> Option<(u32, CoreTicks)> {
    // "cpu  1 2 3 …" is the sum over all cores: no number stands at once behind the name.
    let (number, times) = line.strip_prefix("cpu")?.split_once(' ')?;
    let number = number.parse().ok()?;
    let fields = times.split_ascii_whitespace();
    let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
    let &[
        user,
        nice,
        system,
        idle,
        iowait,
        irq,
        softirq,
        ref rest @ ..,
    ] = ticks.as_slice()
    else {
        return None;
    };
    let sum = |ticks: &[u64]| ticks.iter().fold(0, |sum: u64, t| sum.saturating_add(*t));
    let times = CoreTicks {
        busy: sum(&[user, nice, system, irq, softirq]),
        steal: rest.first().copied().unwrap_or(0),
        idle: sum(&[idle, iowait]),
    };
    Some((number, times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_has_busy_stolen_and_idle_ticks() {
        let whole = "cpu3 1 2 3 100 10 4 5 6 7 8";
        let times = |busy, steal, idle| CoreTicks { busy, steal, idle };
        assert_eq!(core(whole), Some((3, times(15, 6, 110))));
        assert_eq!(core("cpu0 1 2 3 100 10 4 5"), Some((0, times(15, 0, 110))));
        let huge = format!("cpu0 {0} {0} 1 1 1 1 1 {0}", u64::MAX);
        assert_eq!(core(&huge), Some((0, times(u64::MAX, u64::MAX, 2))));
        for wrong in [
            "cpu  1 2 3 4 5 6 7 8",
            "cpu0",
            "cpu0 1 2 3",
            "cpux 1 2 3 4 5 6 7 8",
            "cpu",
            "intr 5",
        ] {
            assert_eq!(core(wrong), None, "{wrong}");
        }
    }
}
