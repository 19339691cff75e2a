//! What bounds a training step: the measurements, and what they say.
//!
//! A kernel can be done no faster than its operations at the device's peak, nor than its bytes at the
//! bandwidth of the memory that holds them: the longer of the two is what it is bound by (S. Williams,
//! A. Waterman, D. Patterson: "Roofline", CACM 52, 2009). What it takes longer than that, and all time
//! between kernels, is overhead.
//!
//! A model is no proof, so the step is also timed with half the batch and with half the threads: a share
//! that is per-step overhead must stay when the batch is halved, and arithmetic must take longer with
//! half the cores.

use std::fmt;

use laptime_measure::statistics::median;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a step's time was spent, measured apart from the runs, on synthetic samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// Seconds that the measurements took, outside all totals.
    pub analysis_s: f64,
    /// What the device reaches at best.
    pub peaks: PeakFacts,
    /// The kernels of a step, by kind.
    pub kernels: Vec<KernelKind>,
    /// Seconds of a step in which the first thread waits for others.
    pub waiting_s: f64,
    /// The mean step of each round, without a profile.
    pub step_s: Vec<f64>,
    /// The same with half the batch, in the same rounds; empty where a batch has one sample.
    pub half_batch_step_s: Vec<f64>,
    /// The same with half the threads, in the same rounds; empty where there is one thread.
    pub half_threads_step_s: Vec<f64>,
}

/// The best that a device has reached, in several trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeakFacts {
    /// Floating-point operations a second in products of the workload's precision.
    pub flops: f64,
    /// Bandwidth by how much memory is gone through, ascending.
    pub bandwidths: Vec<BandwidthFacts>,
}

/// The bandwidth within so much memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BandwidthFacts {
    /// Bytes that all threads together went through, again and again.
    pub bytes: u64,
    /// Bytes a second, read and written, of all threads together.
    pub bytes_per_s: f64,
}

/// All kernels of a kind in a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelKind {
    /// The operations in each.
    pub kernel: String,
    /// How many of them a step has.
    pub calls: u64,
    /// Seconds a step.
    pub step_s: f64,
    /// Floating-point operations, a step.
    pub flops: u64,
    /// Bytes moved, a step.
    pub bytes: u64,
    /// Of the seconds, those that the operations take at the peak, of kernels that are bound by it.
    pub compute_s: f64,
    /// Of the seconds, those that the bytes take at the bandwidth, of the other kernels.
    pub memory_s: f64,
}

/// What a step's time is bound by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// Arithmetic.
    Compute,
    /// Memory traffic.
    Memory,
    /// What a step takes whatever its batch size.
    Overhead,
    /// Making samples ready.
    Input,
    /// Nothing by itself.
    Mixed,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
            Self::Overhead => "overhead",
            Self::Input => "input",
            Self::Mixed => "no single limit",
        })
    }
}

/// The shares of the time, and the verdict on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bottleneck {
    /// What has at least 60 % of the time and stands the test of half the batch and half the threads.
    pub bound: Bound,
    /// The share of arithmetic at the peak, 0 to 1.
    pub compute: f64,
    /// The share of memory traffic at the bandwidth.
    pub memory: f64,
    /// The rest.
    pub overhead: f64,
    /// The share of making samples ready.
    pub input: f64,
    /// The share of a step that stays when the batch is halved; null where nobody tried.
    pub fixed: Option<f64>,
    /// How many times as long a step takes with half the threads; null where nobody tried.
    pub half_threads_ratio: Option<f64>,
    /// Whether the kernels together went faster than the peak: then the peak was measured too low, on a busy machine,
    /// and the shares are not to be believed.
    pub peak_is_low: bool,
    /// Whether half the batch or half the threads contradict a decisive share; then there is no verdict.
    pub is_contradicted: bool,
}

/// The share that makes a verdict.
const DECISIVE: f64 = 0.6;
/// Of a share that is called per-step overhead, so much must stay when the batch is halved.
const STAYS: f64 = 0.5;
/// Arithmetic takes at least so many times as long with half the threads: not 2, because one thread's
/// clock is often higher.
const SLOWER_BY_HALF_THE_THREADS: f64 = 1.4;
/// A peak is the best of some trials, and so is a kernel's time a mean of some steps.
const TOLERANCE: f64 = 1.03;

impl Analysis {
    /// What the measurements say of a training with this share of time for making samples ready; `None`
    /// where no kernel took any time.
    pub fn bottleneck(&self, input: f64) -> Option<Bottleneck> {
        let sum = |of: fn(&KernelKind) -> f64| self.kernels.iter().map(of).sum::<f64>();
        let total_s = sum(|kind| kind.step_s) + self.waiting_s;
        if !(total_s.is_finite() && total_s > 0.0) {
            return None;
        }
        let input = if input.is_finite() {
            input.clamp(0.0, 1.0)
        } else {
            0.0
        };
        let share = |seconds: f64| (1.0 - input) * seconds / total_s;
        let (compute, memory) = (
            share(sum(|kind| kind.compute_s)),
            share(sum(|kind| kind.memory_s)),
        );
        let overhead = (1.0 - input - compute - memory).max(0.0);
        let mut shares = Bottleneck {
            bound: Bound::Mixed,
            compute,
            memory,
            overhead,
            input,
            fixed: ratio(&self.half_batch_step_s, &self.step_s).map(|half| 2.0 * half - 1.0),
            half_threads_ratio: ratio(&self.half_threads_step_s, &self.step_s),
            is_contradicted: false,
            // Of all kernels together: the first thread, which times them, may have less of one than others.
            peak_is_low: sum(|kind| kind.flops as f64) > TOLERANCE * self.peaks.flops * total_s,
        };
        shares.is_contradicted = shares.contradicted();
        shares.bound = shares.judged();
        Some(shares)
    }
}

