//! What the cores did between two looks at them.

use std::collections::{BTreeMap, BTreeSet};

use super::readers::cpu::{CoreTicks, TICK_S};

/// Times that grow.
#[derive(Debug, Clone, Default)]
pub(super) struct Times {
    pub(super) at_s: f64,
    pub(super) cores: BTreeMap<u32, CoreTicks>,
    pub(super) own_cpu_s: Option<f64>,
}

/// What the allowed cores did between two looks.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) cores: u32,
    pub(super) busy_s: f64,
    pub(super) steal_s: f64,
    /// All the time that there was, by the cores' own count.
    pub(super) capacity_s: f64,
    /// The cores that were busy for more than half of it.
    pub(super) busy_cores: Vec<u32>,
}

impl Usage {
    /// Absent where no time passed, as in sandboxes whose `/proc/stat` stands still.
    pub(super) fn between(before: &Times, now: &Times, allowed: &BTreeSet<u32>) -> Option<Self> {
        let knows_allowed = now.cores.keys().any(|core| allowed.contains(core));
        let mut usage = Self::default();
        for (core, now) in &now.cores {
            let Some(before) = before.cores.get(core) else {
                continue;
            };
            if knows_allowed && !allowed.contains(core) {
                continue;
            }
            let busy = now.busy.saturating_sub(before.busy);
            let steal = now.steal.saturating_sub(before.steal);
            let idle = now.idle.saturating_sub(before.idle);
            let all_s = (busy as f64 + steal as f64 + idle as f64) * TICK_S;
            usage.cores += 1;
            usage.busy_s += busy as f64 * TICK_S;
            usage.steal_s += steal as f64 * TICK_S;
            usage.capacity_s += all_s;
            if busy as f64 * TICK_S > all_s / 2.0 {
                usage.busy_cores.push(*core);
            }
        }
        (usage.capacity_s > 0.0).then_some(usage)
    }
}
