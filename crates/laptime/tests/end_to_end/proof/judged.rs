//! What the stored times of the proof say: the same judgement for the program that measures them and for
//! the test that replays them.

use laptime_measure::statistics::paired_ratio;

/// How much slower the second side of an A/B comparison is made.
pub const SLOWDOWN: f64 = 1.03;
/// Differences are called below this, as `laptime compare` does.
const SIGNIFICANT: f64 = 0.05;

/// One comparison: seconds of both sides, values at one place being of one ABBA block.
pub struct Comparison {
    pub is_slowed: bool,
    pub first_s: Vec<f64>,
    pub second_s: Vec<f64>,
}

/// How many comparisons of a kind said what.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub comparisons: usize,
    /// Those that called the second side slower.
    pub slower: usize,
    /// Those that called it faster.
    pub faster: usize,
    /// Those whose interval has the true ratio in it.
    pub covered: usize,
}

/// The counts of all comparisons of a kind.
pub fn counts(all: &[Comparison], is_slowed: bool) -> Counts {
    let truth = if is_slowed { SLOWDOWN } else { 1.0 };
    let mut counts = Counts::default();
    for comparison in all.iter().filter(|it| it.is_slowed == is_slowed) {
        let found = paired_ratio(&comparison.second_s, &comparison.first_s);
        let found = found.expect("each comparison has enough pairs");
        let is_called = found.p < SIGNIFICANT;
        counts.comparisons += 1;
        counts.slower += usize::from(is_called && found.ratio > 1.0);
        counts.faster += usize::from(is_called && found.ratio < 1.0);
        let [low, high] = found.ci95.expect("each comparison has enough pairs");
        counts.covered += usize::from((low..=high).contains(&truth));
    }
    counts
}

/// The comparisons in a text of lines: `aa` or `ab`, then microseconds of first and second side in turn.
pub fn read(text: &str) -> Vec<Comparison> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let comparison = |line: &str| {
        let (kind, times) = line.split_once(',').expect("a kind and times");
        let seconds = |time: &str| 1e-6 * time.parse::<f64>().expect("microseconds");
        let times: Vec<f64> = times.split(',').map(seconds).collect();
        let side = |place: usize| times.iter().copied().skip(place).step_by(2).collect();
        Comparison {
            is_slowed: kind == "ab",
            first_s: side(0),
            second_s: side(1),
        }
    };
    lines.map(comparison).collect()
}
