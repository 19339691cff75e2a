//! The suite's table and mean.

mod sample;

use laptime_results::{
    DatasetSource, PartialReason, Record, Style, Summary, Work, render_suite,
    suite::{mean, parts},
};

/// Both workloads: one in full, of the other a part of the training.
fn records() -> Vec<Record> {
    let whole = sample::record(&[2.0, 2.0, 2.1, 1.9, 2.0, 2.0, 2.1, 1.9]);
    let mut cut = sample::record(&[4.0, 4.1, 3.9, 4.0, 4.1, 3.9]);
    cut.workload.name = "cifar10-resnet50".into();
    cut.partial = true;
    cut.partial_reason = Some(PartialReason::MaxSteps);
    for run in &mut cut.runs {
        run.epochs.truncate(1);
        run.epochs[0].samples = 1_600;
    }
    cut.summary = Summary::of(&cut.runs, Work::of(&cut), None);
    vec![whole, cut]
}

#[test]
fn the_mean_is_that_of_the_ratios_and_has_their_interval() {
    let records = records();
    let all = parts(&records);
    assert_eq!(all.len(), 2);
    assert!(!all[0].is_extrapolated && all[1].is_extrapolated);
    assert!((all[0].ratio - 6.70 / 2.0).abs() < 1e-9);
    let mean = mean(&records).expect("both are there");
    assert!((mean.ratio - (all[0].ratio * all[1].ratio).sqrt()).abs() < 1e-9);
    let [low, high] = mean.ci95.expect("both have one");
    assert!(low < mean.ratio && mean.ratio < high);
    // Errors add up as squares: narrower than the wider of both.
    let width = |[low, high]: [f64; 2]| high / low;
    let widest = all.iter().filter_map(|it| it.ci95).map(width);
    assert!(width([low, high]) < widest.fold(1.0, f64::max));
}

#[test]
fn a_part_that_is_missing_or_of_other_samples_has_no_mean() {
    let mut records = records();
    records[1].dataset.source = DatasetSource::Synthetic;
    assert_eq!(
        mean(&records),
        Err("cifar10-resnet50 was not trained on the official samples".into())
    );
    records.pop();
    assert_eq!(mean(&records), Err("cifar10-resnet50 is missing".into()));
    assert!(mean(&[]).is_err());
}

#[test]
fn the_table_says_what_is_extrapolated_and_from_how_much() {
    for width in [40, 80] {
        let style = Style {
            width,
            colour: false,
        };
        let text = render_suite(&records(), style);
        assert!(
            text.lines().all(|line| line.chars().count() <= width),
            "{text}"
        );
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = words.join(" ");
        for says in [
            "suite-1 · 2 workloads",
            "fashion-mnist 2.000",
            "10 epochs extrapolated from 300 steps in 6 runs",
            "the speed of the",
        ] {
            assert!(words.contains(says), "{says}: {text}");
        }
    }
}

/// A part's time would pass for a whole one's: a ResNet50 that was stopped after five steps was once "1108×".
#[test]
fn a_part_that_was_stopped_has_no_ratio() {
    let mut records = records();
    let stopped = &mut records[1];
    stopped.partial_reason = Some(PartialReason::Interrupted);
    stopped.runs.truncate(1);
    stopped.summary = Summary::of(&stopped.runs, Work::of(stopped), None);
    stopped.summary.extrapolated_total_s = None;
    assert_eq!(parts(&records).len(), 1);
    assert_eq!(
        mean(&records),
        Err("cifar10-resnet50 was not trained to its end".into())
    );
    let style = Style {
        width: 80,
        colour: false,
    };
    let text = render_suite(&records, style);
    assert_eq!(text.matches('×').count(), 2, "{text}"); // of the head, and of the one ratio
    assert!(
        text.contains("ended after 1,600 of 600,000 samples, so it has no total"),
        "{text}"
    );
}
