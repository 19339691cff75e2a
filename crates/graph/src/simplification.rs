//! What a convolution need not multiply: what only meets padding, and what Winograd's way saves. Each may be taken or
//! left, so that one sees what it gives.

use std::fmt;

use laptime_workload::Window;

use crate::window::{live_pairs, live_taps};

/// A simplification of convolutions. One of padding that is not taken has its products done with zeros in the place
/// of padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Simplification {
    /// Taps that never meet the image are not multiplied, and their weights not read: their gradient is
    /// exactly zero. They are not updated either, but for an update that moves them all the same, as a
    /// decay does.
    DeadTaps,
    /// Of the other taps, every position multiplies only those that meet the image there.
    BorderPositions,
    /// Products where 3×3 windows of stride 1 have many channels are made two by two (Lavin & Gray 2016), with 16
    /// multiplications for 36. It is not exact: sums are rounded otherwise.
    Winograd,
}

impl Simplification {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DeadTaps, Self::BorderPositions, Self::Winograd];

    /// Those that leave out padding, and change no result.
    pub const OF_PADDING: [Self; 2] = [Self::DeadTaps, Self::BorderPositions];

    /// The name on the command line and in `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadTaps => "dead-taps",
            Self::BorderPositions => "border-positions",
            Self::Winograd => "winograd",
        }
    }
}

impl fmt::Display for Simplification {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many (output position, tap) pairs a convolution multiplies, per pair of channels and sample,
/// where these simplifications of padding are taken.
pub fn multiplied_pairs(
    window: &Window,
    input: [usize; 2],
    output: [usize; 2],
    taken: &[Simplification],
) -> usize {
    let positions: usize = output.iter().product();
    if taken.is_empty() {
        return positions * window.kernel.iter().product::<usize>();
    }
    let live = live_taps(window, input, output);
    let of_live_taps = positions * live.iter().filter(|&&live| live).count();
    let of_dead_taps = positions * live.len() - of_live_taps;
    let at_borders = of_live_taps - live_pairs(window, input, output);
    let left_out = |one: &Simplification| match one {
        Simplification::DeadTaps => of_dead_taps,
        Simplification::BorderPositions => at_borders,
        Simplification::Winograd => 0,
    };
    let all = of_live_taps + of_dead_taps;
    let left_out: usize = Simplification::ALL
        .iter()
        .filter(|one| taken.contains(one))
        .map(left_out)
        .sum();
    all - left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    use Simplification::{BorderPositions, DeadTaps};

    /// The pairs multiplied with nothing taken, with either, and with both.
    fn pairs(kernel: usize, padding: usize, size: usize) -> [usize; 4] {
        let window = Window {
            kernel: [kernel; 2],
            stride: [1; 2],
            padding: [padding; 4],
            dilation: [1; 2],
        };
        let output = window.output([size; 2]).unwrap();
        [
            &[][..],
            &[DeadTaps],
            &[BorderPositions],
            &[BorderPositions, DeadTaps],
        ]
        .map(|taken| multiplied_pairs(&window, [size; 2], output, taken))
    }

    #[test]
    fn each_simplification_leaves_out_its_own_pairs() {
        // On one position everything outside of it is a dead tap; with a window as large as the
        // image, everything is at a border.
        assert_eq!(pairs(3, 1, 1), [9, 1, 9, 1]);
        assert_eq!(pairs(3, 1, 2), [36, 36, 16, 16]);
        // On 2×2 positions the outermost taps of 5×5 are dead, and the 3×3 within are as above.
        assert_eq!(pairs(5, 2, 2), [100, 36, 80, 16]);
        // Without padding there is nothing to leave out.
        assert_eq!(pairs(3, 0, 5), [81; 4]);
    }
}
