//! Which numbers a format can hold: a training that diverges is the same training for as long as it can
//! be told.
//!
//! The oracle computes in f64, whose range ends at 10³⁰⁸; single precision ends at 3.4·10³⁸, and what an
//! engine computes on the way (squares, sums) may leave it earlier than the results do. So of a step whose
//! results the format cannot hold, an engine must give something that is not finite; of one whose results
//! are large, it may; of any other, it must not.

use laptime_graph::State;

/// What a number format can hold of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Range {
    /// Everything, with room for what is computed on the way.
    Inside,
    /// The results, but perhaps not all that is computed on the way.
    Near,
    /// Not even the results.
    Outside,
}

/// The magnitudes at which a format's range begins to matter.
pub(super) struct Limits {
    /// Beyond it, something on the way may overflow.
    near: f64,
    /// What is beyond it overflows.
    end: f64,
}

impl Limits {
    /// Of single precision, whose range bfloat16 shares. Values of 2⁴⁰ have cubes of 2¹²⁰.
    pub(super) const SINGLE: Self = Self {
        near: (1u64 << 40) as f64,
        // Just beyond the largest number, rounding decides.
        end: 2.0 * f32::MAX as f64,
    };

    /// Of double precision, as far as the gate can compare: a Euclidean norm squares its values.
    pub(super) const DOUBLE: Self = Self {
        near: 1e100,
        end: 1e150,
    };

    /// Where results of at most this magnitude are, if the largest on the way is `on_the_way`.
    pub(super) fn range(&self, results: f64, on_the_way: f64) -> Range {
        if results > self.end {
            Range::Outside
        } else if results.max(on_the_way) > self.near {
            Range::Near
        } else {
            Range::Inside
        }
    }
}

/// The largest magnitude; infinite where something is not a number.
pub(super) fn largest<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().fold(0.0, |largest, value| {
        if value.is_nan() {
            f64::INFINITY
        } else {
            largest.max(value.abs())
        }
    })
}

/// The same over all of a state.
pub(super) fn largest_of_state(state: &State) -> f64 {
    largest(state.tensors.iter().flat_map(|tensor| &tensor.values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_outside_of_every_range() {
        for limits in [Limits::SINGLE, Limits::DOUBLE] {
            for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let results = largest(&[1.0, value, -2.0]);
                assert_eq!(limits.range(results, 0.0), Range::Outside, "{value}");
            }
            assert_eq!(limits.range(largest(&[1.0, -2e9]), 3.0), Range::Inside);
        }
    }

    #[test]
    fn single_precision_ends_earlier_than_double() {
        let single = |results, on_the_way| Limits::SINGLE.range(results, on_the_way);
        assert_eq!(single(1e39, 0.0), Range::Outside);
        assert_eq!(single(f64::from(f32::MAX), 0.0), Range::Near);
        assert_eq!(single(1.0, 1e39), Range::Near);
        assert_eq!(Limits::DOUBLE.range(1e39, 1e39), Range::Inside);
    }
}
