//! How many bytes each kernel moves, and from how far away: what a memory's bandwidth is set against.

use std::collections::HashMap;

use super::{Access, Schedule};

/// One tensor that a kernel goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touch {
    /// The bytes moved: those of the tensor's buffer, twice where it is written, because its lines are
    /// read before they are written or updated.
    pub bytes: u64,
    /// The bytes of everything that was touched since the tensor was, itself included: a cache that holds
    /// as many still has it. An upper bound of the reuse distance (R. L. Mattson et al.: "Evaluation
    /// techniques for storage hierarchies", IBM Systems Journal 9, 1970), because what is touched
    /// twice in between is counted twice; at most the bytes of all buffers.
    pub distance_bytes: u64,
}

impl Schedule {
    /// What each kernel touches, in the order of the kernels, in a step that follows another.
    ///
    /// The samples of the dataset are no buffer, so their bytes are not counted.
    pub fn traffic(&self) -> Vec<Vec<Touch>> {
        let bytes_of: HashMap<_, _> = self
            .buffers
            .iter()
            .map(|buffer| (buffer.tensor, buffer.bytes as u64))
            .collect();
        let all_bytes: u64 = bytes_of.values().sum();
        let mut position = 0;
        let mut touched_at = HashMap::new();
        let mut step = || -> Vec<Vec<Touch>> {
            let kernels = self.stages.iter().flat_map(|stage| &stage.kernels);
            let touches = kernels.map(|kernel| {
                let touch = |access: &Access| {
                    let bytes = *bytes_of.get(&access.tensor)?;
                    let before = touched_at.insert(access.tensor, position);
                    position += bytes;
                    Some(Touch {
                        bytes: bytes * if access.write { 2 } else { 1 },
                        distance_bytes: before.map_or(all_bytes, |at| all_bytes.min(position - at)),
                    })
                };
                kernel.accesses.iter().filter_map(touch).collect()
            });
            touches.collect()
        };
        step();
        step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schedule::{Arena, Buffer, Kernel, Layout, Part, Split, Stage},
        tensor::TensorId,
    };

    #[test]
    fn what_was_touched_long_ago_is_far_away() {
        let (weights, image, loss) = (TensorId(0), TensorId(1), TensorId(2));
        let buffer = |tensor, bytes| Buffer {
            tensor,
            layout: Layout::Rows {
                columns: 1,
                stride: 1,
            },
            arena: Arena::Step,
            offset_bytes: 0,
            bytes,
            copies: 1,
            sums_bytes: 0,
        };
        let access = |tensor, write| Access {
            tensor,
            write,
            part: Part::Whole,
        };
        let kernel = |accesses: &[Access]| Kernel {
            operations: Vec::new(),
            split: Split::Slices,
            accesses: accesses.to_vec(),
        };
        let schedule = Schedule {
            target: String::new(),
            passes: Vec::new(),
            simplifications: Vec::new(),
            stages: vec![Stage {
                slices: 1,
                kernels: vec![
                    kernel(&[access(weights, false), access(image, true)]),
                    kernel(&[access(image, false), access(loss, true)]),
                ],
                barrier: true,
            }],
            buffers: vec![buffer(weights, 1000), buffer(image, 100), buffer(loss, 4)],
            scratch_bytes: 0,
            zero_bytes: 0,
        };
        let touch = |bytes, distance_bytes| Touch {
            bytes,
            distance_bytes,
        };
        let traffic = schedule.traffic();
        // The weights were read in the step before, with the image twice and the loss since; there are no
        // more than 1,104 bytes.
        assert_eq!(traffic[0], [touch(1000, 1104), touch(200, 1104)]);
        assert_eq!(traffic[1], [touch(100, 200), touch(8, 1104)]);
    }
}
