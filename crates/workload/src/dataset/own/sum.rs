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
    /// The sums of the blocks of the inputs, where they are known.
    pub(super) blocks: Option<&'a [FileSum]>,
}

/// Makes the sums of the blocks of what comes piece by piece.
#[derive(Default)]
pub(super) struct BlockSums {
    current: Sha256,
    filled: usize,
    sums: Vec<FileSum>,
}

impl BlockSums {
    pub(super) fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.filled));
            self.current.update(now);
            self.filled += now.len();
            if self.filled == BLOCK_BYTES {
                self.end();
            }
            bytes = later;
        }
    }

    fn end(&mut self) {
        self.sums.push(self.current.finalize_reset().into());
        self.filled = 0;
    }

    pub(super) fn finish(mut self) -> Vec<FileSum> {
        if self.filled > 0 {
            self.end();
        }
        self.sums
    }
}

/// SHA-256 over a line for each array: which samples, its column, their count, and SHA-256 over the SHA-256 sums
/// of its values' blocks of 1 MiB, or over those of files.
pub(super) fn sum(parts: [Identified; 2]) -> String {
    let mut all = Sha256::new();
    for Identified {
        which,
        samples,
        files,
        blocks,
    } in parts
    {
        let (mut files, mut blocks) = (files, blocks);
        for array in &samples.arrays {
            let Array { column, bytes } = array;
            // The inputs are the first array.
            let values = match files.take() {
                Some((made_by, sums)) => {
                    let sum = hexadecimal(&Sha256::digest(sums.as_flattened()));
                    format!("{made_by} {sum}")
                }
                None => hexadecimal(&match blocks.take() {
                    Some(sums) => Sha256::digest(sums.as_flattened()).into(),
                    None => sum_of_blocks(bytes),
                }),
            };
            all.update(format!("{which} {column} {} {values}\n", array.count()));
        }
    }
    hexadecimal(&all.finalize())
}

pub(super) fn sum_of_blocks(bytes: &[u8]) -> [u8; 32] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_come_in_pieces_have_the_same_sums() {
        for count in [0, 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 77] {
            let bytes: Vec<u8> = (0..count).map(|it| (it * 31 % 251) as u8).collect();
            for piece in [BLOCK_BYTES / 3, BLOCK_BYTES, 3 * BLOCK_BYTES] {
                let mut sums = BlockSums::default();
                bytes.chunks(piece).for_each(|piece| sums.add(piece));
                let sum: FileSum = Sha256::digest(sums.finish().as_flattened()).into();
                assert_eq!(sum, sum_of_blocks(&bytes), "{count}, {piece}");
            }
        }
    }
}
