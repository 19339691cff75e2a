//! Products over the places that a layer joins: of a convolution, and of a dense layer, which joins each
//! sample of x with the same of y.

use super::products::{Panels, ROWS, add_outer_products, add_products};
use crate::shares::fill_rows;

/// Samples are taken in groups of at least so many positions.
const GROUPED_POSITIONS: usize = 256;

/// Which rows of x as a matrix (B·P, M) meet which of y as a matrix (B·Q, N).
pub(super) struct Joins {
    batch: usize,
    /// P and Q: the positions of one sample.
    positions: [usize; 2],
    /// For each tap that joins anything, its number and pairs (i, j) of positions of one sample.
    taps: Vec<(usize, Vec<(usize, usize)>)>,
}

impl Joins {
    /// These pairs for each tap.
    pub(super) fn new(batch: usize, positions: [usize; 2], taps: Vec<Vec<(usize, usize)>>) -> Self {
        let taps = taps.into_iter().enumerate();
        Self {
            batch,
            positions,
            taps: taps.filter(|(_, pairs)| !pairs.is_empty()).collect(),
        }
    }

    /// Each sample with itself.
    pub(super) fn of_samples(batch: usize) -> Self {
        Self::new(batch, [1, 1], vec![vec![(0, 0)]])
    }

    /// From y to x.
    pub(super) fn turned(self) -> Self {
        let turn = |pairs: Vec<(usize, usize)>| pairs.into_iter().map(|(i, j)| (j, i)).collect();
        let taps = self.taps.into_iter();
        Self {
            batch: self.batch,
            positions: [self.positions[1], self.positions[0]],
            taps: taps.map(|(tap, pairs)| (tap, turn(pairs))).collect(),
        }
    }

    /// The matrices of `value(tap, row, column)`, for each tap that joins anything.
    pub(super) fn matrices(
        &self,
        size: [usize; 2],
        value: impl Fn(usize, usize, usize) -> f64 + Sync,
    ) -> Vec<Panels> {
        let matrix = |tap| Panels::new(size, |row, column| value(tap, row, column));
        self.taps.iter().map(|(tap, _)| matrix(*tap)).collect()
    }

    /// `y[j] = Σ x[i]·matrix[tap]` over the taps and the places that they join. x is (B·P, M), a matrix
    /// (M, N), y is (B·Q, N).
    pub(super) fn products(
        &self,
        x: &[f64],
        matrices: &[Panels],
        [inner, columns]: [usize; 2],
    ) -> Vec<f64> {
        let [x_positions, y_positions] = self.positions;
        let (of_x, of_y) = (x_positions * inner, y_positions * columns);
        let mut y = vec![0.0; self.batch * of_y];
        fill_rows(&mut y, of_y, self.work(inner * columns), |first, y| {
            let x = &x[first * of_x..];
            self.each_group(y.len() / of_y, |number, pairs| {
                add_products(y, x, &matrices[number], pairs);
            });
        });
        y
    }

    /// `dw[n, m, tap] = Σ dy[j, n] · x[i, m]` over the places that a tap joins. x is (B·P, M), dy is
    /// (B·Q, N), dw is (N, M, taps).
    pub(super) fn outer_products(
        &self,
        [dy, x]: [&[f64]; 2],
        [n, m]: [usize; 2],
        taps: usize,
    ) -> Vec<f64> {
        // A tile of the columns of dy has all taps together, (tiles, taps, ROWS, M).
        let of_tap = ROWS * m;
        let of_tile = self.taps.len() * of_tap;
        let mut made = vec![0.0; n.div_ceil(ROWS) * of_tile];
        fill_rows(
            &mut made,
            of_tile.max(1),
            self.work(n * m),
            |first, made| {
                self.each_group(self.batch, |number, pairs| {
                    let to = &mut made[number * of_tap..];
                    add_outer_products(to, of_tile, [dy, x], [n, m], first * ROWS, pairs);
                });
            },
        );
        if taps == 1 && self.taps.len() == 1 {
            made.truncate(n * m);
            return made;
        }
        let mut dw = vec![0.0; n * m * taps];
        fill_rows(&mut dw, m * taps, 2 * n * m * taps, |first, dw| {
            for (row, dw) in dw.chunks_mut(m * taps).enumerate() {
                let (tile, row) = ((first + row) / ROWS, (first + row) % ROWS);
                for (number, (tap, _)) in self.taps.iter().enumerate() {
                    let from = &made[tile * of_tile + number * of_tap + row * m..][..m];
                    for (to, from) in dw[*tap..].iter_mut().step_by(taps).zip(from) {
                        *to = *from;
                    }
                }
            }
        });
        dw
    }

    /// Calls `visit`, for each group of so many samples, with the number of each tap (of those that join
    /// anything) and the pairs of the group's rows.
    fn each_group(&self, samples: usize, mut visit: impl FnMut(usize, &[(usize, usize)])) {
        let [x_positions, y_positions] = self.positions;
        let size = GROUPED_POSITIONS.div_ceil(x_positions.max(y_positions));
        let mut joined = Vec::new();
        for start in (0..samples).step_by(size) {
            for (number, (_, pairs)) in self.taps.iter().enumerate() {
                joined.clear();
                for sample in start..samples.min(start + size) {
                    let place = |&(i, j)| (sample * x_positions + i, sample * y_positions + j);
                    joined.extend(pairs.iter().map(place));
                }
                visit(number, &joined);
            }
        }
    }

    /// What the products with matrices of so many values cost, in values that are read or written: some
    /// multiply-adds take as long as one.
    fn work(&self, of_matrix: usize) -> usize {
        let pairs: usize = self.taps.iter().map(|(_, pairs)| pairs.len()).sum();
        self.batch * pairs * of_matrix / 8
    }
}
