//! How the learning rate goes over a training, by the number of the step alone. A new schedule is a variant, an
//! entry in [`RATE_SCHEDULES`] and an arm in [`RateSchedule::share`].

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::{
    entry::Entry,
    fields::{FRACTION, Fields},
    key::{BOTH, Key},
};

/// More steps than a training ever has.
const MAX_STEPS: u64 = 1 << 40;

/// What the learning rate is multiplied by from step to step. All begin with a warm-up: in step t of
/// `warmup_steps` it is t/`warmup_steps`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RateSchedule {
    /// From 1 down to `final_share` along half a cosine (Loshchilov & Hutter 2017), and then stays.
    Cosine {
        /// Steps of the warm-up.
        warmup_steps: u64,
        /// Steps behind it until `final_share` is reached.
        decay_steps: u64,
        /// The share at the end, 0 to 1.
        final_share: f64,
    },
    /// From 1 down to `final_share` along a line, and then stays.
    Linear {
        /// Steps of the warm-up.
        warmup_steps: u64,
        /// Steps behind it until `final_share` is reached.
        decay_steps: u64,
        /// The share at the end, 0 to 1.
        final_share: f64,
    },
    /// Times `factor` after every so many steps.
    Step {
        /// Steps of the warm-up.
        warmup_steps: u64,
        /// Steps behind it between one change and the next.
        every_steps: u64,
        /// What the rate is multiplied by, 0 to 1.
        factor: f64,
    },
}

impl RateSchedule {
    /// What the learning rate is multiplied by in a step, which counts from 1 over the whole training.
    pub fn share(self, step: u64) -> f64 {
        let (Self::Cosine { warmup_steps, .. }
        | Self::Linear { warmup_steps, .. }
        | Self::Step { warmup_steps, .. }) = self;
        if step <= warmup_steps {
            return step as f64 / warmup_steps as f64;
        }
        // Counted from 0.
        let past = step - warmup_steps - 1;
        let progress = |steps: u64| (past as f64 / steps as f64).min(1.0);
        match self {
            Self::Cosine {
                decay_steps,
                final_share,
                ..
            } => {
                final_share + (1.0 - final_share) * (1.0 + (PI * progress(decay_steps)).cos()) / 2.0
            }
            Self::Linear {
                decay_steps,
                final_share,
                ..
            } => final_share + (1.0 - final_share) * (1.0 - progress(decay_steps)),
            Self::Step {
                every_steps,
                factor,
                ..
            } => factor.powf((past / every_steps) as f64),
        }
    }

    /// The name in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cosine { .. } => "cosine",
            Self::Linear { .. } => "linear",
            Self::Step { .. } => "step",
        }
    }

    /// Its constants, as listings show them.
    pub fn constants(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Cosine {
                warmup_steps,
                decay_steps,
                final_share,
            }
            | Self::Linear {
                warmup_steps,
                decay_steps,
                final_share,
            } => vec![
                ("warmup_steps", warmup_steps.to_string()),
                ("decay_steps", decay_steps.to_string()),
                ("final_share", final_share.to_string()),
            ],
            Self::Step {
                warmup_steps,
                every_steps,
                factor,
            } => vec![
                ("warmup_steps", warmup_steps.to_string()),
                ("every_steps", every_steps.to_string()),
                ("factor", factor.to_string()),
            ],
        }
    }
}

const WARMUP: Key = Key::new("warmup_steps", "0").why("none");

const DECAY_STEPS: Key =
    Key::new("decay_steps", "18750").why("60,000 samples in batches of 32, 10 epochs");

/// None, or as many as a training ever has.
fn warmup_steps(fields: &Fields) -> u64 {
    let steps = fields.whole_number("warmup_steps");
    if *steps.get_ref() > MAX_STEPS {
        let what = format!("warmup_steps must be at most {MAX_STEPS}");
        fields.noted(Err(fields.error(steps.span(), what, "")), ());
    }
    steps.into_inner().min(MAX_STEPS)
}

