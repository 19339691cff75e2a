//! How the learning rate goes from step to step.

use std::f64::consts::PI;

use laptime_workload::RateSchedule;

/// What the learning rate is multiplied by in a step, which counts from 1: 1 without a schedule. With one it
/// rises along a line to 1 in the last step of the warm-up; in the step after that it is still 1.
pub fn rate_share(schedule: Option<RateSchedule>, step: u64) -> f64 {
    let between = |warmup_steps: u64, decay_steps: u64| {
        let past = step as f64 - 1.0 - warmup_steps as f64;
        (past / decay_steps as f64).min(1.0)
    };
    let warm = |warmup_steps: u64, share: f64| match step <= warmup_steps {
        true => step as f64 / warmup_steps as f64,
        false => share,
    };
    match schedule {
        None => 1.0,
        // The cosine's half wave by the sine of half the angle.
        Some(RateSchedule::Cosine {
            warmup_steps,
            decay_steps,
            final_share,
        }) => {
            let gone = (PI / 2.0 * between(warmup_steps, decay_steps))
                .sin()
                .powi(2);
            warm(warmup_steps, 1.0 - (1.0 - final_share) * gone)
        }
        Some(RateSchedule::Linear {
            warmup_steps,
            decay_steps,
            final_share,
        }) => {
            let gone = between(warmup_steps, decay_steps);
            warm(warmup_steps, 1.0 - (1.0 - final_share) * gone)
        }
        Some(RateSchedule::Step {
            warmup_steps,
            every_steps,
            factor,
        }) => {
            let changes = step.saturating_sub(warmup_steps).saturating_sub(1) / every_steps;
            warm(
                warmup_steps,
                (0..changes).fold(1.0, |share, _| share * factor),
            )
        }
    }
}
