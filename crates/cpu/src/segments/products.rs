//! Which products a convolution does, and where it reads the zeros that stand for padding, where
//! products with padding are not left out.

use laptime_graph::{
    Simplification,
    window::{input_position, live_taps},
};
use laptime_workload::Window;

/// Shapes (B, H, W, C) of a convolution's or a pool's input and output.
pub(crate) type Shape<'a> = &'a [usize];

/// The most values that an operand of a convolution may have: a segment's places have 32 bits, and what
/// is turned over takes a little more room than the tensor.
pub(super) const MOST_VALUES: usize = 1 << 31;

/// What a convolution does about padding.
#[derive(Clone, Copy)]
pub(crate) struct Padding<'a> {
    /// Which products with it are left out.
    pub(crate) left_out: &'a [Simplification],
    /// Where the zeros for all others are, in values from the operand's start.
    pub(crate) zeros: usize,
}

impl Padding<'_> {
    /// Nothing is multiplied with padding.
    pub(crate) const LEFT_OUT: Self = Self {
        left_out: &Simplification::OF_PADDING,
        zeros: 0,
    };
}

/// The product of a tap with an output position.
pub(super) struct Product {
    pub(super) output: usize,
    pub(super) tap: usize,
    /// The input position that the tap meets; where that is padding, the nearest one.
    pub(super) input: usize,
    is_padding: bool,
}

impl Product {
    /// Whether the next tap of the kernel's row, of so many columns, meets the next input.
    pub(super) fn is_before(&self, next: &Self, columns: usize) -> bool {
        let is_padding = self.is_padding || next.is_padding;
        let in_row = next.tap == self.tap + 1 && !next.tap.is_multiple_of(columns);
        !is_padding && in_row && next.input == self.input + 1
    }

    /// The place of the input's value, where a position has so many.
    pub(super) fn place_of_input(&self, position_stride: usize, padding: Padding) -> u32 {
        reach(if self.is_padding {
            padding.zeros
        } else {
            self.input * position_stride
        })
    }

    /// The place of the output's gradient for the input's. What padding would be given goes nowhere:
    /// it is done with zeros, and added to the nearest position.
    pub(super) fn place_of_output(&self, place: usize, padding: Padding) -> u32 {
        reach(if self.is_padding {
            padding.zeros
        } else {
            place
        })
    }
}

/// What is multiplied for each output position, in the order of taps. Zeros added anywhere in a sum
/// leave it as it is, so nothing depends on what is left out.
pub(super) fn products(
    window: &Window,
    x: Shape,
    y: Shape,
    left_out: &[Simplification],
) -> Vec<Vec<Product>> {
    let (input, output) = ([x[1], x[2]], [y[1], y[2]]);
    let live = live_taps(window, input, output);
    let is_left_out = |tap: usize| {
        left_out.contains(if live[tap] {
            &Simplification::BorderPositions
        } else {
            &Simplification::DeadTaps
        })
    };
    let of_position = |(number, at): (usize, [usize; 2])| {
        let taps = positions(window.kernel).enumerate();
        let products = taps.filter_map(|(tap, tap_at)| {
            let met = input_position(window, input, at, tap_at);
            if met.is_none() && is_left_out(tap) {
                return None;
            }
            let [row, column] = met.unwrap_or_else(|| nearest(window, input, at, tap_at));
            Some(Product {
                output: number,
                tap,
                input: row * input[1] + column,
                is_padding: met.is_none(),
            })
        });
        products.collect()
    };
    positions(output).enumerate().map(of_position).collect()
}

/// The input position nearest to where a tap lies.
fn nearest(window: &Window, input: [usize; 2], output: [usize; 2], tap: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|axis| {
        let place = output[axis] * window.stride[axis] + tap[axis] * window.dilation[axis];
        let before = window.padding[2 * axis];
        place.saturating_sub(before).min(input[axis] - 1)
    })
}

/// The positions of images or the taps of a kernel, row by row.
pub(super) fn positions([rows, columns]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
}

/// A place or a length in a segment.
pub(super) fn reach(values: usize) -> u32 {
    u32::try_from(values).expect("check_reach has refused what is larger")
}
