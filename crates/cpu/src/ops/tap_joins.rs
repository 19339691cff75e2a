//! Which positions of an image the taps of a window join: what convolutions that never multiply padding go by.

use laptime_graph::window::input_position;
use laptime_workload::Window;

/// For each place of one kind, the pairs that meet there.
pub(super) type Met = Vec<Vec<(usize, usize)>>;

/// A tap with the positions that it joins.
struct Joined {
    tap: usize,
    input: usize,
    output: usize,
}

pub(super) fn taps(window: &Window) -> usize {
    window.kernel.iter().product()
}

/// For each position of y: taps, with the positions of x. x and y are images of these shapes, here as below.
pub(super) fn met_by_output(window: &Window, x: &[usize], y: &[usize]) -> Met {
    collected(window, x, y, y[1] * y[2], |one| {
        (one.output, (one.tap, one.input))
    })
}

/// For each position of x: taps, with the positions of y.
pub(super) fn met_by_input(window: &Window, x: &[usize], y: &[usize]) -> Met {
    collected(window, x, y, x[1] * x[2], |one| {
        (one.input, (one.tap, one.output))
    })
}

/// For each tap: positions of x and of y.
pub(super) fn met_by_tap(window: &Window, x: &[usize], y: &[usize]) -> Met {
    collected(window, x, y, taps(window), |one| {
        (one.tap, (one.input, one.output))
    })
}

/// All that meet the image, each in one of so many places.
fn collected(
    window: &Window,
    x: &[usize],
    y: &[usize],
    places: usize,
    place: impl Fn(Joined) -> (usize, (usize, usize)),
) -> Met {
    let columns = window.kernel[1];
    let mut met = vec![Vec::new(); places];
    for output in 0..y[1] * y[2] {
        for tap in 0..taps(window) {
            let at = [output / y[2], output % y[2]];
            let input = input_position(window, [x[1], x[2]], at, [tap / columns, tap % columns]);
            if let Some([row, column]) = input {
                let input = row * x[2] + column;
                let (place, pair) = place(Joined { tap, input, output });
                met[place].push(pair);
            }
        }
    }
    met
}
