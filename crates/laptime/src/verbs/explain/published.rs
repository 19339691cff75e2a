//! What others measured on the cards that the published speed test was about, beside a prediction.

use std::fmt::Write;

use laptime_gpu::Card;
use laptime_results::published;
use laptime_workload::Workload;

/// Epochs and batch size of the published trainings.
const EPOCHS: usize = 10;
const BATCH_SIZE: usize = 32;

/// The published times of this workload on cards that are known, with what differs; nothing where there are none.
pub fn beside(workload: &Workload) -> String {
    let results = published::results().iter();
    let of_cards: Vec<_> = results
        .filter(|one| one.workload == workload.name && Card::find(&one.name).is_some())
        .collect();
    if of_cards.is_empty() {
        return String::new();
    }
    let samples = workload.dataset.description().train_samples;
    let steps = EPOCHS * samples.div_ceil(BATCH_SIZE);
    let mut text = String::from(
        "published, measured by others, not comparable with a prediction: other software, a whole training and not \
         its steps alone (the test, loading and shuffling of samples and the processor's part are in it), one run\n",
    );
    for one in of_cards {
        let year = one.year.map_or(String::new(), |year| format!(", {year}"));
        let _ = writeln!(
            text,
            "  {}: {:.2} s for {EPOCHS} epochs, {:.2} ms for each of {steps} steps of {BATCH_SIZE} if nothing else \
             took time\n    {}; {}{year}",
            one.name,
            one.total_s,
            1e3 * one.total_s / steps as f64,
            one.machine,
            one.engine,
        );
    }
    text
}
