//! How a window slides over a batch of images: the geometry that convolutions and pools share.

use laptime_workload::Window;

/// The shape of a batch of images, (B, H, W, C).
pub type ImageShape = [usize; 4];

/// The shape of y (B, H', W', O) for x of this shape. Panics where the window is larger than the
/// padded image, which no resolved workload has.
pub(crate) fn output_shape(x_shape: ImageShape, window: &Window, channels: usize) -> ImageShape {
    let [batch, height, width, _] = x_shape;
    let output = window.output([height, width]);
    let [height, width] = output.expect("the window fits into the padded image");
    [batch, height, width, channels]
}

/// For each tap of the window, row by row, where it joins an image x and its y: pairs (i, j), where i is a
/// row of x as a matrix (H·W, C) and j a row of y as a matrix (H'·W', O). Padding has no pairs.
pub(crate) fn joins(x_shape: ImageShape, window: &Window) -> Vec<Vec<(usize, usize)>> {
    let [_, height, width, _] = x_shape;
    let [_, rows, columns, _] = output_shape(x_shape, window, 1);
    // Outputs whose tap meets the image, along one axis: a large window has many that never do, and
    // they are not walked.
    let along = |axis: usize, tap: usize, input: usize, outputs: usize| {
        let (stride, before) = (window.stride[axis], window.padding[2 * axis]);
        let tap = tap * window.dilation[axis];
        let first = before.saturating_sub(tap).div_ceil(stride);
        let end = (before + input).saturating_sub(tap).div_ceil(stride);
        first..end.min(outputs)
    };
    let join = |[tap_row, tap_column]: [usize; 2]| {
        let columns_met = along(1, tap_column, width, columns);
        let mut pairs = Vec::new();
        for row in along(0, tap_row, height, rows) {
            let x_row = row * window.stride[0] + tap_row * window.dilation[0] - window.padding[0];
            for column in columns_met.clone() {
                let x_column =
                    column * window.stride[1] + tap_column * window.dilation[1] - window.padding[2];
                pairs.push((x_row * width + x_column, row * columns + column));
            }
        }
        pairs
    };
    let [kernel_height, kernel_width] = window.kernel;
    (0..kernel_height)
        .flat_map(|row| (0..kernel_width).map(move |column| [row, column]))
        .map(join)
        .collect()
}

#[cfg(test)]
mod tests {
    use laptime_graph::window::input_position;

    use super::*;

    /// Against the question, for every output and tap, where it lies.
    #[test]
    fn every_tap_joins_what_it_meets() {
        let mut met = 0;
        for kernel in [[1, 1], [2, 3], [5, 4], [9, 11]] {
            for stride in [[1, 1], [2, 1], [3, 4]] {
                for (padding, dilation) in [
                    ([0, 0, 0, 0], [1, 1]),
                    ([1, 2, 3, 0], [1, 2]),
                    ([9, 8, 7, 9], [1, 1]),
                    ([9, 8, 7, 9], [3, 2]),
                ] {
                    let window = Window {
                        kernel,
                        stride,
                        padding,
                        dilation,
                    };
                    let size = [4, 5];
                    let Some([rows, columns]) = window.output(size) else {
                        continue;
                    };
                    let found = joins([1, size[0], size[1], 1], &window);
                    for (number, pairs) in found.iter().enumerate() {
                        let tap = [number / kernel[1], number % kernel[1]];
                        let all = (0..rows).flat_map(|i| (0..columns).map(move |j| [i, j]));
                        let expected = all.filter_map(|[i, j]| {
                            let [p, q] = input_position(&window, size, [i, j], tap)?;
                            Some((p * size[1] + q, i * columns + j))
                        });
                        assert!(pairs.iter().copied().eq(expected), "{window:?} {tap:?}");
                        met += pairs.len();
                    }
                    assert_eq!(found.len(), kernel[0] * kernel[1]);
                }
            }
        }
        assert!(met > 1000);
    }
}
