//! What all products are made of.
//!
//! Images are seen as matrices with a row for each position of each sample and a column for each
//! channel. Sums are taken for a tile of rows and columns at once, so that what they are made of is read
//! once for all of them, and in blocks that stay in the cache. Which blocks follows from the shapes alone:
//! the result has the same bits on every machine, and with any vector instructions, because products are
//! rounded before they are added.

use multiversion::multiversion;

use crate::shares::fill_rows;

/// Rows of a tile.
pub(super) const ROWS: usize = 4;
/// Columns of a tile.
pub(super) const COLUMNS: usize = 8;
/// How many products are summed up in a tile before they are added to the result.
const DEPTH: usize = 256;
/// How many rows share a part of the matrix while it is in the cache.
const BLOCK: usize = 64;
/// How many panels are in the cache while all rows meet them.
const PANELS: usize = 8;

/// A matrix, (M, N), in panels of [`COLUMNS`] columns, with zeros behind the last.
pub(super) struct Panels {
    rows: usize,
    columns: usize,
    /// (panels, M)
    values: Vec<[f64; COLUMNS]>,
}

impl Panels {
    /// The matrix of what `value` gives for a row and a column.
    pub(super) fn new(
        [rows, columns]: [usize; 2],
        value: impl Fn(usize, usize) -> f64 + Sync,
    ) -> Self {
        let mut values = vec![[0.0; COLUMNS]; columns.div_ceil(COLUMNS) * rows];
        fill_rows(&mut values, rows, 4 * rows * columns, |first, panels| {
            for (number, panel) in panels.chunks_mut(rows).enumerate() {
                let first = (first + number) * COLUMNS;
                let these = first..columns.min(first + COLUMNS);
                for (row, to) in panel.iter_mut().enumerate() {
                    for (to, column) in to.iter_mut().zip(these.clone()) {
                        *to = value(row, column);
                    }
                }
            }
        });
        Self {
            rows,
            columns,
            values,
        }
    }
}

/// For each pair (i, j): `to[j] += from[i]·matrix`. to is (…, N), from is (…, M), matrix is (M, N).
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn add_products(
    to: &mut [f64],
    from: &[f64],
    matrix: &Panels,
    pairs: &[(usize, usize)],
) {
    let (inner, columns) = (matrix.rows, matrix.columns);
    for start in (0..inner).step_by(DEPTH) {
        let end = inner.min(start + DEPTH);
        for pairs in pairs.chunks(BLOCK) {
            for (number, panel) in matrix.values.chunks_exact(inner).enumerate() {
                let panel = &panel[start..end];
                let first = number * COLUMNS;
                let width = COLUMNS.min(columns - first);
                for these in pairs.chunks(ROWS) {
                    // Beyond the last pair, that one again.
                    let last = these.len() - 1;
                    let rows = [0, 1, 2, 3].map(|r: usize| {
                        let (i, _) = these[r.min(last)];
                        &from[i * inner + start..i * inner + end]
                    });
                    let sums = products(rows, panel);
                    for (&(_, j), sums) in these.iter().zip(&sums) {
                        let to = &mut to[j * columns + first..][..width];
                        for (to, sum) in to.iter_mut().zip(sums) {
                            *to += sum;
                        }
                    }
                }
            }
        }
    }
}

/// `sums[r, n] = Σ rows[r][k] · panel[k, n]`.
#[inline(always)]
fn products(rows: [&[f64]; ROWS], panel: &[[f64; COLUMNS]]) -> [[f64; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    let rows = rows.map(|row| &row[..panel.len()]);
    for (k, panel) in panel.iter().enumerate() {
        for r in 0..ROWS {
            for n in 0..COLUMNS {
                sums[r][n] += rows[r][k] * panel[n];
            }
        }
    }
    sums
}

/// For each pair (i, j): `to[m, n] += left[j, m] · right[i, n]`, for the columns m of a few tiles of
/// [`ROWS`], from the column `first` on. left is (…, M), right is (…, N); a tile of `to` is (ROWS, N), and
/// the next one begins `apart` values behind it. Beyond the last of the M columns, that one again.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn add_outer_products(
    to: &mut [f64],
    apart: usize,
    [left, right]: [&[f64]; 2],
    [m, n]: [usize; 2],
    first: usize,
    pairs: &[(usize, usize)],
) {
    // All that is multiplied lies side by side, because it is read again and again.
    let mut tiles = vec![[0.0; ROWS]; to.len().div_ceil(apart) * pairs.len()];
    for (number, tile) in tiles.chunks_exact_mut(pairs.len()).enumerate() {
        let first = first + number * ROWS;
        let columns = [0, 1, 2, 3].map(|r: usize| (first + r).min(m - 1));
        for (to, &(_, j)) in tile.iter_mut().zip(pairs) {
            let row = &left[j * m..][..m];
            *to = columns.map(|column| row[column]);
        }
    }
    let mut panels = vec![[0.0; COLUMNS]; n.div_ceil(COLUMNS) * pairs.len()];
    for (number, panel) in panels.chunks_exact_mut(pairs.len()).enumerate() {
        let column = number * COLUMNS;
        let width = COLUMNS.min(n - column);
        for (to, &(i, _)) in panel.iter_mut().zip(pairs) {
            to[..width].copy_from_slice(&right[i * n + column..][..width]);
        }
    }
    for (block, panels) in panels.chunks(PANELS * pairs.len()).enumerate() {
        for (tile, to) in tiles.chunks_exact(pairs.len()).zip(to.chunks_mut(apart)) {
            for (number, panel) in panels.chunks_exact(pairs.len()).enumerate() {
                let column = (block * PANELS + number) * COLUMNS;
                let width = COLUMNS.min(n - column);
                let sums = outer_products(tile, panel);
                for (r, sums) in sums.iter().enumerate() {
                    let to = &mut to[r * n + column..][..width];
                    for (to, sum) in to.iter_mut().zip(sums) {
                        *to += sum;
                    }
                }
            }
        }
    }
}

/// `sums[r, n] = Σ left[k, r] · right[k, n]`.
#[inline(always)]
fn outer_products(left: &[[f64; ROWS]], right: &[[f64; COLUMNS]]) -> [[f64; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    for (left, right) in left.iter().zip(right) {
        for r in 0..ROWS {
            for n in 0..COLUMNS {
                sums[r][n] += left[r] * right[n];
            }
        }
    }
    sums
}
