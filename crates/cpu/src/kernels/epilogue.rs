//! The activation behind a kernel's results. ReLU is done while they are in registers. For any other one they are
//! stored, and gone over while they are in the nearest caches, by one function for each instruction set: a copy of
//! every formula in every kernel would only make the program larger. Both give the same bits.

use std::ops::Range;

use laptime_graph::{
    Activation,
    formulas::{Formula, Relu},
    with_formula,
};

use super::{Images, Matrix, formulas::OnBlocks};
use crate::{
    memory::View,
    simd::{Kernel, LANES, Simd},
};

/// The activation of values that a kernel makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Epilogue<T> {
    None,
    Relu,
    /// y is another tensor than the kernel's own where the activation's gradient reads what it is made of.
    Tile {
        activation: Activation,
        y: T,
    },
}

/// The activation's gradient, of gradients that a kernel makes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum GradientEpilogue<T> {
    None,
    /// Of ReLU's output.
    Relu(T),
    /// In place, of what the activation's gradient keeps.
    Tile {
        activation: Activation,
        kept: T,
    },
}

/// ReLU in registers.
#[inline(always)]
pub(super) fn relu<S: Simd>(s: S, value: S::Block) -> S::Block {
    Relu.forward(&mut OnBlocks(s), value)
}

/// ReLU's gradient in registers, of ReLU's output.
#[inline(always)]
pub(super) fn relu_grad<S: Simd>(s: S, y: S::Block, dy: S::Block) -> S::Block {
    Relu.gradient(&mut OnBlocks(s), y, dy)
}

impl<T: Copy> Epilogue<T> {
    #[inline(always)]
    pub(super) fn is_relu(self) -> bool {
        matches!(self, Self::Relu)
    }

    #[inline(always)]
    pub(crate) fn is_tile(self) -> bool {
        matches!(self, Self::Tile { .. })
    }

    /// Goes over results that are stored, where that is how it is done.
    ///
    /// # Safety
    /// What `rows` gives of x, and of what is in here, has these extents, in whole blocks, and nobody else touches it.
    #[inline(always)]
    pub(super) unsafe fn go_over<S: Simd>(
        self,
        s: S,
        extents: Extents,
        x: T,
        rows: impl Fn(T) -> Rows,
    ) {
        if let Self::Tile { activation, y } = self {
            let (x, y) = (rows(x), rows(y));
            // SAFETY: the caller's promise.
            unsafe { activate(s, activation, extents, x, y) }
        }
    }
}

impl<T: Copy> GradientEpilogue<T> {
    #[inline(always)]
    pub(crate) fn is_tile(self) -> bool {
        matches!(self, Self::Tile { .. })
    }

    /// ReLU's output, where its gradient is made in registers.
    #[inline(always)]
    pub(super) fn relu(self) -> Option<T> {
        match self {
            Self::Relu(y) => Some(y),
            _ => None,
        }
    }

    /// Goes over gradients that are stored, where that is how it is done.
    ///
    /// # Safety
    /// As of [`Epilogue::go_over`].
    #[inline(always)]
    pub(super) unsafe fn go_over<S: Simd>(
        self,
        s: S,
        extents: Extents,
        dx: T,
        rows: impl Fn(T) -> Rows,
    ) {
        if let Self::Tile { activation, kept } = self {
            let (kept, dx) = (rows(kept), rows(dx));
            // SAFETY: the caller's promise.
            unsafe { activate_grad(s, activation, extents, kept, [dx, dx]) }
        }
    }
}

/// Rows of a tile in memory.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    start: *mut f32,
    stride: usize,
}

impl Rows {
    /// # Safety
    /// There are this row and this block.
    #[inline(always)]
    unsafe fn block(self, row: usize, block: usize) -> *mut f32 {
        // SAFETY: the caller's promise.
        unsafe { self.start.add(row * self.stride + block * LANES) }
    }
}

/// How large a tile is.
#[derive(Clone, Copy)]
pub(super) struct Extents {
    rows: usize,
    /// What is behind the last one, up to a whole block, stays 0.
    columns: usize,
}

impl Images {
    /// The channels of a slice, at one position.
    #[inline(always)]
    pub(super) fn extents(self, slice: usize) -> Extents {
        Extents {
            rows: self.channels_of(slice..slice + 1).len(),
            columns: self.stride,
        }
    }

    /// Where they are.
    ///
    /// # Safety
    /// The images are not paired, and have this slice and this position.
    #[inline(always)]
    pub(super) unsafe fn rows(self, view: View, slice: usize, position: usize) -> Rows {
        Rows {
            // SAFETY: the caller's promise.
            start: unsafe { self.at(view, position, slice * LANES) },
            stride: self.stride,
        }
    }
}

impl Matrix {
    /// All rows of these blocks.
    #[inline(always)]
    pub(super) fn extents(self, blocks: Range<usize>) -> Extents {
        self.extents_of(self.rows, blocks)
    }

    /// So many rows of these blocks.
    #[inline(always)]
    pub(super) fn extents_of(self, rows: usize, blocks: Range<usize>) -> Extents {
        Extents {
            rows,
            columns: self.columns.min(blocks.end * LANES) - blocks.start * LANES,
        }
    }

    /// Where they are, from this block on.
    ///
    /// # Safety
    /// The matrix has this block.
    #[inline(always)]
    pub(super) unsafe fn rows_from(self, view: View, block: usize) -> Rows {
        // SAFETY: the caller's promise.
        unsafe { self.rows_at(view, 0, block) }
    }

