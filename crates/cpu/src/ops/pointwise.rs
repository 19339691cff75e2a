//! Functions of one value or two that have a kernel to themselves.

use super::{Group, Places, Task, batch_norm::left_sums};
use crate::kernels::{Function, Pointwise};

/// The kernel of a function of the group's first input, and of its second where it has two.
pub(super) fn pointwise(group: &Group, at: &Places, function: Function) -> Task {
    let inputs = &group.main.inputs;
    let (a, b, y) = (inputs[0], inputs[inputs.len() - 1], group.last().outputs[0]);
    let tiles = group.tiles(y);
    if at.is_images(y) {
        let sums = left_sums(at, y);
        let (a, b, y) = (at.images(a), at.images(b), at.images(y));
        return Task::ImagePointwise(Pointwise {
            sums,
            function,
            tiles,
            a,
            b,
            y,
        });
    }
    let (a, b, y) = (at.matrix(a), at.matrix(b), at.matrix(y));
    Task::Pointwise(Pointwise {
        sums: None,
        function,
        tiles,
        a,
        b,
        y,
    })
}
