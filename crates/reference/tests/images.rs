//! Operations on images: values against the plainest formula, gradients against finite differences.

mod common;

use common::{check_gradient, net::square, random, weighted};
use laptime_graph::window::input_position;
use laptime_reference::ops::{self, ImageShape};
use laptime_workload::Window;

/// An image that is no square, with every kind of window: strides, padding on all sides, on two
/// alone (as TensorFlow's "same" has it), different along the axes; larger than the image; and one
/// that is mostly dead taps.
fn windows() -> Vec<(ImageShape, Window)> {
    let asymmetric = Window {
        kernel: [3, 3],
        stride: [2, 2],
        padding: [0, 1, 0, 1],
        dilation: [1; 2],
    };
    let oblong = Window {
        kernel: [2, 3],
        stride: [1, 2],
        padding: [1, 0, 2, 1],
        dilation: [1; 2],
    };
    let dilated = Window {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 3, 2, 0],
        dilation: [2, 3],
    };
    vec![
        ([2, 5, 4, 3], dilated),
        ([2, 5, 4, 3], square(1, 1, 0)),
        ([2, 5, 4, 3], square(1, 2, 0)),
        ([2, 5, 4, 3], square(3, 1, 1)),
        ([2, 6, 4, 2], asymmetric),
        ([2, 5, 4, 3], oblong),
        ([1, 9, 8, 2], square(7, 2, 3)),
        ([1, 4, 3, 1], square(7, 2, 3)),
        ([3, 1, 1, 4], square(3, 1, 1)),
    ]
}

fn values(number: u32, shape: ImageShape) -> Vec<f64> {
    random(number).take(shape.iter().product()).collect()
}

fn y_shape(x_shape: ImageShape, window: &Window, channels: usize) -> ImageShape {
    let [batch, height, width, _] = x_shape;
    let [height, width] = window.output([height, width]).expect("fits");
    [batch, height, width, channels]
}

/// The row-major index.
fn at(shape: ImageShape, place: [usize; 4]) -> usize {
    place.iter().zip(shape).fold(0, |at, (i, n)| at * n + i)
}

/// Calls `visit` with every place of y and the values of x in its window, with their taps.
fn each_window(
    x_shape: ImageShape,
    window: &Window,
    channels: usize,
    mut visit: impl FnMut([usize; 4], Vec<([usize; 2], [usize; 2])>),
) {
    let [batch, rows, columns, _] = y_shape(x_shape, window, channels);
    let size = [x_shape[1], x_shape[2]];
    for b in 0..batch {
        for i in 0..rows {
            for j in 0..columns {
                for o in 0..channels {
                    let mut met = Vec::new();
                    for u in 0..window.kernel[0] {
                        for v in 0..window.kernel[1] {
                            if let Some(from) = input_position(window, size, [i, j], [u, v]) {
                                met.push(([u, v], from));
                            }
                        }
                    }
                    visit([b, i, j, o], met);
                }
            }
        }
    }
}

#[test]
fn conv2d() {
    for (x_shape, window) in windows() {
        let what = format!("{x_shape:?} {window:?}");
        let (channels, filters) = (x_shape[3], 5);
        let w_shape = [filters, channels, window.kernel[0], window.kernel[1]];
        let y_shape = y_shape(x_shape, &window, filters);
        let (x, w, dy) = (values(0, x_shape), values(1, w_shape), values(2, y_shape));
        let y = ops::conv2d(&x, x_shape, &w, &window);
        assert_eq!(y.len(), dy.len(), "{what}");
        each_window(x_shape, &window, filters, |[b, i, j, o], met| {
            let mut sum = 0.0;
            for ([u, v], [p, q]) in met {
                for c in 0..channels {
                    sum += x[at(x_shape, [b, p, q, c])] * w[at(w_shape, [o, c, u, v])];
                }
            }
            let y = y[at(y_shape, [b, i, j, o])];
            assert!((y - sum).abs() < 1e-14, "{what}: {y}, expected {sum}");
        });
        check_gradient(
            |x| weighted(&ops::conv2d(x, x_shape, &w, &window), &dy),
            &x,
            &ops::conv2d_grad_input(&dy, &w, x_shape, &window),
            &format!("conv2d_grad_input {what}"),
        );
        check_gradient(
            |w| weighted(&ops::conv2d(&x, x_shape, w, &window), &dy),
            &w,
            &ops::conv2d_grad_weight(&x, x_shape, &dy, &window),
            &format!("conv2d_grad_weight {what}"),
        );
    }
}