impl Bottleneck {
    /// Arithmetic takes longer with half the cores, and overhead stays when the batch is halved.
    fn contradicted(&self) -> bool {
        let mut ratio = self.half_threads_ratio.iter();
        let mut fixed = self.fixed.iter();
        self.compute >= DECISIVE && ratio.any(|ratio| *ratio < SLOWER_BY_HALF_THE_THREADS)
            || self.overhead >= DECISIVE && fixed.any(|fixed| *fixed < STAYS * self.overhead)
    }

    fn judged(&self) -> Bound {
        if self.peak_is_low || self.is_contradicted {
            return Bound::Mixed;
        }
        if self.input >= DECISIVE {
            Bound::Input
        } else if self.compute >= DECISIVE {
            Bound::Compute
        } else if self.memory >= DECISIVE {
            Bound::Memory
        } else if self.overhead >= DECISIVE {
            Bound::Overhead
        } else {
            Bound::Mixed
        }
    }

    /// Whether the largest share is of kernels that are far from the peaks in work that grows with the batch:
    /// no overhead of steps, but of kernels.
    pub fn is_inefficient(&self) -> bool {
        self.bound == Bound::Mixed
            && !self.peak_is_low
            && self.overhead >= self.compute.max(self.memory).max(self.input)
            && self
                .fixed
                .is_some_and(|fixed| fixed < STAYS * self.overhead)
    }
}

/// The median of the rounds' ratios; `None` without rounds.
fn ratio(numerator: &[f64], denominator: &[f64]) -> Option<f64> {
    let rounds = numerator.iter().zip(denominator);
    let ratios: Vec<f64> = rounds.map(|(above, below)| above / below).collect();
    median(&ratios).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn analysis(compute_s: f64, memory_s: f64, half_batch_s: f64, half_threads_s: f64) -> Analysis {
        Analysis {
            analysis_s: 1.0,
            peaks: PeakFacts {
                flops: 1e9,
                bandwidths: Vec::new(),
            },
            kernels: vec![KernelKind {
                kernel: "dense".into(),
                calls: 1,
                step_s: 0.9,
                flops: (compute_s * 1e9) as u64,
                bytes: 0,
                compute_s,
                memory_s,
            }],
            waiting_s: 0.1,
            step_s: vec![1.0; 3],
            half_batch_step_s: vec![half_batch_s; 3],
            half_threads_step_s: vec![half_threads_s; 3],
        }
    }

    fn judged(analysis: &Analysis) -> Bottleneck {
        analysis.bottleneck(0.0).expect("kernels took time")
    }

    fn bound(analysis: &Analysis) -> Bound {
        judged(analysis).bound
    }

    #[test]
    fn each_bound_has_its_evidence() {
        assert_eq!(bound(&analysis(0.7, 0.1, 0.5, 1.9)), Bound::Compute);
        assert_eq!(bound(&analysis(0.1, 0.7, 0.6, 1.1)), Bound::Memory);
        assert_eq!(bound(&analysis(0.1, 0.1, 0.9, 1.1)), Bound::Overhead);
        assert_eq!(bound(&analysis(0.4, 0.2, 0.7, 1.5)), Bound::Mixed);
        let slow_input = analysis(0.9, 0.0, 0.5, 2.0).bottleneck(0.7);
        let slow_input = slow_input.expect("kernels took time");
        assert_eq!(slow_input.bound, Bound::Input);
        assert!((slow_input.compute - 0.27).abs() < 1e-9, "{slow_input:?}");
    }

    #[test]
    fn a_verdict_that_the_trials_contradict_is_withheld() {
        // The rest is 80 %, and yet half the batch takes half the time.
        let slow_kernels = analysis(0.1, 0.1, 0.5, 2.0);
        assert_eq!(bound(&slow_kernels), Bound::Mixed);
        assert!(judged(&slow_kernels).is_inefficient());
        // Arithmetic that is as fast with half the cores.
        assert_eq!(bound(&analysis(0.7, 0.1, 0.5, 1.0)), Bound::Mixed);
    }

    #[test]
    fn a_kernel_above_the_peak_is_a_fault_of_the_peak() {
        let mut busy = analysis(0.9, 0.0, 0.5, 1.9);
        busy.peaks.flops = 0.5e9;
        let judged = judged(&busy);
        assert!(
            judged.peak_is_low && judged.bound == Bound::Mixed,
            "{judged:?}"
        );
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        let mut empty = analysis(0.0, 0.0, 0.0, 0.0);
        empty.kernels.clear();
        empty.waiting_s = 0.0;
        empty.step_s.clear();
        assert_eq!(empty.bottleneck(0.5), None);
        // What a broken clock says of the input is nothing.
        let found = analysis(0.7, 0.1, 0.5, 1.9).bottleneck(f64::NAN);
        assert_eq!(found.map(|it| it.input), Some(0.0));
    }
}
