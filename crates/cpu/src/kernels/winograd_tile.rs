//! What a tile of Winograd's F(2×2, 3×3) and F(3×3, 2×2) is: where it lies, and how weights, inputs and results are
//! transformed.

use std::ops::Range;

use super::{Images, conv::Segments, product::Segment};
use crate::{
    memory::View,
    simd::{LANES, Simd},
};

/// Components of a tile.
pub(super) const COMPONENTS: usize = 16;

/// Blocks of samples that are transformed at once: as many as a product's tile has.
pub(super) const BLOCKS: usize = 2;

/// The values between two components that have so many each. All 16 are written and read in turns: a power of two
/// between them would put them into the same set of a cache.
pub(super) const fn apart(values: usize) -> usize {
    values + LANES
}

/// The same of a tile's inputs, of so many channels.
pub(super) fn input_component(channels: usize) -> usize {
    apart(channels * BLOCKS * LANES)
}

/// One list for each of these sums.
pub(super) fn lists(sums: impl IntoIterator<Item = Vec<Segment>>) -> Segments {
    let mut lists = Segments::default();
    for sum in sums {
        lists.all.extend(sum);
        lists.end_list();
    }
    lists
}

/// How tiles of results lie beside what they are made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grid {
    /// Height and width of the images that are read.
    pub(crate) input: [usize; 2],
    /// Height and width of the results.
    pub(crate) output: [usize; 2],
    /// The rows and columns of padding before the first.
    pub(crate) before: [usize; 2],
}

impl Grid {
    /// The tiles, by row and column, that have some of these positions.
    #[inline(always)]
    pub(super) fn tiles(
        self,
        positions: &Range<usize>,
    ) -> impl Iterator<Item = [usize; 2]> + use<> {
        let width = self.output[1];
        let columns = width.div_ceil(2);
        let (first, last) = (positions.start / width / 2, (positions.end - 1) / width / 2);
        let positions = positions.clone();
        (first..=last)
            .flat_map(move |row| (0..columns).map(move |column| [row, column]))
            .filter(move |tile| self.made(*tile, &positions).iter().any(Option::is_some))
    }

    /// Of the 2×2 results of a tile those positions that there are, in this range.
    #[inline(always)]
    pub(super) fn made(self, tile: [usize; 2], positions: &Range<usize>) -> [Option<usize>; 4] {
        std::array::from_fn(|result| {
            let (row, column) = (2 * tile[0] + result / 2, 2 * tile[1] + result % 2);
            let position = row * self.output[1] + column;
            let is_there = row < self.output[0] && column < self.output[1];
            (is_there && positions.contains(&position)).then_some(position)
        })
    }

    /// The positions of the 4×4 inputs of a tile, but for padding.
    #[inline(always)]
    pub(super) fn met(self, tile: [usize; 2]) -> [Option<usize>; 16] {
        std::array::from_fn(|input| {
            let row = (2 * tile[0] + input / 4).checked_sub(self.before[0])?;
            let column = (2 * tile[1] + input % 4).checked_sub(self.before[1])?;
            let is_there = row < self.input[0] && column < self.input[1];
            is_there.then_some(row * self.input[1] + column)
        })
    }
}

/// `Bᵀ·d·B` of these channels of a tile, for these blocks of samples: `[component][channel][sample]`.
///
/// # Safety
/// The images have these channels, positions and blocks; there is room for all components, and there are zeros.
#[inline(always)]
pub(super) unsafe fn transform_inputs<S: Simd>(
    s: S,
    view: View,
    x: Images,
    (channels, blocks): (Range<usize>, Range<usize>),
    met: [Option<usize>; 16],
    (inputs, zeros): (*mut f32, *const f32),
) {
    let component = input_component(channels.len());
    for (place, block) in blocks.enumerate() {
        let at = block * LANES;
        // SAFETY: the caller's promise; what is missing is read from zeros, again for each channel.
        unsafe {
            let of = |position: Option<usize>| match position {
                Some(position) => {
                    let start = x.at(view, position, channels.start);
                    (start.add(at).cast_const(), x.stride)
                }
                None => (zeros, 0),
            };
            let from = met.map(of);
            let mut to = inputs.add(place * LANES);
            for channel in 0..channels.len() {
                let mut rows = [[s.splat(0.0); 4]; 4];
                for (row, from) in rows.iter_mut().zip(from.as_chunks::<4>().0) {
                    for (value, (start, stride)) in row.iter_mut().zip(from) {
                        *value = s.load(start.add(channel * stride));
                    }
                    *row = input_sums(s, *row);
                }
                for (column, d) in columns(rows).into_iter().enumerate() {
                    let sums = input_sums(s, d);
                    for (row, value) in sums.into_iter().enumerate() {
                        s.store(to.add((4 * row + column) * component), value);
                    }
                }
                to = to.add(BLOCKS * LANES);
            }
        }
    }
}

/// The columns of four rows.
#[inline(always)]
pub(super) fn columns<T: Copy, const N: usize>(rows: [[T; N]; 4]) -> [[T; 4]; N] {
    std::array::from_fn(|column| rows.map(|row| row[column]))
}

/// `G·g·Gᵀ` of a block of weights.
///
/// # Safety
/// The components can be written, so far apart.
#[inline(always)]
pub(super) unsafe fn store_weights<S: Simd>(
    s: S,
    weights: [[S::Block; 3]; 3],
    to: *mut f32,
    component: usize,
) {
    let half = s.splat(0.5);
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [[half; 3]; 4];
        for column in 0..3 {
            let g = weights.map(|row| row[column]);
            for (row, value) in weight_sums(s, half, g).into_iter().enumerate() {
                rows[row][column] = value;
            }
        }
        for (row, g) in rows.into_iter().enumerate() {
            for (column, value) in weight_sums(s, half, g).into_iter().enumerate() {
                s.store(to.add((4 * row + column) * component), value);
            }
        }
    }
}

#[inline(always)]
fn weight_sums<S: Simd>(s: S, half: S::Block, g: [S::Block; 3]) -> [S::Block; 4] {
    let outer = s.mul(half, s.add(g[0], g[2]));
    let inner = s.mul(half, g[1]);
    [g[0], s.add(outer, inner), s.sub(outer, inner), g[2]]
}

#[inline(always)]
pub(super) fn input_sums<S: Simd>(s: S, d: [S::Block; 4]) -> [S::Block; 4] {
    [
        s.sub(d[0], d[2]),
        s.add(d[1], d[2]),
        s.sub(d[2], d[1]),
        s.sub(d[1], d[3]),
    ]
}

#[inline(always)]
pub(super) fn output_sums<S: Simd>(s: S, m: [S::Block; 4]) -> [S::Block; 2] {
    let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    [s.add(m[0], sum), s.sub(difference, m[3])]
}

/// The same of a dimension of dy, for F(3×3, 2×2), without its factors, which [`weight_results`] makes up for.
#[inline(always)]
pub(super) fn gradient_sums<S: Simd>(s: S, [first, second]: [S::Block; 2]) -> [S::Block; 4] {
    [first, s.add(first, second), s.sub(first, second), second]
}

/// A dimension of F(3×3, 2×2)'s results, from the four sums of products.
#[inline(always)]
pub(super) fn weight_results<S: Simd>(s: S, half: S::Block, m: [S::Block; 4]) -> [S::Block; 3] {
    let (sum, difference) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
    let sum = s.mul(half, sum);
    [s.add(m[0], sum), s.mul(half, difference), s.sub(sum, m[3])]
}
