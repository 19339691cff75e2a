//! Slices that are cut in two dimensions: sixteen channels, and a piece of the positions (or of the taps).

use std::ops::Range;

use laptime_graph::schedule::share;

/// Tiles that keep as many threads busy.
const TILES: usize = 64;

/// Into how many pieces so many slices are cut: as few as make a multiple of [`TILES`], of at least an index each.
/// A thread's neighbouring tiles are one piece of work, so more of them cost nothing; and as shapes alone decide,
/// every number of threads makes the same sums.
pub(crate) fn pieces(slices: usize, extent: usize) -> usize {
    let common = 1 << slices.trailing_zeros().min(TILES.trailing_zeros());
    (TILES / common).min(extent).max(1)
}

/// Slices, and what of other indices each of them has.
pub(crate) type SlicesWithIndices = (Range<usize>, Range<usize>);

/// Into how many pieces each slice of sixteen is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiles {
    pub(crate) pieces: usize,
}

impl Tiles {
    /// Slices that are not cut further.
    pub(crate) const UNCUT: Self = Self { pieces: 1 };

    /// What tiles of a range are: slices of sixteen below `slices`, each with the same of `extent` indices.
    /// Neighbours are put together, so that a thread has three at the most: a part of a slice, whole ones, a part
    /// of another.
    #[inline(always)]
    pub(crate) fn of(
        self,
        tiles: Range<usize>,
        slices: usize,
        extent: usize,
    ) -> impl Iterator<Item = SlicesWithIndices> {
        self.parts(tiles, slices, extent).into_iter().flatten()
    }

    /// The same. Not inlined: kernels are many, each for every instruction set.
    #[inline(never)]
    pub(super) fn parts(
        self,
        tiles: Range<usize>,
        slices: usize,
        extent: usize,
    ) -> [Option<SlicesWithIndices>; 3] {
        let Self { pieces } = self;
        let all = tiles.start..tiles.end.min(slices * pieces);
        let (first, last) = (all.start / pieces, all.end / pieces);
        let begin = |piece| share(extent, piece, pieces).start;
        let (from, to) = (begin(all.start % pieces), begin(all.end % pieces));
        if all.is_empty() {
            [None, None, None]
        } else if first == last {
            [Some((first..first + 1, from..to)), None, None]
        } else {
            let whole = all.start.div_ceil(pieces)..last;
            [
                (whole.start > first).then(|| (first..first + 1, from..extent)),
                (!whole.is_empty()).then_some((whole, 0..extent)),
                (!all.end.is_multiple_of(pieces)).then(|| (last..last + 1, 0..to)),
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_all_threads_make_up_everything_once() {
        for (slices, pieces, extent) in [(1, 1, 5), (1, 4, 7), (3, 4, 4), (4, 16, 49), (5, 3, 9)] {
            for threads in 1..=9 {
                let mut done = vec![0; slices * extent];
                for thread in 0..threads {
                    let mine = share(slices * pieces, thread, threads);
                    for (some, indices) in (Tiles { pieces }).of(mine, slices, extent) {
                        for slice in some {
                            for index in indices.clone() {
                                done[slice * extent + index] += 1;
                            }
                        }
                    }
                }
                assert!(done.iter().all(|times| *times == 1), "{threads}: {done:?}");
            }
        }
    }

    #[test]
    fn tiles_beyond_the_last_slice_are_left_out() {
        let parts: Vec<_> = Tiles { pieces: 2 }.of(0..1000, 3, 10).collect();
        assert_eq!(parts, [(0..3, 0..10)]);
        assert_eq!(Tiles::UNCUT.of(7..9, 3, 10).count(), 0);
    }
}