/// A row 1 2 3 under the kernel 10 1: a cross-correlation, not turned round.
#[test]
fn conv2d_by_hand() {
    let window = Window {
        kernel: [1, 2],
        stride: [1, 1],
        padding: [0, 0, 1, 0],
        dilation: [1; 2],
    };
    let y = ops::conv2d(&[1.0, 2.0, 3.0], [1, 1, 3, 1], &[10.0, 1.0], &window);
    assert_eq!(y, [1.0, 12.0, 23.0]);
}

/// A transposed convolution against what PyTorch's documentation says of `ConvTranspose2d`: each value of x is put
/// down, times the kernel, at its stride; then the padding is cut off. The gradients are those of its convolution.
#[test]
fn conv2d_transpose() {
    for (y_shape, window) in windows() {
        let what = format!("{y_shape:?} {window:?}");
        let filters = y_shape[3];
        let channels = 5;
        let x_shape = self::y_shape(y_shape, &window, channels);
        let w_shape = [channels, filters, window.kernel[0], window.kernel[1]];
        let (x, w, dy) = (values(0, x_shape), values(1, w_shape), values(2, y_shape));
        let mut expected = vec![0.0; dy.len()];
        let place = |along: usize, from: usize, tap: usize| {
            let to = from * window.stride[along] + tap * window.dilation[along];
            to.checked_sub(window.padding[2 * along])
                .filter(|to| *to < y_shape[1 + along])
        };
        each_place(x_shape, |[b, i, j, c]| {
            each_place(w_shape, |[of, o, u, v]| {
                if let (true, Some(p), Some(q)) = (of == c, place(0, i, u), place(1, j, v)) {
                    expected[at(y_shape, [b, p, q, o])] +=
                        x[at(x_shape, [b, i, j, c])] * w[at(w_shape, [c, o, u, v])];
                }
            });
        });
        let forward = |x: &[f64], w: &[f64]| ops::conv2d_grad_input(x, w, y_shape, &window);
        for (y, expected) in forward(&x, &w).iter().zip(&expected) {
            assert!(
                (y - expected).abs() < 1e-13,
                "{what}: {y}, expected {expected}"
            );
        }
        check_gradient(
            |x| weighted(&forward(x, &w), &dy),
            &x,
            &ops::conv2d(&dy, y_shape, &w, &window),
            &format!("conv2d_transpose, x {what}"),
        );
        check_gradient(
            |w| weighted(&forward(&x, w), &dy),
            &w,
            &ops::conv2d_grad_weight(&dy, y_shape, &x, &window),
            &format!("conv2d_transpose, w {what}"),
        );
    }
}

fn each_place([a, b, c, d]: [usize; 4], mut visit: impl FnMut([usize; 4])) {
    for number in 0..a * b * c * d {
        visit([
            number / (b * c * d),
            number / (c * d) % b,
            number / d % c,
            number % d,
        ]);
    }
}

#[test]
fn dead_taps_have_no_gradient() {
    let shape = [3, 1, 1, 4];
    let (x, dy) = (values(0, shape), values(1, shape));
    let dw = ops::conv2d_grad_weight(&x, shape, &dy, &square(3, 1, 1));
    for (place, dw) in dw.iter().enumerate() {
        assert_eq!(*dw != 0.0, place % 9 == 4, "{place}");
    }
}

