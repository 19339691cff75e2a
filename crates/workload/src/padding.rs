//! Paddings that follow from the shape of what a layer reads.

use crate::{
    layers::LayerKind,
    transposed,
    windows::{self, Window},
};

/// Pads for `padding = "same"`. Input that is no image is left to the checks of shapes.
pub(crate) fn pad_same(kind: &mut LayerKind, inputs: &[&[usize]]) {
    let [[height, width, _]] = inputs else { return };
    let input = [*height, *width];
    match kind {
        LayerKind::Conv2dTranspose {
            window,
            output_padding,
            ..
        } => transposed::pad_same(window, output_padding, input),
        _ => {
            if let Some(window) = window_mut(kind) {
                window.padding = windows::same_padding(window, input);
            }
        }
    }
}

/// Pads for `ceil_mode = true`.
pub(crate) fn pad_ceil(kind: &mut LayerKind, inputs: &[&[usize]]) {
    if let (Some(window), [[height, width, _]]) = (window_mut(kind), inputs) {
        window.padding = windows::ceil_padding(window, [*height, *width]);
    }
}

fn window_mut(kind: &mut LayerKind) -> Option<&mut Window> {
    match kind {
        LayerKind::Conv2d { window, .. }
        | LayerKind::MaxPool { window }
        | LayerKind::AvgPool { window } => Some(window),
        _ => None,
    }
}