/// All schedules, in the order that lists show them.
pub const RATE_SCHEDULES: &[Entry<RateSchedule>] = &[
    Entry {
        kind: "cosine",
        summary: "after a warm-up down to final_share along half a cosine, within decay_steps",
        keys: &[
            WARMUP,
            DECAY_STEPS,
            Key::new("final_share", "0.0").why(BOTH),
        ],
        optional: &[],
        read: |fields| RateSchedule::Cosine {
            warmup_steps: warmup_steps(fields),
            decay_steps: fields.size("decay_steps", MAX_STEPS) as u64,
            final_share: fields.number("final_share", &FRACTION),
        },
    },
    Entry {
        kind: "linear",
        summary: "after a warm-up down to final_share along a line, within decay_steps",
        keys: &[WARMUP, DECAY_STEPS, Key::new("final_share", "0.0")],
        optional: &[],
        read: |fields| RateSchedule::Linear {
            warmup_steps: warmup_steps(fields),
            decay_steps: fields.size("decay_steps", MAX_STEPS) as u64,
            final_share: fields.number("final_share", &FRACTION),
        },
    },
    Entry {
        kind: "step",
        summary: "after a warm-up times factor, every so many steps",
        keys: &[
            WARMUP,
            Key::new("every_steps", "5625"),
            Key::new("factor", "0.1").why("the default in PyTorch"),
        ],
        optional: &[],
        read: |fields| RateSchedule::Step {
            warmup_steps: warmup_steps(fields),
            every_steps: fields.size("every_steps", MAX_STEPS) as u64,
            factor: fields.number("factor", &FRACTION),
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that PyTorch's LinearLR, CosineAnnealingLR and StepLR give, and Keras's CosineDecay.
    #[test]
    fn shares_are_those_of_a_table() {
        let cosine = RateSchedule::Cosine {
            warmup_steps: 4,
            decay_steps: 8,
            final_share: 0.1,
        };
        let linear = RateSchedule::Linear {
            warmup_steps: 0,
            decay_steps: 4,
            final_share: 0.5,
        };
        let step = RateSchedule::Step {
            warmup_steps: 1,
            every_steps: 3,
            factor: 0.1,
        };
        let table = [
            (cosine, 1, 0.25),
            (cosine, 4, 1.0),
            (cosine, 5, 1.0),
            (cosine, 9, 0.55),
            (cosine, 13, 0.1),
            (cosine, 1_000_000, 0.1),
            (linear, 1, 1.0),
            (linear, 3, 0.75),
            (linear, 5, 0.5),
            (linear, 6, 0.5),
            (step, 1, 1.0),
            (step, 4, 1.0),
            (step, 5, 0.1),
            (step, 8, 0.01),
        ];
        for (schedule, number, share) in table {
            let found = schedule.share(number);
            assert!(
                (found - share).abs() < 1e-12,
                "{schedule:?}, {number}: {found}"
            );
        }
    }

    #[test]
    fn a_schedule_has_one_name() {
        for entry in RATE_SCHEDULES {
            let keys: Vec<&str> = entry.keys.iter().map(|key| key.name).collect();
            let known = [
                RateSchedule::Cosine {
                    warmup_steps: 0,
                    decay_steps: 1,
                    final_share: 0.0,
                },
                RateSchedule::Linear {
                    warmup_steps: 0,
                    decay_steps: 1,
                    final_share: 0.0,
                },
                RateSchedule::Step {
                    warmup_steps: 0,
                    every_steps: 1,
                    factor: 1.0,
                },
            ];
            let one = known.iter().find(|one| one.name() == entry.kind).unwrap();
            let constants = one.constants();
            let constants: Vec<&str> = constants.iter().map(|(name, _)| *name).collect();
            assert_eq!(constants, keys);
        }
    }
}
