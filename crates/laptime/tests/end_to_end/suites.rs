//! `laptime compare` of two suites, over records that the test makes.

use crate::sample;
use crate::support::Home;
use laptime_results::{Record, SuiteFacts, export};

const NOISE: [f64; 8] = [1.004, 0.991, 1.012, 0.996, 1.001, 1.018, 0.987, 1.007];

fn part(workload: &str, seconds: f64, version: &str, day: u32) -> Record {
    let mut record = sample::record(&NOISE.map(|factor| seconds * factor));
    record.id = format!("202611{day:02}T184200Z-{workload}");
    record.created = format!("2026-11-{day:02}T18:42:00Z");
    record.workload.name = workload.into();
    record.suite = Some(SuiteFacts {
        id: format!("202611{day:02}T184000Z-aaaaaa"),
        version: version.into(),
    });
    record
}

fn write(home: &Home, name: &str, records: &[Record]) {
    std::fs::write(home.path(name), export::json_array(records)).expect("it is a temporary folder");
}

#[test]
fn two_suites_are_compared_by_their_mean() {
    let home = Home::new();
    let suite = |seconds: [f64; 2], version, day| {
        [
            part("fashion-mnist", seconds[0], version, day),
            part("cifar10-resnet50", seconds[1], version, day),
        ]
    };
    write(&home, "a.json", &suite([5.0, 1000.0], "suite-1", 1));
    write(&home, "b.json", &suite([10.0, 4500.0], "suite-1", 2));
    write(&home, "near.json", &suite([5.1, 1010.0], "suite-1", 3));
    write(&home, "other.json", &suite([5.0, 1000.0], "suite-2", 4));
    let done = home.laptime("compare a.json b.json");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    for words in [
        "fashion-mnist",
        "2.00",
        "cifar10-resnet50",
        "4.50",
        "3.00× as fast",
        "95 %",
    ] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    let done = home.laptime("compare a.json near.json");
    assert!(
        done.stdout.contains("cannot be told apart"),
        "{}",
        done.stdout
    );
    let done = home.laptime("compare a.json other.json");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("version: suite-1 and suite-2"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_suite_that_lacks_a_workload_is_refused() {
    let home = Home::new();
    let whole = [
        part("fashion-mnist", 5.0, "suite-1", 1),
        part("cifar10-resnet50", 1000.0, "suite-1", 1),
    ];
    let mut other = whole.clone();
    other[1].workload.digest = "sha256:01".into();
    write(&home, "whole.json", &whole);
    write(&home, "other.json", &other);
    let done = home.laptime("compare whole.json other.json");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(done.stderr.contains("another training"), "{}", done.stderr);
}
