//! How a window slides over a batch of images: the geometry that convolutions and pools share.

use laptime_graph::window::input_position;
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
    let join = |tap: [usize; 2]| {
        let mut pairs = Vec::new();
        for row in 0..rows {
            for column in 0..columns {
                let y_row = row * columns + column;
                let place = input_position(window, [height, width], [row, column], tap);
                if let Some([row, column]) = place {
                    pairs.push((row * width + column, y_row));
                }
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
