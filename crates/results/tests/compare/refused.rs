//! What is not comparable.

use laptime_measure::Resumption;
use laptime_results::{
    DatasetSource, GateVerdict, PartialReason, Record,
    compare::{Compared, Side},
    published,
};

use crate::sample::diverged;
use crate::sides::{NOISE, made};

#[test]
fn what_is_not_comparable_is_refused_with_all_reasons() {
    type Change = fn(&mut Record);
    let changes: &[(&str, Change)] = &[
        ("micro-batch size: that of the batch and 8", |it| {
            it.workload.micro_batch_size = Some(8);
        }),
        ("precision: fp32 and bf16", |it| {
            it.workload.precision = "bf16".into()
        }),
        ("epochs: 10 and 3", |it| it.workload.epochs = 3),
        ("batch size: 32 and 64", |it| it.workload.batch_size = 64),
        ("workload: fashion-mnist and net", |it| {
            it.workload.name = "net".into()
        }),
        ("other digests", |it| {
            it.workload.digest = "sha256:01".into()
        }),
        ("samples: official and synthetic", |it| {
            it.dataset.source = DatasetSource::Synthetic
        }),
        ("the samples differ", |it| it.dataset.sha256 = "01".into()),
        ("dataset: fashion-mnist and x", |it| {
            it.dataset.name = "x".into()
        }),
        ("b is partial: --max-steps", |it| {
            it.partial_reason = Some(PartialReason::MaxSteps);
        }),
        ("b failed the gate", |it| {
            it.gate.verdict = GateVerdict::Failed
        }),
        ("b was never checked", |it| {
            it.gate.verdict = GateVerdict::NotAsked
        }),
        ("b diverged at epoch 2", |it| {
            it.runs = diverged(&[1.0; 8]).runs
        }),
        ("b was resumed", |it| {
            it.runs[0].resumed.push(Resumption {
                step: 3,
                before: None,
            });
        }),
        ("they are the same record", |it| {
            it.id = "20261101T184200Z-a01".into()
        }),
        ("b has no finished run", |it| it.runs.clear()),
    ];
    let one = made(1, "a", 1.0, &NOISE);
    for (says, change) in changes {
        let mut other = made(2, "b", 1.2, &NOISE);
        change(&mut other);
        let sides = || vec![Side::Record(&one), Side::Record(&other)];
        let refused = Compared::of(sides(), &[], false).expect_err(says);
        let reasons = refused[0].reasons.join("; ");
        assert!(reasons.contains(says), "{says}: {reasons}");
        let forced = Compared::of(sides(), &[], true);
        match other.runs.is_empty() {
            true => assert!(!forced.expect_err("no times")[0].can_be_forced),
            false => {
                let warnings = &forced.expect("it is forced").comparisons[0].warnings;
                assert_eq!(*warnings, refused[0].reasons);
            }
        }
    }
    // Published results are of one training as well.
    let apple = published::named("Apple M1")[0];
    let mut other = made(2, "b", 1.2, &NOISE);
    other.workload.epochs = 3;
    other.dataset.source = DatasetSource::Synthetic;
    let sides = vec![Side::Record(&other), Side::Published(apple)];
    let refused = Compared::of(sides, &[], false).expect_err("another training");
    let reasons = refused[0].reasons.join("; ");
    assert!(
        reasons.contains("epochs: 3") && reasons.contains("official"),
        "{reasons}"
    );
}
