//! The sum that identifies samples: by their values, whatever files these came in, or where they were decoded, by the
//! files.

use sha2::{Digest, Sha256};

use crate::{
    dataset::{Array, Samples},
    hexadecimal,
    threads::{run_of_each, side_by_side},
};

/// Blocks are hashed on all cores: one of 2 GB/s, or of 0.4 where it has no instructions for it, would take
/// longer than reading does.
pub(super) const BLOCK_BYTES: usize = 1 << 20;

/// SHA-256 of a file.
pub(super) type FileSum = [u8; 32];

/// The samples of a part, and what identifies them.
pub(super) struct Identified<'a> {
    /// Which they are.
    pub(super) which: &'a str,
    pub(super) samples: &'a Samples,
    /// What their inputs were made by, and the sums of the files that they were made of, one a sample: in place of a
    /// sum over the inputs, which are many times as large, and may differ from one kind of processor to another.
    pub(super) files: Option<(&'a str, &'a [FileSum])>,
}

/// SHA-256 over a line for each array: which samples, its column, their count, and SHA-256 over the SHA-256 sums
/// of its values' blocks of 1 MiB, or over those of files.
pub(super) fn sum(parts: [Identified; 2]) -> String {
    let mut all = Sha256::new();
    for Identified {
        which,
        samples,
        files,
    } in parts
    {
        let mut files = files;
        for array in &samples.arrays {
            let Array { column, bytes } = array;
            // The inputs are the first array.
            let values = match files.take() {
                Some((made_by, sums)) => {
                    let sum = hexadecimal(&Sha256::digest(sums.as_flattened()));
                    format!("{made_by} {sum}")
                }
                None => hexadecimal(&sum_of_blocks(bytes)),
            };
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
    bytes
        .chunks(run_of_each(bytes.len(), BLOCK_BYTES))
        .collect()
}
