//! What a kernel is bound by.

use laptime_engine::{KernelTime, Peaks};

/// The seconds of a kernel that its bound explains; the rest is overhead.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct BoundBy {
    /// Seconds of arithmetic at the peak, where that takes longer than the memory traffic.
    pub compute_s: f64,
    /// Seconds of memory traffic at the bandwidth, where that takes longer.
    pub memory_s: f64,
}

/// The bound of a kernel: arithmetic and memory traffic overlap, so the longer one counts.
pub fn bound_by(kernel: &KernelTime, peaks: &Peaks) -> BoundBy {
    let (compute_s, memory_s) = (
        peaks.compute_s(kernel.flops),
        peaks.memory_s(&kernel.traffic),
    );
    // A time below its bound is a bound measured too low: it explains all of it.
    if compute_s >= memory_s {
        BoundBy {
            compute_s: compute_s.min(kernel.step_s),
            memory_s: 0.0,
        }
    } else {
        BoundBy {
            compute_s: 0.0,
            memory_s: memory_s.min(kernel.step_s),
        }
    }
}

#[cfg(test)]
mod tests {
    use laptime_engine::Bandwidth;
    use laptime_graph::schedule::Touch;

    use super::*;

    #[test]
    fn the_longer_of_both_counts_and_never_more_than_was_measured() {
        let peaks = Peaks {
            flops: 1e9,
            bandwidths: vec![Bandwidth {
                bytes: 1000,
                bytes_per_s: 1e9,
            }],
        };
        let kernel = |flops, bytes, step_s| KernelTime {
            kernel: "dense".into(),
            makes: "y".into(),
            step_s,
            flops,
            traffic: vec![Touch {
                bytes,
                distance_bytes: 1,
            }],
        };
        let bound = |flops, bytes, step_s| bound_by(&kernel(flops, bytes, step_s), &peaks);
        let compute = bound(1_000_000_000, 10, 2.0);
        assert_eq!((compute.compute_s, compute.memory_s), (1.0, 0.0));
        let memory = bound(10, 1_000_000_000, 0.5);
        assert_eq!((memory.compute_s, memory.memory_s), (0.0, 0.5));
        assert_eq!(bound(0, 0, 1.0), BoundBy::default());
    }
}
