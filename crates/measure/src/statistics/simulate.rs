//! Simulated times, for the tests of coverage and of false alarms.

use super::special::normal_below;
use laptime_workload::random::{Purpose, Stream};

/// The samples of a simulation: the standard error of a coverage of 95 % is then 0.5 %.
pub const SAMPLES: u32 = 2000;

/// A distribution of times.
#[derive(Debug, Clone, Copy)]
pub enum Noise {
    /// Log-normal with median 1 and this spread of the logarithm.
    LogNormal(f64),
    /// 70 % around 1 and 30 % around 1.1, each log-normal with a spread of 2 %: a clock that
    /// sometimes does not boost.
    Bimodal,
}

const MODES: [(f64, f64); 2] = [(0.7, 1.0), (0.3, 1.1)];
const MODE_LOG_SD: f64 = 0.02;

impl Noise {
    pub fn time(self, stream: &mut Stream) -> f64 {
        match self {
            Noise::LogNormal(log_sd) => (log_sd * normal(stream)).exp(),
            Noise::Bimodal => {
                let mode = usize::from(stream.next_unit() >= MODES[0].0);
                MODES[mode].1 * (MODE_LOG_SD * normal(stream)).exp()
            }
        }
    }

    pub fn times(self, stream: &mut Stream, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.time(stream)).collect()
    }

    /// The true median.
    pub fn median(self) -> f64 {
        let (mut low, mut high) = (0.5, 2.0);
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            let below: f64 = MODES
                .iter()
                .map(|(share, mode)| share * normal_below((middle / mode).ln() / MODE_LOG_SD))
                .sum();
            if below < 0.5 {
                low = middle;
            } else {
                high = middle;
            }
        }
        match self {
            Noise::LogNormal(_) => 1.0,
            Noise::Bimodal => low,
        }
    }
}

/// A standard normal value (G. E. P. Box, M. E. Muller, 1958).
pub fn normal(stream: &mut Stream) -> f64 {
    let radius = (-2.0 * (1.0 - stream.next_unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * stream.next_unit()).cos()
}

/// The share of [`SAMPLES`] for which `holds`.
pub fn coverage(seed: u64, holds: impl FnMut(&mut Stream) -> bool) -> f64 {
    share_of(SAMPLES, seed, holds)
}

/// The share of so many samples for which `holds`.
pub fn share_of(samples: u32, seed: u64, mut holds: impl FnMut(&mut Stream) -> bool) -> f64 {
    let mut stream = Stream::new(seed, Purpose::Order, 0);
    let held = (0..samples).filter(|_| holds(&mut stream)).count();
    held as f64 / f64::from(samples)
}
