//! Published results, which are one run.

use laptime_results::{
    compare::{Compared, Side, Verdict},
    published,
};

use crate::sides::{NOISE, made};

#[test]
fn a_published_result_is_one_run() {
    let one = made(1, "laptime", 0.7, &NOISE);
    let apple = published::named("M1 Mac Mini")
        .into_iter()
        .find(|it| it.workload == "fashion-mnist")
        .expect("it is published");
    let sides = vec![Side::Record(&one), Side::Published(apple)];
    let found = Compared::of(sides, &[], false).expect("they are comparable");
    let comparison = &found.comparisons[0];
    assert_eq!(comparison.verdict, Verdict::NoInterval);
    let sentence = comparison.sentence();
    assert!(
        sentence.starts_with(
            "laptime, AMD EPYC 9R14 was measured 9.57× as fast as Apple M1 (published);"
        ),
        "{sentence}"
    );
    let notes = comparison.notes([&found.sides[0], &found.sides[1]]);
    assert_eq!(notes, ["Apple M1 (published): one run, no interval"]);
}

#[test]
fn published_results_are_found_by_their_words() {
    for (name, count) in [
        ("Apple M1", 2),
        ("apple m1", 2),
        ("M1 Mac Mini", 2),
        ("M1 cifar10-resnet50", 1),
        ("colab", 1),
        ("MacBook Pro i5", 2),
        ("M2", 0),
        ("", 0),
        (" ,;", 0),
    ] {
        let found = published::named(name);
        assert_eq!(found.len(), count, "{name:?}: {found:?}");
    }
}
