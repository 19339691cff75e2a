//! The sum that identifies samples, whatever files they came in.

use sha2::{Digest, Sha256};

use crate::{
    dataset::{Array, Samples},
    hexadecimal,
    threads::side_by_side,
};

/// Blocks are hashed on all cores: one of 2 GB/s, or of 0.4 where it has no instructions for it, would take
/// longer than reading does.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// SHA-256 over a line for each array: which samples, its column, their count, and SHA-256 over the SHA-256 sums
/// of its values' blocks of 1 MiB.
pub(super) fn sum(parts: [(&str, &Samples); 2]) -> String {
    let mut all = Sha256::new();
    for (which, samples) in parts {
        for array in &samples.arrays {
            let Array { column, bytes } = array;
            let values = hexadecimal(&sum_of_blocks(bytes));
            all.update(format!("{which} {column} {} {values}\n", array.count()));
        }
    }
    hexadecimal(&all.finalize())
}

fn sum_of_blocks(bytes: &[u8]) -> [u8; 32] {
    let sums = side_by_side(runs(bytes), |run: &[u8]| {
        let sums = run.chunks(BLOCK_BYTES).map(Sha256::digest);
        sums.flatten().collect::<Vec<u8>>()
    });
    Sha256::digest(sums.concat()).into()
}

/// Whole blocks for each core.
pub(super) fn runs(bytes: &[u8]) -> Vec<&[u8]> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let blocks = bytes.len().div_ceil(BLOCK_BYTES);
    let run = blocks.div_ceil(threads).max(1) * BLOCK_BYTES;
    bytes.chunks(run).collect()
}
