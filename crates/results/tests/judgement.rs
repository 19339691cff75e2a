//! What keeps a record from standing beside others, and the sentence that it is told in.

#[allow(dead_code, reason = "other tests need more of it")]
mod sample;

use laptime_results::{
    Analysis, DatasetSource, GateVerdict, KernelKind, PartialReason, PeakFacts, Read, Record,
    doubts, headline, reasons_apart, seconds, seconds_between,
};

fn changed(change: impl FnOnce(&mut Record)) -> Read {
    let mut record = sample::record(&[2.0, 2.1, 2.05, 1.95, 2.0, 2.02, 1.98]);
    change(&mut record);
    Read {
        record,
        summary_differs: false,
    }
}

fn with_peak(record: &mut Record, flops: f64) {
    record.analysis = Some(Analysis {
        analysis_s: 1.0,
        peaks: PeakFacts {
            flops,
            bandwidths: Vec::new(),
        },
        kernels: vec![KernelKind {
            kernel: "dense".into(),
            calls: 1,
            step_s: 1e-4,
            flops: 1,
            bytes: 1,
            compute_s: 0.0,
            memory_s: 0.0,
        }],
        waiting_s: 0.0,
        step_s: Vec::new(),
        half_batch_step_s: Vec::new(),
        half_threads_step_s: Vec::new(),
    });
}

#[test]
fn each_reason_is_found_by_itself() {
    assert_eq!(reasons_apart(&changed(|_| {})), [""; 0]);
    // 309,278 samples a second of 408,576 operations each.
    assert_eq!(doubts(&changed(|it| with_peak(it, 1.3e11))), [""; 0]);
    let told = Read {
        summary_differs: true,
        ..changed(|_| {})
    };
    // (the reason, the record, whether `records check` refuses it as well)
    let table = [
        ("it has a summary that its raw times contradict", told, true),
        (
            "it claims 126 GFLOP/s, above the 100 GFLOP/s that it measured as its peak",
            changed(|it| with_peak(it, 1e11)),
            true,
        ),
        (
            "the gate failed: loss",
            changed(|it| {
                it.gate.verdict = GateVerdict::Failed;
                it.gate.what = Some("loss".into());
            }),
            true,
        ),
        (
            "the gate never judged it",
            changed(|it| it.gate.verdict = GateVerdict::NotAsked),
            true,
        ),
        (
            "it has no finished run",
            changed(|it| it.runs.clear()),
            false,
        ),
        (
            "its samples were made up",
            changed(|it| it.dataset.source = DatasetSource::Synthetic),
            false,
        ),
        (
            "it is partial: it was interrupted",
            changed(|it| {
                it.partial = true;
                it.partial_reason = Some(PartialReason::Interrupted);
            }),
            false,
        ),
        (
            "it ended at a score",
            changed(|it| {
                it.partial = true;
                it.partial_reason = Some(PartialReason::Goal);
            }),
            false,
        ),
    ];
    for (reason, read, is_refused) in table {
        assert_eq!(reasons_apart(&read), [reason]);
        assert_eq!(doubts(&read).len(), usize::from(is_refused), "{reason}");
    }
}

#[test]
fn a_headline_never_has_a_time_without_what_qualifies_it() {
    for (says, read) in [
        (
            "laptime on AMD EPYC 9R14 (2 threads) trains and tests fashion-mnist in 2.000 s (95 % interval",
            changed(|_| {}),
        ),
        (
            "no time for fashion-mnist; error: no memory.",
            changed(|it| {
                it.runs.clear();
                it.error = Some("no memory".into());
            }),
        ),
        (
            "does not do the training of fashion-mnist: the gate failed.",
            changed(|it| it.gate.verdict = GateVerdict::Failed),
        ),
    ] {
        let said = headline(&read.record);
        assert!(said.contains(says), "{said}");
    }
    let one = headline(&sample::record(&[2.0]));
    assert!(
        one.ends_with("in 2.000 s (1 run, too few for an interval)."),
        "{one}"
    );
    assert_eq!(seconds(2240.4), "2,240 s");
    assert_eq!(
        seconds_between([2130.2, 2569.1], 2240.4),
        "2,130 to 2,569 s"
    );
    assert_eq!(seconds_between([1.0, 2.0], 1.5), "1.000 to 2.000 s");
}
