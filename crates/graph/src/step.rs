//! What differs from step to step.

use laptime_workload::{Adam, AdamW, AmsGrad, Optimizer, Workload};

/// What the updates of one step have in common and another step has not, in double precision: computed once a
/// step, here, for every engine; the oracle has formulas of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepValues {
    /// The step, counted from 1 over the whole training.
    pub number: u64,
    /// What a direction is multiplied by: the learning rate after its schedule; of Adam, with the corrections
    /// √(1−β₂ᵗ)/(1−β₁ᵗ).
    pub step_size: f64,
    /// The share of a parameter that decays beside its update, as AdamW's do: weight_decay times the learning rate
    /// after its schedule. SGD's decay is in the gradient.
    pub decay: f64,
    /// What is added to the root of Adam's uncorrected second moment: its ε, times √(1−β₂ᵗ) where it belongs to the
    /// corrected one. 0 for others.
    pub epsilon: f64,
}

impl StepValues {
    /// Those of a step, counted from 1.
    pub fn of(workload: &Workload, number: u64) -> Self {
        let schedule = workload.rate_schedule;
        let share = schedule.map_or(1.0, |schedule| schedule.share(number));
        let rate = workload.optimizer.learning_rate() * share;
        let (adam, decay) = match workload.optimizer {
            Optimizer::Adam(adam) => (Some(adam), 0.0),
            Optimizer::AmsGrad(AmsGrad {
                adam, weight_decay, ..
            }) => (Some(adam), rate * weight_decay.unwrap_or(0.0)),
            Optimizer::AdamW(AdamW {
                adam, weight_decay, ..
            }) => (Some(adam), rate * weight_decay),
            Optimizer::Sgd(_) | Optimizer::RmsProp(_) => (None, 0.0),
        };
        Self {
            number,
            step_size: adam.map_or(rate, |adam| corrected(adam, rate, number)),
            decay,
            epsilon: adam.map_or(0.0, |adam| epsilon(adam, number)),
        }
    }
}

/// Beyond 2³¹ steps the corrections are 1 to the last bit.
fn exponent(number: u64) -> i32 {
    number.min(i32::MAX as u64) as i32
}

fn corrected(adam: Adam, rate: f64, number: u64) -> f64 {
    let t = exponent(number);
    rate * (1.0 - adam.beta2.powi(t)).sqrt() / (1.0 - adam.beta1.powi(t))
}

/// `m/(√(v/c) + ε)/…` is `√c·m/(√v + √c·ε)/…`, and the first √c is in the step size.
fn epsilon(adam: Adam, number: u64) -> f64 {
    match adam.corrected_epsilon {
        true => adam.epsilon * (1.0 - adam.beta2.powi(exponent(number))).sqrt(),
        false => adam.epsilon,
    }
}

#[cfg(test)]
mod tests {
    use laptime_workload::{Builtin, Overrides, RateSchedule, Sgd};

    use super::*;

    fn with(optimizer: Optimizer) -> Workload {
        let spec = Builtin::find("fashion-mnist").unwrap().spec();
        Workload {
            optimizer,
            rate_schedule: Some(RateSchedule::Linear {
                warmup_steps: 4,
                decay_steps: 4,
                final_share: 0.5,
            }),
            ..spec.resolve(&Overrides::default()).unwrap()
        }
    }

    const ADAM: Adam = Adam {
        learning_rate: 0.1,
        beta1: 0.5,
        beta2: 0.75,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };

    #[test]
    fn the_schedule_is_in_the_step_and_in_the_decay() {
        let weight_decay = 0.5;
        let adamw = with(Optimizer::AdamW(AdamW {
            adam: Adam {
                corrected_epsilon: true,
                ..ADAM
            },
            weight_decay,
            weights_only: false,
        }));
        let sgd = with(Optimizer::Sgd(Sgd {
            learning_rate: 0.1,
            momentum: 0.9,
            nesterov: true,
            weight_decay: Some(weight_decay),
            weights_only: false,
        }));
        for (number, rate, correction) in [
            (1, 0.025, 0.5 / 0.5),
            (2, 0.05, 0.4375_f64.sqrt() / 0.75),
            (
                7,
                0.075,
                (1.0 - 0.75_f64.powi(7)).sqrt() / (1.0 - 0.5_f64.powi(7)),
            ),
        ] {
            let StepValues {
                step_size,
                decay,
                epsilon,
                ..
            } = StepValues::of(&adamw, number);
            let expected = 1e-7 * (1.0 - 0.75_f64.powi(number as i32)).sqrt();
            assert!((epsilon - expected).abs() < 1e-20, "{number}");
            assert!((step_size - rate * correction).abs() < 1e-15, "{number}");
            assert!((decay - 0.5 * rate).abs() < 1e-15, "{number}");
            let of_sgd = StepValues::of(&sgd, number);
            assert!((of_sgd.step_size - rate).abs() < 1e-15, "{number}");
            assert_eq!((of_sgd.number, of_sgd.decay), (number, 0.0));
        }
    }

    #[test]
    fn corrections_end() {
        let workload = Workload {
            rate_schedule: None,
            ..with(Optimizer::Adam(ADAM))
        };
        for number in [200, u64::from(u32::MAX) + 1, u64::MAX] {
            assert_eq!(StepValues::of(&workload, number).step_size, 0.1);
        }
    }
}
