//! How pools and their gradients are cut.

use laptime_graph::{CHANNELS, POSITIONS, TensorId, schedule::Part};
use laptime_workload::Window;

use super::{Arranging, Cut, Group, Places, Task, arranging::leaves_idle};
use crate::{
    kernels::{PoolGrad, Tiles, Windows, pieces},
    simd::LANES,
};

/// Tiles of y; each reads what its windows meet.
pub(super) fn cuts(at: &Arranging) -> Vec<Cut> {
    let y = at.main().outputs[0];
    let part = |id, own| if id == y { own } else { Part::Whole };
    let mut cuts = at.by_columns();
    cuts.push(at.tiled(y, (CHANNELS, Some(POSITIONS)), part));
    cuts
}

/// Tiles of dy, where each position of dx is in one window at the most; else channels alone or, where that leaves
/// threads idle, tiles of dx, of which each collects what its positions get: that takes longer.
pub(super) fn gradient_cuts(at: &Arranging, window: &Window) -> Vec<Cut> {
    let dx = at.main().outputs[0];
    let mut cuts = at.by_columns();
    let is_apart = (0..2).all(|axis| window.kernel[axis] <= window.stride[axis]);
    if is_apart {
        let dy = at.main().inputs[at.main().inputs.len() - 1];
        // What its windows meet of dx is the kernel's affair.
        let part = |id, own| match id {
            id if id == dx && matches!(own, Part::Tile { .. }) => Part::Own,
            id if id == dx => own,
            _ => Part::Whole,
        };
        cuts.push(at.tiled(dy, (CHANNELS, Some(POSITIONS)), part));
    } else if leaves_idle(at.program, dx, at.threads) {
        let part = |id, own| if id == dx { own } else { Part::Whole };
        return vec![at.tiled(dx, (CHANNELS, Some(POSITIONS)), part)];
    }
    cuts
}

/// The kernel of a gradient: of x and y of a max pool, if it is one, and dy.
pub(super) fn gradient(
    group: &Group,
    at: &Places,
    largest: Option<(TensorId, TensorId)>,
    dy: TensorId,
    windows: Windows,
) -> Task {
    let dx = group.last().outputs[0];
    let images = at.images(dx);
    let (is_apart, cleared) = windows.apart(images.positions);
    Task::PoolGrad(PoolGrad {
        tiles: match group.part(dx) {
            Part::Own => Tiles {
                pieces: pieces(images.channels.div_ceil(LANES), windows.0.len()),
            },
            _ => group.tiles(dx),
        },
        collected: match group.part(dx) {
            Part::Tile { .. } => Some(windows.met(images.positions)),
            _ => None,
        },
        is_apart,
        cleared,
        largest: largest.map(|(x, y)| (at.images(x), at.images(y))),
        dy: at.images(dy),
        dx: images,
        windows,
    })
}
