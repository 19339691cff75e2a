//! Which taps of a window meet the image: the geometry of convolutions and pools.
//!
//! A *tap* is a place in the kernel. On a small image, or at its border, a tap may fall on padding,
//! where there is nothing to multiply with.

use laptime_workload::Window;

/// Where tap `tap` of the window lies for output position `output`, or `None` where that is padding.
/// All are (row, column).
pub fn input_position(
    window: &Window,
    input: [usize; 2],
    output: [usize; 2],
    tap: [usize; 2],
) -> Option<[usize; 2]> {
    let along = |axis: usize, before: usize| {
        let place = output[axis] * window.stride[axis] + tap[axis] * window.dilation[axis];
        place
            .checked_sub(before)
            .filter(|place| *place < input[axis])
    };
    let [above, _, left, _] = window.padding;
    Some([along(0, above)?, along(1, left)?])
}

/// How many (output position, tap) pairs meet the image: what a convolution multiplies, per pair
/// of channels and sample.
pub fn live_pairs(window: &Window, input: [usize; 2], output: [usize; 2]) -> usize {
    let along = |axis: usize| {
        positions(output[axis], window.kernel[axis])
            .filter(|&(place, tap)| live(window, axis, input[axis], place, tap))
            .count()
    };
    along(0) * along(1)
}

/// Whether each tap, row by row, meets the image for any output position. A dead tap's weights
/// only ever meet padding: their gradient is exactly zero, and only an update rule that decays weights moves
/// one whose gradient always was.
pub fn live_taps(window: &Window, input: [usize; 2], output: [usize; 2]) -> Vec<bool> {
    let along = |axis: usize, tap: usize| {
        (0..output[axis]).any(|place| live(window, axis, input[axis], place, tap))
    };
    positions(window.kernel[0], window.kernel[1])
        .map(|(row, column)| along(0, row) && along(1, column))
        .collect()
}

fn positions(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

fn live(window: &Window, axis: usize, input: usize, place: usize, tap: usize) -> bool {
    let before = window.padding[2 * axis];
    let at = place * window.stride[axis] + tap * window.dilation[axis];
    at >= before && at - before < input
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same3() -> Window {
        Window {
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1, 1, 1],
            dilation: [1; 2],
        }
    }

    #[test]
    fn on_one_position_only_the_middle_tap_lives() {
        let live = live_taps(&same3(), [1, 1], [1, 1]);
        assert_eq!(live.iter().filter(|&&live| live).count(), 1);
        assert!(live[4]);
        assert_eq!(live_pairs(&same3(), [1, 1], [1, 1]), 1);
    }

    #[test]
    fn borders_have_fewer_pairs() {
        assert_eq!(live_pairs(&same3(), [2, 2], [2, 2]), 16);
        assert_eq!(live_pairs(&same3(), [8, 8], [8, 8]), 22 * 22);
        assert!(live_taps(&same3(), [2, 2], [2, 2]).iter().all(|&live| live));
    }

    #[test]
    fn a_tap_lies_where_stride_and_padding_put_it() {
        let window = Window {
            kernel: [7, 7],
            stride: [2, 2],
            padding: [3, 3, 3, 3],
            dilation: [1; 2],
        };
        assert_eq!(
            input_position(&window, [32, 32], [0, 0], [3, 3]),
            Some([0, 0])
        );
        assert_eq!(input_position(&window, [32, 32], [0, 1], [3, 0]), None);
        assert_eq!(
            input_position(&window, [32, 32], [15, 15], [4, 3]),
            Some([31, 30])
        );
        assert_eq!(input_position(&window, [32, 32], [15, 15], [5, 3]), None);
    }
}
