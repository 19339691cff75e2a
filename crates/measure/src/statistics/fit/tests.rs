use super::super::simulate::{Noise, share_of};
use super::*;

const X: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0];

/// Rounds of times on the line, with a noise that each round shares and one of each time.
fn rounds(stream: &mut Stream, n: usize, [overhead, slope]: [f64; 2]) -> Vec<Vec<f64>> {
    (0..n)
        .map(|_| {
            let round = Noise::LogNormal(0.02).time(stream);
            let time =
                |x: &f64| round * (overhead + slope * x) * Noise::LogNormal(0.02).time(stream);
            X.iter().map(time).collect()
        })
        .collect()
}

#[test]
fn a_planted_line_is_found_exactly_without_noise_and_despite_stalls() {
    let mut rounds = vec![X.map(|x| 3.0 + 0.5 * x).to_vec(); 9];
    for (i, round) in rounds.iter_mut().enumerate().take(4) {
        round[i] *= 20.0;
    }
    let line = fit_line(&X, &rounds).expect("a line");
    assert!(
        (line.overhead_s - 3.0).abs() < 1e-9 && (line.s_per_unit - 0.5).abs() < 1e-9,
        "{line:?}"
    );
    assert_eq!(line.range, [1.0, 1024.0]);
}

#[test]
fn neither_part_is_negative() {
    // Times that curve up would have a negative overhead, and falling ones a negative slope.
    let up = fit_line(&X, &[X.map(|x| x.powf(1.2)).to_vec()]).expect("a line");
    assert!(up.overhead_s == 0.0 && up.s_per_unit > 0.0, "{up:?}");
    let down = fit_line(&X, &[X.map(|x| 2.0 - x / 1024.0).to_vec()]).expect("a line");
    assert!(down.overhead_s > 1.0 && down.s_per_unit == 0.0, "{down:?}");
}

#[test]
fn the_intervals_cover_what_was_planted() {
    for n in [8, 20] {
        let (mut of_overhead, mut of_slope, mut of_crossover) = (0, 0, 0);
        share_of(200, 1, |stream| {
            let holds = |interval: Option<[f64; 2]>, truth: f64| {
                let [low, high] = interval.expect("enough rounds");
                usize::from(low <= truth && truth <= high)
            };
            let one = fit_line(&X, &rounds(stream, n, [10.0, 0.5])).expect("a line");
            let other = fit_line(&X, &rounds(stream, n, [50.0, 0.3])).expect("a line");
            of_overhead += holds(one.overhead_ci95_s, 10.0);
            of_slope += holds(one.per_unit_ci95_s, 0.5);
            let meeting = crossover(&one, &other).expect("they meet");
            assert!(!meeting.is_extrapolated);
            of_crossover += holds(meeting.ci95, 200.0);
            true
        });
        for covered in [of_overhead, of_slope, of_crossover] {
            assert!(covered >= 178, "{n}: {covered} of 200");
        }
    }
}

#[test]
fn lines_that_may_not_meet_have_an_open_interval_or_no_crossover() {
    let mut stream = Stream::new(5, Purpose::Order, 0);
    let mut line = |planted| fit_line(&X, &rounds(&mut stream, 9, planted)).expect("a line");
    let (low, high) = (line([10.0, 0.3]), line([20.0, 0.5]));
    assert_eq!(crossover(&low, &high), None);
    let (near, nearer) = (line([10.0, 0.5]), line([11.0, 0.4999]));
    if let Some(meeting) = crossover(&near, &nearer) {
        let [_, end] = meeting.ci95.expect("enough rounds");
        assert_eq!(end, f64::INFINITY, "{meeting:?}");
    }
    let far = crossover(&line([10.0, 0.5]), &line([500.0, 0.3])).expect("they meet");
    assert!(far.is_extrapolated, "{far:?}");
}

#[test]
fn what_cannot_be_fitted_has_no_line_and_few_rounds_no_interval() {
    let complete = X.map(|x| 1.0 + x).to_vec();
    assert_eq!(fit_line(&X, &[]), None);
    assert_eq!(fit_line(&[], &[vec![]]), None);
    assert_eq!(fit_line(&[2.0, 2.0], &[vec![1.0, 1.0]]), None);
    assert_eq!(fit_line(&[1.0, f64::NAN], &[vec![1.0, 2.0]]), None);
    assert_eq!(fit_line(&X, &[vec![1.0; 3], vec![f64::NAN; 6]]), None);
    let line = fit_line(&X, &[complete.clone(), vec![0.0; 6]]).expect("one complete round");
    assert_eq!((line.overhead_ci95_s, line.per_unit_ci95_s), (None, None));
    assert_eq!(crossover(&line, &line), None);
    let other = fit_line(&X, &[X.map(|x| 5.0 + x / 2.0).to_vec()]).expect("a line");
    assert_eq!(crossover(&line, &other).expect("they meet").ci95, None);
}
