//! Where a training diverged, in words.

use laptime_measure::{Divergence, Run};

use crate::{Record, number::grouped};

/// Where the training of a record diverged: `at epoch 1, step 312 of 1,875`; `None` where no loss of
/// any run is other than finite.
pub fn divergence(record: &Record) -> Option<String> {
    let diverged: Vec<&Run> = record.runs.iter().filter(|it| it.is_diverged()).collect();
    let place = place(record, diverged.first()?);
    Some(match (diverged.len(), record.runs.len()) {
        (some, all) if some < all => format!("{place}, in {some} of {all} runs"),
        _ => place,
    })
}

fn place(record: &Record, run: &Run) -> String {
    let batch_size = record.workload.batch_size.max(1);
    let steps = record.epoch_samples().div_ceil(batch_size);
    match run.diverged {
        Some(Divergence {
            epoch,
            step,
            last_step,
        }) => {
            let [first, last, all] = [step, last_step, steps].map(grouped);
            if step >= last_step {
                format!("at epoch {epoch}, step {first} of {all}")
            } else if step <= 1 && last_step >= steps {
                format!("in epoch {epoch}")
            } else {
                format!("in epoch {epoch}, between step {first} and step {last} of {all}")
            }
        }
        // Records of earlier builds have the losses alone.
        None => match run
            .epochs
            .iter()
            .position(|it| !it.metrics.loss().is_finite())
        {
            Some(epoch) => format!("in epoch {}", epoch + 1),
            None => "in its test".into(),
        },
    }
}
