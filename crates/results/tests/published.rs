//! When a record may stand beside published results.

mod sample;

use laptime_measure::Resumption;
use laptime_results::{
    DatasetSource, GateVerdict, Record,
    published::{beside, results},
};
use sample::{diverged, record};

#[test]
fn every_published_result_is_read_and_has_its_source() {
    assert_eq!(results().len(), 8);
    for result in results() {
        assert!(
            result.total_s > 1.0 && !result.source.is_empty(),
            "{result:?}"
        );
    }
}

#[test]
fn a_whole_run_on_official_data_stands_beside_the_results_of_its_workload() {
    let found = beside(&record(&[3.35]));
    let first = found.first().expect("there are published results");
    assert_eq!(first.published.name, "Apple M1");
    assert!((first.speed_ratio - 2.0).abs() < 1e-12);
    assert!(
        found
            .iter()
            .all(|c| c.published.workload == "fashion-mnist")
    );
    assert_eq!(found.len(), 6);
}

#[test]
fn another_training_stands_beside_none() {
    type Change = fn(&mut Record);
    let changes: [(&str, Change); 10] = [
        ("a user's workload", |r| r.workload.built_in = false),
        ("another name", |r| r.workload.name = "mine".into()),
        ("fewer epochs", |r| r.workload.epochs = 9),
        ("larger batches", |r| r.workload.batch_size = 64),
        ("another precision", |r| {
            r.workload.precision = "bf16".into()
        }),
        ("made-up samples", |r| {
            r.dataset.source = DatasetSource::Synthetic
        }),
        ("a part of it", |r| r.partial = true),
        ("in two parts", |r| {
            let resumption = Resumption {
                step: 5,
                before: None,
            };
            r.runs[0].resumed.push(resumption);
        }),
        ("one that diverged", |r| *r = diverged(&[3.35])),
        ("not the same", |r| r.gate.verdict = GateVerdict::Failed),
    ];
    for (what, change) in changes {
        let mut record = record(&[3.35]);
        change(&mut record);
        assert_eq!(beside(&record), [], "{what}");
    }
}