    /// The same, from this row on.
    ///
    /// # Safety
    /// The matrix has this row and this block.
    #[inline(always)]
    pub(super) unsafe fn rows_at(self, view: View, row: usize, block: usize) -> Rows {
        Rows {
            // SAFETY: the caller's promise.
            start: unsafe { self.block(view, row, block) },
            stride: self.stride,
        }
    }
}

/// y = f(x) of a tile. Not inlined.
///
/// # Safety
/// x and y have these extents, in whole blocks, and nobody else touches them.
#[inline(always)]
pub(super) unsafe fn activate<S: Simd>(
    s: S,
    activation: Activation,
    extents: Extents,
    x: Rows,
    y: Rows,
) {
    s.call(Forward {
        activation,
        extents,
        x,
        y,
    });
}

/// dx of what an activation's gradient keeps and of dy, of a tile; dx may be dy. Not inlined.
///
/// # Safety
/// As of [`activate`].
#[inline(always)]
pub(super) unsafe fn activate_grad<S: Simd>(
    s: S,
    activation: Activation,
    extents: Extents,
    kept: Rows,
    [dy, dx]: [Rows; 2],
) {
    s.call(Backward {
        activation,
        extents,
        kept,
        dy,
        dx,
    });
}

/// Only made by [`activate`].
struct Forward {
    activation: Activation,
    extents: Extents,
    x: Rows,
    y: Rows,
}

impl Forward {
    #[inline(always)]
    fn each<S: Simd>(&self, s: S, formula: impl Formula) {
        let Extents { rows, columns } = self.extents;
        for row in 0..rows {
            for block in 0..columns.div_ceil(LANES) {
                let inside = columns - block * LANES;
                // SAFETY: the promise of `activate`.
                unsafe {
                    let x = s.load(self.x.block(row, block));
                    let mut y = formula.forward(&mut OnBlocks(s), x);
                    if inside < LANES {
                        y = s.keep(s.first(inside), y);
                    }
                    s.store(self.y.block(row, block), y);
                }
            }
        }
    }
}

impl Kernel for Forward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_formula!(self.activation, |formula| self.each(s, formula));
    }
}

/// Only made by [`activate_grad`].
struct Backward {
    activation: Activation,
    extents: Extents,
    kept: Rows,
    dy: Rows,
    dx: Rows,
}

impl Backward {
    #[inline(always)]
    fn each<S: Simd>(&self, s: S, formula: impl Formula) {
        let Extents { rows, columns } = self.extents;
        for row in 0..rows {
            for block in 0..columns.div_ceil(LANES) {
                // SAFETY: the promise of `activate_grad`.
                unsafe {
                    let kept = s.load(self.kept.block(row, block));
                    let dy = s.load(self.dy.block(row, block));
                    // Of dy's padding, which is 0, it is 0.
                    let dx = formula.gradient(&mut OnBlocks(s), kept, dy);
                    s.store(self.dx.block(row, block), dx);
                }
            }
        }
    }
}

impl Kernel for Backward {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        with_formula!(self.activation, |formula| self.each(s, formula));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, dispatch};

    const COLUMNS: usize = LANES + 3;
    const ROWS: usize = 2;
    const STRIDE: usize = 2 * LANES;
    type Values = [f32; ROWS * STRIDE];

    /// All kinds of values, 0 behind the last column.
    fn values(shift: usize) -> Values {
        let some = [
            -0.0,
            0.0,
            1.5,
            -2.5,
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            1e-30,
            -3e38,
        ];
        std::array::from_fn(|place| match place % STRIDE {
            column if column < COLUMNS => some[(place * 5 + shift) % some.len()],
            _ => 0.0,
        })
    }

    /// Both ways, forward and the gradient.
    struct Both<'a>(&'a mut [Values; 4]);

    impl Kernel for Both<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            let (x, dy) = (values(0), values(3));
            let [
                in_registers,
                gradient_in_registers,
                in_tile,
                gradient_in_tile,
            ] = self.0;
            for start in (0..x.len()).step_by(LANES) {
                // SAFETY: all have this block.
                unsafe {
                    let y = relu(s, s.load(x[start..].as_ptr()));
                    let dx = relu_grad(s, y, s.load(dy[start..].as_ptr()));
                    s.store(in_registers[start..].as_mut_ptr(), y);
                    s.store(gradient_in_registers[start..].as_mut_ptr(), dx);
                }
            }
            (*in_tile, *gradient_in_tile) = (x, dy);
            let rows = |of: &mut Values| Rows {
                start: of.as_mut_ptr(),
                stride: STRIDE,
            };
            let extents = Extents {
                rows: ROWS,
                columns: COLUMNS,
            };
            let (y, dx) = (rows(in_tile), rows(gradient_in_tile));
            // SAFETY: both have these rows, of whole blocks.
            unsafe {
                activate(s, Activation::Relu, extents, y, y);
                activate_grad(s, Activation::Relu, extents, y, [dx, dx]);
            }
        }
    }

    #[test]
    fn registers_and_tiles_give_the_same_bits() {
        for isa in Isa::available() {
            let mut made = [[1.0; ROWS * STRIDE]; 4];
            dispatch(isa, Both(&mut made));
            let bits = made.map(|values| values.map(f32::to_bits));
            assert_eq!(bits[0], bits[2], "{isa}");
            assert_eq!(bits[1], bits[3], "{isa}");
        }
    }
}
