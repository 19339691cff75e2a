//! In what condition the machine was, in types and in words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// In what condition the machine was while a run was timed. Its text is one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "condition", rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing was seen that costs time.
    Clean,
    /// Others took time from the run.
    Disturbed {
        /// What did, the worst first; never empty.
        by: Vec<Cause>,
        /// The share of the time that the run's threads lost, 0 to 1; 0 where only the cause is known
        /// and not what it cost.
        lost_share: f64,
    },
    /// The processor slowed down.
    Throttled {
        /// From when on, in seconds from the beginning of the observation; 0 where it was slow from the
        /// beginning.
        from_s: f64,
        /// By how much the clock was slower from then on, 0 to 1.
        slower_share: f64,
        /// What that is of the whole time, 0 to 1, for work that is bound by the processor.
        lost_share: f64,
    },
    /// Nobody knows.
    NotMeasured {
        /// Why not.
        why: String,
    },
}

/// What disturbed a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Other processes, and the kernel's own work.
    OtherProcesses {
        /// The share of the cores' time that they had, 0 to 1; null where only the run's waiting is
        /// known.
        cpu_share: Option<f64>,
    },
    /// The hypervisor let other virtual machines run.
    HypervisorSteal {
        /// The share of the cores' time that they had, 0 to 1.
        cpu_share: f64,
    },
    /// The limit on processor time of a container or a service.
    CpuLimit {
        /// The share of the time of the run's threads in which it stopped them, 0 to 1.
        stopped_share: f64,
    },
    /// The memory did not suffice.
    Swapping {
        /// What the system wrote to the swap and read from it.
        swapped_bytes: u64,
    },
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("clean"),
            Self::Disturbed { by, lost_share } => {
                for (index, cause) in by.iter().enumerate() {
                    let before = if index == 0 { "disturbed: " } else { ", " };
                    write!(f, "{before}{cause}")?;
                }
                if *lost_share >= 0.005 {
                    write!(f, " (about {} of the time lost)", Percent(*lost_share))?;
                }
                Ok(())
            }
            Self::Throttled {
                from_s,
                slower_share,
                ..
            } => {
                let slower = Percent(*slower_share);
                if *from_s < 1.0 {
                    write!(f, "throttled from the start: {slower} slower clock")
                } else {
                    write!(f, "throttled from {from_s:.0} s on: {slower} slower clock")
                }
            }
            Self::NotMeasured { .. } => f.write_str("not measured"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::OtherProcesses {
                cpu_share: Some(share),
            } => write!(
                f,
                "other processes took {} of the processor",
                Percent(share)
            ),
            Self::OtherProcesses { cpu_share: None } => f.write_str("other processes ran"),
            Self::HypervisorSteal { cpu_share } => {
                write!(
                    f,
                    "the hypervisor took {} of the processor",
                    Percent(cpu_share)
                )
            }
            Self::CpuLimit { stopped_share } => {
                write!(
                    f,
                    "a CPU limit stopped it for {} of the time",
                    Percent(stopped_share)
                )
            }
            Self::Swapping { swapped_bytes } => {
                write!(
                    f,
                    "the system swapped {:.1} GB",
                    swapped_bytes as f64 * 1e-9
                )
            }
        }
    }
}

/// A share in whole percent.
struct Percent(f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:.0} %", self.0 * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_one_line() {
        let others = Cause::OtherProcesses {
            cpu_share: Some(0.31),
        };
        let disturbed = |by: &[Cause], lost_share| Condition::Disturbed {
            by: by.to_vec(),
            lost_share,
        };
        let throttled = |from_s| Condition::Throttled {
            from_s,
            slower_share: 0.18,
            lost_share: 0.1,
        };
        let steal = Cause::HypervisorSteal { cpu_share: 0.04 };
        let limit = Cause::CpuLimit { stopped_share: 0.5 };
        let swapping = Cause::Swapping {
            swapped_bytes: 3_100_000_000,
        };
        let unknown = Condition::NotMeasured { why: String::new() };
        for (condition, text) in [
            (Condition::Clean, "clean"),
            (
                disturbed(&[others], 0.24),
                "disturbed: other processes took 31 % of the processor (about 24 % of the time lost)",
            ),
            (
                disturbed(&[limit, steal], 0.54),
                "disturbed: a CPU limit stopped it for 50 % of the time, the hypervisor took 4 % of \
                 the processor (about 54 % of the time lost)",
            ),
            (
                disturbed(&[swapping], 0.0),
                "disturbed: the system swapped 3.1 GB",
            ),
            (throttled(12.3), "throttled from 12 s on: 18 % slower clock"),
            (
                throttled(0.0),
                "throttled from the start: 18 % slower clock",
            ),
            (unknown, "not measured"),
        ] {
            assert_eq!(condition.to_string(), text);
            let json = serde_json::to_string(&condition).unwrap();
            assert_eq!(
                serde_json::from_str::<Condition>(&json).unwrap(),
                condition,
                "{json}"
            );
        }
    }
}