#[test]
fn max_pool() {
    for (x_shape, window) in windows() {
        let what = format!("{x_shape:?} {window:?}");
        let channels = x_shape[3];
        let y_shape = y_shape(x_shape, &window, channels);
        let (x, dy) = (values(0, x_shape), values(1, y_shape));
        let y = ops::max_pool(&x, x_shape, &window);
        each_window(x_shape, &window, channels, |[b, i, j, c], met| {
            let found = met.iter().map(|(_, [p, q])| x[at(x_shape, [b, *p, *q, c])]);
            let largest = found.fold(f64::NEG_INFINITY, f64::max);
            assert_eq!(y[at(y_shape, [b, i, j, c])], largest, "{what}");
        });
        check_gradient(
            |x| weighted(&ops::max_pool(x, x_shape, &window), &dy),
            &x,
            &ops::max_pool_grad(&x, x_shape, &y, &dy, &window),
            &format!("max_pool_grad {what}"),
        );
    }
}

#[test]
fn of_equal_values_the_first_is_the_largest() {
    let (shape, window) = ([1, 2, 2, 1], square(2, 1, 0));
    let dx = |x: &[f64]| {
        let y = ops::max_pool(x, shape, &window);
        ops::max_pool_grad(x, shape, &y, &[5.0], &window)
    };
    assert_eq!(dx(&[0.0; 4]), [5.0, 0.0, 0.0, 0.0]);
    assert_eq!(dx(&[1.0, 2.0, 2.0, 0.0]), [0.0, 5.0, 0.0, 0.0]);
    assert_eq!(dx(&[-2.0, -2.0, -1.0, -1.0]), [0.0, 0.0, 5.0, 0.0]);
}

#[test]
fn padding_never_wins() {
    let y = ops::max_pool(&[-3.0], [1, 1, 1, 1], &square(3, 2, 1));
    assert_eq!(y, [-3.0]);
}

#[test]
fn max_pool_keeps_nan() {
    for place in 0..4 {
        let mut x = [1.0; 4];
        x[place] = f64::NAN;
        let (shape, window) = ([1, 2, 2, 1], square(2, 1, 0));
        let y = ops::max_pool(&x, shape, &window);
        assert!(y[0].is_nan(), "{place}");
        let dx = ops::max_pool_grad(&x, shape, &y, &[5.0], &window);
        assert_eq!(dx[place], 5.0);
    }
}

#[test]
fn avg_pool() {
    for (x_shape, window) in windows() {
        let what = format!("{x_shape:?} {window:?}");
        let channels = x_shape[3];
        let y_shape = y_shape(x_shape, &window, channels);
        let (x, dy) = (values(0, x_shape), values(1, y_shape));
        let y = ops::avg_pool(&x, x_shape, &window);
        each_window(x_shape, &window, channels, |[b, i, j, c], met| {
            let found = met.iter().map(|(_, [p, q])| x[at(x_shape, [b, *p, *q, c])]);
            let mean = found.sum::<f64>() / met.len() as f64;
            let y = y[at(y_shape, [b, i, j, c])];
            assert!((y - mean).abs() < 1e-15, "{what}: {y}, expected {mean}");
        });
        check_gradient(
            |x| weighted(&ops::avg_pool(x, x_shape, &window), &dy),
            &x,
            &ops::avg_pool_grad(&dy, x_shape, &window),
            &format!("avg_pool_grad {what}"),
        );
    }
}

#[test]
fn padding_does_not_count_in_a_mean() {
    let y = ops::avg_pool(&[8.0; 4], [1, 2, 2, 1], &square(3, 1, 1));
    assert_eq!(y, [8.0; 4]);
}

#[test]
fn global_avg_pool() {
    let (x_shape, dy_shape) = ([2, 3, 4, 5], [2, 1, 1, 5]);
    let (x, dy) = (values(0, x_shape), values(1, dy_shape));
    check_gradient(
        |x| weighted(&ops::global_avg_pool(x, x_shape), &dy),
        &x,
        &ops::global_avg_pool_grad(&dy, x_shape),
        "global_avg_pool_grad",
    );
    let y = ops::global_avg_pool(&[1.0, 10.0, 3.0, 30.0], [1, 2, 1, 2]);
    assert_eq!(y, [2.0, 20.0]);
}
