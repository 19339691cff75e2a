//! What a live view has seen of a training: its curves.

use std::{array, collections::VecDeque, time::Instant};

use laptime_engine::Score;
use laptime_measure::Stage;
use laptime_workload::MOST_METRICS;

/// Points of a curve at most; beyond, every second is dropped, so that a long training keeps its shape.
const MOST_POINTS: usize = 600;

/// Looks that the throughput's line shows.
const MOST_SPEEDS: usize = 400;

/// The curves.
#[derive(Debug, Default)]
pub struct History {
    /// (epochs, mean) of each metric over the samples between two looks.
    pub metrics: [Vec<(f64, f64)>; MOST_METRICS],
    /// Samples a second, the latest last.
    pub samples_per_s: VecDeque<u64>,
    last: Option<Look>,
    /// Looks between two points: doubled whenever points are dropped.
    stride: u32,
    skipped: u32,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    epoch: usize,
    score: Score,
    samples: u64,
}

impl History {
    /// Adds what is seen now.
    pub fn look(&mut self, now: Instant, stage: Stage, score: Score) {
        let Stage::Training {
            epoch,
            epoch_samples,
            samples_before,
        } = stage
        else {
            self.last = None;
            return;
        };
        let look = Look {
            at: now,
            epoch,
            score,
            samples: samples_before + score.samples,
        };
        let Some(last) = self.last else {
            self.last = Some(look);
            return;
        };
        let elapsed_s = (now - last.at).as_secs_f64();
        if look.samples <= last.samples || elapsed_s <= 0.0 {
            return;
        }
        let speed = (look.samples - last.samples) as f64 / elapsed_s;
        self.samples_per_s.push_back(speed as u64);
        if self.samples_per_s.len() > MOST_SPEEDS {
            self.samples_per_s.pop_front();
        }
        // The score is that of an epoch so far: what was added since shows where the loss is now.
        let before = match last.epoch == epoch {
            true => last.score,
            false => Score::default(),
        };
        let samples = score.samples.saturating_sub(before.samples);
        if samples > 0 && epoch_samples > 0 {
            let epochs = epoch as f64 + score.samples as f64 / epoch_samples as f64;
            let added = |metric: usize| score.sums[metric] - before.sums[metric];
            self.add(
                epochs,
                array::from_fn(|metric| added(metric) / samples as f64),
            );
        }
        self.last = Some(look);
    }

    fn add(&mut self, epochs: f64, means: [f64; MOST_METRICS]) {
        self.skipped += 1;
        if self.skipped < self.stride.max(1) {
            return;
        }
        self.skipped = 0;
        for (curve, mean) in self.metrics.iter_mut().zip(means) {
            if mean.is_finite() {
                curve.push((epochs, mean));
            }
        }
        if self.metrics.iter().any(|curve| curve.len() > MOST_POINTS) {
            self.stride = 2 * self.stride.max(1);
            for curve in &mut self.metrics {
                let mut place = 0;
                curve.retain(|_| {
                    place += 1;
                    place % 2 == 1
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn training(epoch: usize) -> Stage {
        Stage::Training {
            epoch,
            epoch_samples: 1000,
            samples_before: 1000 * epoch as u64,
        }
    }

    fn score(samples: u64, loss_sum: f64, correct: u64) -> Score {
        let sums = [loss_sum, correct as f64];
        Score { samples, sums }
    }

    #[test]
    fn a_point_is_of_the_samples_since_the_look_before() {
        let mut history = History::default();
        let begin = Instant::now();
        let at = |tenths: u64| begin + Duration::from_millis(100 * tenths);
        history.look(at(0), Stage::Compiling, Score::default());
        history.look(at(1), training(0), score(100, 200.0, 10));
        history.look(at(2), training(0), score(300, 400.0, 110));
        history.look(at(3), training(0), score(300, 400.0, 110));
        history.look(at(4), training(1), score(100, 50.0, 90));
        let [loss, accuracy] = &history.metrics;
        assert_eq!(*loss, [(0.3, 1.0), (1.1, 0.5)]);
        assert_eq!(*accuracy, [(0.3, 0.5), (1.1, 0.9)]);
        assert_eq!(history.samples_per_s, [2000, 4000]);
    }

    #[test]
    fn a_long_training_keeps_its_shape_in_few_points() {
        let mut history = History::default();
        let begin = Instant::now();
        for step in 0..20_000u64 {
            let (epoch, within) = (step as usize / 100, step % 100 + 1);
            let samples = 10 * within;
            let now = begin + Duration::from_millis(100 * step);
            history.look(
                now,
                training(epoch),
                score(samples, samples as f64, samples),
            );
        }
        let loss = &history.metrics[0];
        assert!((200..=MOST_POINTS).contains(&loss.len()), "{}", loss.len());
        let last = loss.last().unwrap().0;
        assert!(last > 190.0, "{last}");
        assert_eq!(history.samples_per_s.len(), MOST_SPEEDS);
    }

    #[test]
    fn a_loss_that_is_not_finite_is_no_point() {
        let mut history = History::default();
        let begin = Instant::now();
        history.look(begin, training(0), score(100, 1.0, 10));
        let later = begin + Duration::from_secs(1);
        history.look(later, training(0), score(200, f64::NAN, 20));
        assert_eq!(history.metrics.map(|curve| curve.len()), [0, 1]);
    }
}
