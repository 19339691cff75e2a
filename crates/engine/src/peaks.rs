//! What a device reaches at best: the roof over every kernel.
//!
//! S. Williams, A. Waterman, D. Patterson: "Roofline: An Insightful Visual Performance Model for
//! Multicore Architectures", CACM 52 (2009).

use laptime_graph::schedule::Touch;
use serde::{Deserialize, Serialize};

/// The best of several trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peaks {
    /// Floating-point operations a second in products, a multiply-add being 2.
    pub flops: f64,
    /// Bandwidth by how much memory is gone through, ascending; the last is that of memory beyond all
    /// caches.
    pub bandwidths: Vec<Bandwidth>,
}

/// The bandwidth within so much memory.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// The bytes that all threads together went through, again and again.
    pub bytes: u64,
    /// Bytes a second, read and written, of all threads together.
    pub bytes_per_s: f64,
}

impl Peaks {
    /// The better of both, figure by figure: a busy machine makes peaks too low, nothing makes them too
    /// high.
    pub fn better(&mut self, other: &Self) {
        self.flops = self.flops.max(other.flops);
        for copy in &mut self.bandwidths {
            let same = other.bandwidths.iter().find(|it| it.bytes == copy.bytes);
            copy.bytes_per_s =
                same.map_or(copy.bytes_per_s, |it| copy.bytes_per_s.max(it.bytes_per_s));
        }
    }

    /// The least seconds in which so many operations can be done.
    pub fn compute_s(&self, flops: u64) -> f64 {
        if flops == 0 {
            return 0.0;
        }
        flops as f64 / self.flops
    }

    /// The least seconds in which tensors can be gone through, each with the bandwidth of the memory that
    /// holds all that was touched since it was.
    pub fn memory_s(&self, traffic: &[Touch]) -> f64 {
        let touches = traffic.iter();
        let seconds =
            touches.map(|touch| touch.bytes as f64 / self.bandwidth(touch.distance_bytes));
        seconds.sum()
    }

    /// Bytes a second within so much memory; infinite where nothing was measured, so that nothing is bound
    /// by it.
    fn bandwidth(&self, bytes: u64) -> f64 {
        let within = self.bandwidths.iter().find(|copy| copy.bytes >= bytes);
        let copy = within.or(self.bandwidths.last());
        copy.map_or(f64::INFINITY, |copy| copy.bytes_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks(flops: f64, near: f64, far: f64) -> Peaks {
        let copy = |bytes, bytes_per_s| Bandwidth { bytes, bytes_per_s };
        Peaks {
            flops,
            bandwidths: vec![copy(1000, near), copy(100_000, far)],
        }
    }

    #[test]
    fn what_is_far_away_takes_longer() {
        let peaks = peaks(1e9, 100.0, 10.0);
        let touch = |bytes, distance_bytes| Touch {
            bytes,
            distance_bytes,
        };
        assert_eq!(peaks.memory_s(&[touch(50, 1000)]), 0.5);
        assert_eq!(peaks.memory_s(&[touch(50, 1001), touch(50, 10)]), 5.5);
        // Beyond all that was measured.
        assert_eq!(peaks.memory_s(&[touch(50, 10_000_000)]), 5.0);
        assert_eq!(
            (peaks.compute_s(2_000_000_000), peaks.compute_s(0)),
            (2.0, 0.0)
        );
    }

    #[test]
    fn a_busy_machine_is_measured_again() {
        let mut best = peaks(1e9, 100.0, 10.0);
        best.better(&peaks(2e9, 50.0, 20.0));
        assert_eq!(best, peaks(2e9, 100.0, 20.0));
    }

    #[test]
    fn nothing_is_bound_by_what_was_not_measured() {
        let none = Peaks {
            flops: 1.0,
            bandwidths: Vec::new(),
        };
        let touch = Touch {
            bytes: 1,
            distance_bytes: 1,
        };
        assert_eq!(none.memory_s(&[touch]), 0.0);
    }
}
