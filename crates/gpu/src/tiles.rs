//! How products are cut into the tiles of workgroups: by shape alone.

use laptime_graph::window::live_taps;
use laptime_workload::Window;

use crate::work::Work;

/// What one workgroup makes of a product at a time. All have 256 threads or fewer and stay below
/// 16 KiB of workgroup memory, which every adapter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// How much of the sum is in workgroup memory at a time.
    pub k: usize,
    /// Rows of the result that a thread has in registers.
    pub thread_m: usize,
    /// Columns of the result that a thread has in registers.
    pub thread_n: usize,
    /// Threads with the same rows and columns, which share out the sum.
    pub slices: usize,
}

impl Tile {
    pub(crate) const fn threads(self) -> usize {
        (self.m / self.thread_m) * (self.n / self.thread_n) * self.slices
    }
}

/// Large tiles first: they read the least memory per multiplication. Small ones make more
/// workgroups of a small result, and take a longer piece of the sum at a time, so that as many
/// loads are under way.
const TILES: [Tile; 6] = [
    Tile {
        m: 64,
        n: 64,
        k: 16,
        thread_m: 4,
        thread_n: 4,
        slices: 1,
    },
    Tile {
        m: 32,
        n: 64,
        k: 32,
        thread_m: 4,
        thread_n: 4,
        slices: 2,
    },
    Tile {
        m: 64,
        n: 32,
        k: 32,
        thread_m: 4,
        thread_n: 4,
        slices: 2,
    },
    Tile {
        m: 32,
        n: 32,
        k: 32,
        thread_m: 4,
        thread_n: 4,
        slices: 4,
    },
    Tile {
        m: 16,
        n: 16,
        k: 64,
        thread_m: 2,
        thread_n: 2,
        slices: 4,
    },
    Tile {
        m: 8,
        n: 8,
        k: 128,
        thread_m: 2,
        thread_n: 2,
        slices: 16,
    },
];

/// Workgroups that a product should have at least, where its shape allows: current adapters have
/// 16 to 140 multiprocessors, and one workgroup does not fill one.
const WORKGROUPS: usize = 136;

/// The least of a sum that is worth a partial sum of its own.
const SPLIT_K: usize = 128;

/// Workgroups that a product should have at least where its readers add up a few partial sums: several for each
/// multiprocessor, since one that waits for memory leaves it idle.
const WORKGROUPS_OF_PARTS: usize = 272;

/// Partial sums that readers add up at most.
const PARTS: usize = 8;

/// What the readers of a product do with partial sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nothing: they want the result whole.
    WantWhole,
    /// They add up a few each time they read.
    AddFew,
    /// They add up any number.
    AddAll,
}

impl Readers {
    /// Into how many a sum of k terms may be cut.
    fn most_parts(self, k: usize) -> usize {
        match self {
            Self::WantWhole => 1,
            Self::AddFew => k.div_ceil(SPLIT_K).min(PARTS),
            Self::AddAll => k.div_ceil(SPLIT_K),
        }
    }

    /// How many workgroups there should be where sums are cut.
    fn workgroups(self) -> usize {
        match self {
            Self::WantWhole | Self::AddAll => WORKGROUPS,
            Self::AddFew => WORKGROUPS_OF_PARTS,
        }
    }
}

/// A product, cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Terms of each sum.
    pub k: usize,
    pub tile: Tile,
    /// Into how many partial sums each sum is cut.
    pub splits: usize,
}

impl Product {
    /// A product of m rows and n columns with sums of k terms, for these readers.
    pub(crate) fn of([m, n, k]: [usize; 3], readers: Readers) -> Self {
        let groups = |tile: &Tile| m.div_ceil(tile.m) * n.div_ceil(tile.n);
        // Where the sum can be cut, its pieces make the workgroups.
        let pieces = readers.most_parts(k);
        // More than half of a tile is of use, along both sides.
        let fits = |tile: &&Tile| {
            groups(tile) * pieces >= WORKGROUPS
                && tile.m <= m.next_power_of_two()
                && tile.n <= n.next_power_of_two()
        };
        let [.., smallest] = TILES;
        let tile = TILES.iter().find(fits).copied().unwrap_or(smallest);
        let wanted = readers.workgroups();
        let splits = match groups(&tile) {
            groups if groups < wanted / 2 => (wanted / groups).min(pieces).max(1),
            _ => 1,
        };
        // Of whole pieces of workgroup memory, as even as they can be, and none empty.
        let chunk = k.div_ceil(splits).next_multiple_of(tile.k);
        let splits = k.div_ceil(chunk).max(1);
        Self {
            m,
            n,
            k,
            tile,
            splits,
        }
    }

    /// The tiles of the result along its columns and its rows.
    pub(crate) fn tiles(&self) -> [usize; 2] {
        [self.n.div_ceil(self.tile.n), self.m.div_ceil(self.tile.m)]
    }

    /// What a workgroup does, for whoever predicts its time.
    pub(crate) fn work(&self) -> Work {
        let Tile { m, n, k, .. } = self.tile;
        let pieces = self.split_k() / k;
        // The piece that is loaded before the loop, and what is read behind the sum.
        Work {
            waits: pieces + 2,
            sums: 0,
            multiply_adds: pieces * m * n * k,
            values: pieces * (m + n) * k + 2 * m * n,
        }
    }

    /// Terms of each partial sum.
    pub(crate) fn split_k(&self) -> usize {
        self.k.div_ceil(self.splits).next_multiple_of(self.tile.k)
    }
}

/// The taps of a window that meet the image: first and count along rows, then along columns. What
/// is outside of this rectangle only ever meets padding.
pub(crate) fn live_rectangle(
    window: &Window,
    input: [usize; 2],
    output: [usize; 2],
) -> [[usize; 2]; 2] {
    let live = live_taps(window, input, output);
    let [rows, columns] = window.kernel;
    let span = |count: usize, is_live: &dyn Fn(usize) -> bool| {
        let mut all = (0..count).filter(|&tap| is_live(tap));
        let first = all.next().unwrap_or(0);
        [first, all.last().unwrap_or(first) + 1 - first]
    };
    [
        span(rows, &|row| {
            (0..columns).any(|column| live[row * columns + column])
        }),
        span(columns, &|column| {
            (0..rows).any(|row| live[row * columns + column])
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_keep_to_what_every_adapter_has() {
        for tile in TILES {
            let vectors = |extent: usize, of: usize| tile.k * (extent / of + 1);
            let (a, b) = (
                vectors(tile.m, tile.thread_m),
                vectors(tile.n, tile.thread_n),
            );
            let bytes = 4 * (a * tile.thread_m + b * tile.thread_n);
            assert!(
                tile.threads() <= 256 && bytes <= 16 << 10,
                "{tile:?}: {bytes}"
            );
            // What the slices have meets in the tile of B.
            assert!(tile.slices == 1 || b >= tile.threads(), "{tile:?}");
            assert!(tile.k.is_multiple_of(tile.slices));
            // Vectors are of 2 or 4 values.
            assert!([2, 4].contains(&tile.thread_m) && [2, 4].contains(&tile.thread_n));
        }
    }
}
