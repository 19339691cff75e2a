use super::super::simulate::{Noise, normal, share_of};
use super::*;
use laptime_workload::random::{Purpose, Stream};

/// Log-normal times of steps with a spread of 3 %, around a time that depends on the step.
fn steps(stream: &mut Stream, n: usize, time: impl Fn(usize) -> f64) -> Vec<f64> {
    (0..n)
        .map(|i| time(i) * (0.03 * normal(stream)).exp())
        .collect()
}

#[test]
fn independent_times_are_steady_from_the_first_step_on() {
    for (n, samples) in [(20, 500), (100, 300), (500, 60), (5000, 30)] {
        for noise in [
            Noise::LogNormal(0.03),
            Noise::LogNormal(0.3),
            Noise::Bimodal,
        ] {
            let alarms = share_of(samples, n as u64, |stream| {
                steady_state(&noise.times(stream, n)).segments.len() > 1
            });
            assert!(alarms <= 0.05, "{n} {noise:?}: {alarms}");
        }
    }
}

#[test]
fn a_warm_up_is_found_and_ends_where_it_does() {
    for n in [200, 20_000] {
        let mut stream = Stream::new(1, Purpose::Order, 0);
        let times = steps(&mut stream, n, |i| if i < n / 5 { 1.5 } else { 1.0 });
        let found = steady_state(&times);
        let begin = found.steady_from_step.expect("four fifths are steady");
        assert!(begin.abs_diff(n / 5) <= n / 100, "{n}: {found:?}");
        assert!((found.slowdown + 1.0 / 3.0).abs() < 0.02, "{found:?}");
    }
}

#[test]
fn a_short_warm_up_is_found_with_its_whole_slowness() {
    let found = share_of(100, 5, |stream| {
        let times = steps(stream, 300, |i| if i < 8 { 4.0 } else { 1.0 });
        let found = steady_state(&times);
        found.steady_from_step == Some(8) && (found.slowdown + 0.75).abs() < 0.02
    });
    assert!(found > 0.95, "{found}");
}

#[test]
fn a_throttle_of_5_percent_is_found() {
    let found = share_of(60, 2, |stream| {
        let times = steps(stream, 2000, |i| if i < 1000 { 1.0 } else { 1.05 });
        let found = steady_state(&times);
        (0.03..0.07).contains(&found.slowdown)
            && found
                .steady_from_step
                .is_some_and(|begin| begin.abs_diff(1000) < 40)
    });
    assert!(found > 0.95, "{found}");
}

#[test]
fn a_change_near_the_end_leaves_no_steady_state_and_a_slight_one_none_behind() {
    let mut stream = Stream::new(3, Purpose::Order, 0);
    let late = steps(&mut stream, 1000, |i| if i < 850 { 1.0 } else { 1.3 });
    let found = steady_state(&late);
    assert_eq!((found.segments.len(), found.steady_from_step), (2, None));
    // 1 % is a segment of its own in 20,000 steps, but an equivalent one.
    let slight = steps(&mut stream, 20_000, |i| if i < 9_000 { 1.0 } else { 1.01 });
    let found = steady_state(&slight);
    assert_eq!((found.segments.len(), found.steady_from_step), (2, Some(0)));
}

#[test]
fn single_stalls_change_nothing() {
    let mut stream = Stream::new(4, Purpose::Order, 0);
    let stalls = |i: usize| if i % 97 == 5 { 8.0 } else { 1.0 };
    for n in [400, 4000] {
        let found = steady_state(&steps(&mut stream, n, stalls));
        assert_eq!(found.steady_from_step, Some(0), "{found:?}");
        assert_eq!(found.segments.len(), 1, "{found:?}");
    }
}

#[test]
fn few_or_unusable_steps_say_nothing_or_are_passed_over() {
    for steps in [vec![], vec![1.0; 19], vec![f64::NAN; 100], vec![-1.0; 30]] {
        let found = steady_state(&steps);
        assert_eq!((found.segments.len(), found.steady_from_step), (0, None));
    }
    let mut steps = vec![1.0; 60];
    steps[0] = f64::INFINITY;
    steps[30] = f64::NAN;
    steps[31] = 0.0;
    let found = steady_state(&steps);
    assert_eq!(found.steady_from_step, Some(0));
    assert_eq!(found.segments[0].median_s, 1.0);
}
