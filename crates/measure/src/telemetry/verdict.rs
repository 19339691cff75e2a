//! From what was observed to a condition: a pure function, so that a record can be judged again.

use super::{Condition, Telemetry, clock, disturbance::disturbance};

/// Judges a run that trained with so many threads.
pub fn judge(telemetry: &Telemetry, threads: usize) -> Condition {
    if telemetry.wall_s.is_nan() || telemetry.wall_s <= 0.0 {
        return not_measured("no time passed");
    }
    if telemetry.foreign_cpu_s.is_none() && telemetry.run_delay_s.is_none() {
        return not_measured(
            "the system tells neither what others did nor how long the run waited",
        );
    }
    let disturbed = disturbance(telemetry, threads);
    let throttled = clock::slowdown(telemetry).map(|slowdown| {
        let rest_s = (telemetry.wall_s - slowdown.from_s).max(0.0);
        Condition::Throttled {
            from_s: slowdown.from_s,
            slower_share: slowdown.slower_share,
            lost_share: slowdown.slower_share * rest_s / telemetry.wall_s,
        }
    });
    // What cost more is what it is called.
    match (disturbed, throttled) {
        (Some(disturbed), Some(throttled)) if lost(&throttled) > lost(&disturbed) => throttled,
        (Some(disturbed), _) => disturbed,
        (None, Some(throttled)) => throttled,
        (None, None) => Condition::Clean,
    }
}

fn not_measured(why: &str) -> Condition {
    Condition::NotMeasured {
        why: why.to_owned(),
    }
}

fn lost(condition: &Condition) -> f64 {
    match condition {
        Condition::Disturbed { lost_share, .. } | Condition::Throttled { lost_share, .. } => {
            *lost_share
        }
        Condition::Clean | Condition::NotMeasured { .. } => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Cause;

    /// Two seconds on two cores, by two threads that got all of both.
    fn quiet() -> Telemetry {
        Telemetry {
            wall_s: 2.0,
            cores: Some(2),
            own_cpu_s: Some(3.97),
            foreign_cpu_s: Some(0.02),
            steal_s: Some(0.0),
            run_delay_s: Some(0.01),
            longest_run_delay_s: Some(0.005),
            ..Telemetry::default()
        }
    }

    fn with(change: impl FnOnce(&mut Telemetry)) -> Telemetry {
        let mut telemetry = quiet();
        change(&mut telemetry);
        telemetry
    }

    #[test]
    fn a_quiet_machine_is_clean() {
        assert_eq!(judge(&quiet(), 2), Condition::Clean);
        // Others that ran on idle cores took nothing.
        let beside = with(|t| (t.own_cpu_s, t.foreign_cpu_s) = (Some(2.0), Some(1.9)));
        assert_eq!(judge(&beside, 1), Condition::Clean);
        // More threads than cores wait for each other, not for others.
        let crowd = with(|t| (t.run_delay_s, t.longest_run_delay_s) = (Some(4.0), Some(1.0)));
        assert_eq!(judge(&crowd, 4), Condition::Clean);
    }

    #[test]
    fn one_busy_stranger_costs_two_threads_half() {
        // It has half of a core; the thread beside it waits for half of the time, and the other thread
        // waits for that one.
        let disturbed = with(|t| {
            t.foreign_cpu_s = Some(1.0);
            (t.run_delay_s, t.longest_run_delay_s) = (Some(1.0), Some(1.0));
        });
        let text =
            "disturbed: other processes took 25 % of the processor (about 50 % of the time lost)";
        assert_eq!(judge(&disturbed, 2).to_string(), text);
    }

    #[test]
    fn every_cause_is_named_and_the_worst_first() {
        let stolen = with(|t| t.steal_s = Some(0.4));
        let text =
            "disturbed: the hypervisor took 10 % of the processor (about 19 % of the time lost)";
        assert_eq!(judge(&stolen, 2).to_string(), text);
        // A quota of one core: threads that it stops wait, but not for others.
        let limited = with(|t| {
            t.cgroup_throttled_s = Some(2.0);
            (t.run_delay_s, t.longest_run_delay_s) = (Some(2.0), Some(1.0));
            t.steal_s = Some(0.2);
        });
        let Condition::Disturbed { by, lost_share } = judge(&limited, 2) else {
            panic!();
        };
        assert!(matches!(by[0], Cause::CpuLimit { .. }), "{by:?}");
        assert!(matches!(by[1], Cause::HypervisorSteal { .. }), "{by:?}");
        assert!((0.5..0.6).contains(&lost_share), "{lost_share}");
        let swapping =
            with(|t| (t.memory_stall_s, t.swapped_bytes) = (Some(0.5), Some(3_000_000_000)));
        let text = "disturbed: the system swapped 3.0 GB (about 25 % of the time lost)";
        assert!(judge(&swapping, 2).to_string().starts_with(&text[..40]));
        let unknown = with(|t| t.swapped_bytes = Some(3_000_000_000));
        assert!(matches!(judge(&unknown, 2), Condition::Disturbed { .. }));
        // A few pages that happen to come back are no swapping.
        assert_eq!(
            judge(&with(|t| t.swapped_bytes = Some(1 << 20)), 2),
            Condition::Clean
        );
    }

    #[test]
    fn without_run_delay_others_count_where_there_are_too_few_cores() {
        let told = |foreign_s, threads| {
            let telemetry = with(|t| {
                (t.run_delay_s, t.longest_run_delay_s) = (None, None);
                t.foreign_cpu_s = Some(foreign_s);
            });
            judge(&telemetry, threads)
        };
        assert_eq!(told(0.15, 2), Condition::Clean);
        assert_eq!(told(1.8, 1), Condition::Clean);
        assert!(
            matches!(told(1.0, 2), Condition::Disturbed { lost_share, .. } if lost_share == 0.25)
        );
    }

    #[test]
    fn nothing_known_is_not_measured() {
        let nothing = Telemetry {
            wall_s: 2.0,
            ..Telemetry::default()
        };
        for telemetry in [
            nothing,
            with(|t| t.wall_s = 0.0),
            with(|t| t.wall_s = f64::NAN),
        ] {
            assert!(matches!(
                judge(&telemetry, 2),
                Condition::NotMeasured { .. }
            ));
        }
    }

    /// Whatever a record claims, shares are shares.
    #[test]
    fn shares_stay_between_none_and_all() {
        let values = [None, Some(0.0), Some(1e-9), Some(1.0), Some(1e18)];
        for waited in values {
            for foreign in values {
                for stopped in values {
                    for steal in values {
                        let telemetry = with(|t| {
                            (t.run_delay_s, t.foreign_cpu_s) = (waited, foreign);
                            (t.cgroup_throttled_s, t.steal_s) = (stopped, steal);
                        });
                        if let Condition::Disturbed { by, lost_share } = judge(&telemetry, 3) {
                            assert!((0.0..=1.0).contains(&lost_share) && !by.is_empty());
                        }
                    }
                }
            }
        }
    }
}
