//! What operations cost, in floating-point operations.

use laptime_workload::Window;

use crate::{
    axis::Axis,
    ops::{Body, Index, Operand, Slide, Space},
    program::{OpId, Operation, Program},
    simplification::{Simplification, multiplied_pairs},
    tensor::Tensor,
    winograd::component_pairs,
};

impl Program {
    /// The floating-point operations of one operation, as its spaces count them: 2 a multiply-add,
    /// without the products of weights with padding that these simplifications leave out.
    pub fn flops(&self, id: OpId, taken: &[Simplification]) -> u64 {
        let operation = self.operation(id);
        let spaces = self.iteration(operation).spaces;
        let each = spaces.iter();
        each.map(|space| self.count((id, operation), space, taken))
            .sum()
    }

    /// The products of a step as the literature counts them: forward and both gradients of every
    /// layer, 2 a multiply-add, padding included, without the gradient of the pixels, which nobody
    /// needs.
    pub fn model_flops(&self) -> u64 {
        self.executed_flops(&[])
    }

    /// The products of a step that are done where these simplifications are taken: with all of
    /// them, those that meet more than padding.
    pub fn executed_flops(&self, taken: &[Simplification]) -> u64 {
        let products = |(id, operation): (OpId, &Operation)| -> u64 {
            let spaces = self.iteration(operation).spaces;
            let products = spaces.iter().filter(|one| one.body == Body::SumOfProducts);
            products
                .map(|space| self.count((id, operation), space, taken))
                .sum()
        };
        self.operations_by_id().map(products).sum()
    }

    /// The window that a product or a pool moves over images, if it does.
    pub(crate) fn met_images(&self, operation: &Operation) -> Option<MetImages> {
        let spaces = self.iteration(operation).spaces;
        spaces.iter().find_map(|space| self.met(operation, space))
    }

    /// A point for each place of all loops, but for each pair of a tap and a position that makes a result.
    fn count(
        &self,
        (id, operation): (OpId, &Operation),
        space: &Space,
        taken: &[Simplification],
    ) -> u64 {
        const WINDOW: [Axis; 4] = [
            Axis::Height,
            Axis::Width,
            Axis::KernelHeight,
            Axis::KernelWidth,
        ];
        let loops = space.loops().into_iter();
        let points = |axis| self.extent(operation, space, axis) as u64;
        let points: u64 = match self.met(operation, space) {
            None => loops.map(points).product(),
            Some(images) => {
                let taken = match space.body {
                    Body::SumOfProducts => taken,
                    _ => &[],
                };
                let others = loops.filter(|axis| !WINDOW.contains(axis));
                let pairs = match self.by_winograd(id, taken) {
                    true => component_pairs(self, operation),
                    false => images.multiplied_pairs(taken),
                };
                others.map(points).product::<u64>() * pairs as u64
            }
        };
        space.flops * points
    }

    /// The extent of a loop.
    fn extent(&self, operation: &Operation, space: &Space, axis: Axis) -> usize {
        self.extent_without(operation, space, axis, &mut vec![axis])
            .unwrap_or(1)
    }

    /// The same, of a loop that an operand names by itself, or flattened with others whose extents do not follow
    /// from those that are asked for.
    fn extent_without(
        &self,
        operation: &Operation,
        space: &Space,
        axis: Axis,
        asked: &mut Vec<Axis>,
    ) -> Option<usize> {
        let maps = || {
            space.maps().filter_map(|map| {
                let tensor = self.operand(operation, map.operand)?;
                Some(map.at.iter().zip(&tensor.shape))
            })
        };
        let by_itself =
            |(index, extent): (&Index, &usize)| (*index == Index::At(axis)).then_some(*extent);
        if let Some(found) = maps().find_map(|mut at| at.find_map(by_itself)) {
            return Some(found);
        }
        maps().find_map(|mut at| {
            at.find_map(|(index, extent)| {
                let Index::Flat(axes) = index else {
                    return None;
                };
                if !axes.contains(&axis) {
                    return None;
                }
                let mut others = 1;
                for other in axes.iter().filter(|other| **other != axis) {
                    if asked.contains(other) {
                        return None;
                    }
                    asked.push(*other);
                    let found = self.extent_without(operation, space, *other, asked);
                    asked.pop();
                    others *= found?;
                }
                Some(extent / others)
            })
        })
    }

    /// The tensor that an operand is.
    fn operand(&self, operation: &Operation, operand: Operand) -> Option<&Tensor> {
        match operand {
            Operand::Input(number) => Some(self.tensor(operation.inputs[number])),
            Operand::Output(number) => Some(self.tensor(operation.outputs[number])),
            Operand::Temporary(_) => None,
        }
    }

    fn met(&self, operation: &Operation, space: &Space) -> Option<MetImages> {
        space.reads.iter().find_map(|map| {
            let tensor = self.operand(operation, map.operand)?;
            let slides = map.at.iter().zip(&tensor.shape);
            let slides: Vec<(Slide, bool, usize)> = slides
                .filter_map(|(index, extent)| match index {
                    Index::Met(slide) => Some((*slide, true, *extent)),
                    Index::MetBy(slide) => Some((*slide, false, *extent)),
                    _ => None,
                })
                .collect();
            let [(rows, reads_images, height), (columns, _, width)] = slides[..] else {
                return None;
            };
            let other = [rows, columns].map(|one| self.extent(operation, space, one.position));
            let (input, output) = match reads_images {
                true => ([height, width], other),
                false => (other, [height, width]),
            };
            let both = |of: fn(Slide) -> usize| [rows, columns].map(of);
            let [above, left] = both(|one| one.before);
            let window = Window {
                kernel: both(|one| one.taps),
                stride: both(|one| one.stride),
                padding: [above, 0, left, 0],
                dilation: both(|one| one.dilation),
            };
            Some(MetImages {
                window,
                input,
                output,
            })
        })
    }
}

/// A window on images.
pub(crate) struct MetImages {
    /// How it moves; what padding there is behind the images does not matter.
    pub(crate) window: Window,
    /// Height and width of what it meets.
    pub(crate) input: [usize; 2],
    /// Height and width of its positions.
    pub(crate) output: [usize; 2],
}

impl MetImages {
    /// How many pairs of a position and a tap are multiplied.
    pub(crate) fn multiplied_pairs(&self, taken: &[Simplification]) -> usize {
        multiplied_pairs(&self.window, self.input, self.output, taken)
    }
}
