//! Changes of mean and variance in a series, all of them and the best ones.
//!
//! R. Killick, P. Fearnhead, I. A. Eckley: "Optimal Detection of Changepoints With a Linear
//! Computational Cost", JASA 107 (2012).

/// The fewest values between two changes: a variance of fewer says nothing.
pub const LEAST_LENGTH: usize = 5;

/// The places at which the segments begin that minimise Σ cost + `penalty` a change, ascending
/// and from 0 on; none without values. The cost of a segment of m values is twice its negative
/// normal log-likelihood, m·(ln σ² + 1), with σ not below `least_sd`, the resolution of a value.
///
/// PELT finds the same segments as trying all, in a time that grows with n where changes do: a
/// beginning whose cost is above the best by now can begin no later segment either.
pub fn changepoints(values: &[f64], penalty: f64, least_sd: f64) -> Vec<usize> {
    let cost = Cost::of(values, least_sd);
    let n = values.len();
    // The best sum of costs and penalties of the first t values, and where its last segment begins.
    let mut best = vec![f64::INFINITY; n + 1];
    let mut last_begin = vec![0; n + 1];
    best[0] = -penalty;
    let mut begins: Vec<Begin> = Vec::new();
    for end in LEAST_LENGTH.min(n).max(1)..=n {
        let newest = end.saturating_sub(LEAST_LENGTH);
        if best[newest] < f64::INFINITY {
            begins.push(Begin::at(newest));
        }
        begins.retain(|begin| end < begin.out_from);
        for begin in &mut begins {
            begin.total = best[begin.at] + cost.between(begin.at, end);
            if begin.total + penalty < best[end] {
                best[end] = begin.total + penalty;
                last_begin[end] = begin.at;
            }
        }
        for begin in begins.iter_mut().filter(|begin| begin.total >= best[end]) {
            begin.out_from = begin.out_from.min(end + LEAST_LENGTH);
        }
    }
    let mut found = Vec::new();
    let mut end = n;
    while end > 0 {
        end = last_begin[end];
        found.push(end);
    }
    found.reverse();
    found
}

/// Where a last segment may begin.
struct Begin {
    at: usize,
    /// The cost up to the end that is looked at, without the penalty of a change here.
    total: f64,
    /// The end from which on it is out. That is not at once: the segment that beats it must itself
    /// be of the least length.
    out_from: usize,
}

impl Begin {
    fn at(at: usize) -> Self {
        Self {
            at,
            total: f64::INFINITY,
            out_from: usize::MAX,
        }
    }
}

/// Sums of the first values and of their squares, for the cost of any segment at once.
struct Cost {
    sums: Vec<[f64; 2]>,
    least_variance: f64,
}

impl Cost {
    fn of(values: &[f64], least_sd: f64) -> Self {
        // Around the mean, where squares do not cancel.
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let mut sums = vec![[0.0; 2]];
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in values {
            sum += value - mean;
            squares += (value - mean).powi(2);
            sums.push([sum, squares]);
        }
        let least_variance = least_sd * least_sd;
        Self {
            sums,
            least_variance,
        }
    }

    fn between(&self, begin: usize, end: usize) -> f64 {
        let m = (end - begin) as f64;
        let sum = self.sums[end][0] - self.sums[begin][0];
        let squares = self.sums[end][1] - self.sums[begin][1];
        let deviations = (squares - sum * sum / m).max(0.0);
        let variance = (deviations / m).max(self.least_variance);
        m * variance.ln() + deviations / variance
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::normal;
    use super::*;
    use laptime_workload::random::{Purpose, Stream};

    /// Optimal partitioning: every beginning for every end.
    fn by_trying_all(values: &[f64], penalty: f64, least_sd: f64) -> Vec<usize> {
        let cost = Cost::of(values, least_sd);
        let n = values.len();
        let mut best = vec![(f64::INFINITY, Vec::new()); n + 1];
        best[0] = (-penalty, Vec::new());
        for end in LEAST_LENGTH..=n {
            for begin in 0..=end - LEAST_LENGTH {
                let total = best[begin].0 + cost.between(begin, end) + penalty;
                if total < best[end].0 {
                    let mut path = best[begin].1.clone();
                    path.push(begin);
                    best[end] = (total, path);
                }
            }
        }
        best[n].1.clone()
    }

    #[test]
    fn pruning_loses_no_change() {
        let mut stream = Stream::new(1, Purpose::Order, 0);
        for series in 0..60 {
            let mut level = 0.0;
            let values: Vec<f64> = (0..80)
                .map(|_| {
                    if stream.next_below(15) == 0 {
                        level = f64::from(stream.next_below(6));
                    }
                    level + normal(&mut stream)
                })
                .collect();
            let penalty = f64::from(1 + series % 6);
            assert_eq!(
                changepoints(&values, penalty, 1e-6),
                by_trying_all(&values, penalty, 1e-6)
            );
        }
    }

    #[test]
    fn a_step_is_found_where_it_is_and_equal_values_have_none() {
        let mut values = vec![1.0; 40];
        values[17..].fill(2.0);
        assert_eq!(changepoints(&values, 50.0, 1e-3), [0, 17]);
        assert_eq!(changepoints(&[3.0; 40], 50.0, 1e-3), [0]);
        for n in 1..LEAST_LENGTH {
            assert_eq!(changepoints(&vec![1.0; n], 50.0, 1e-3), [0], "{n}");
        }
        assert!(changepoints(&[], 50.0, 1e-3).is_empty());
    }
}
