//! The segments of convolutions and the windows of pools: for every position, what of the window is
//! multiplied, and where that is in memory.

mod limits;
mod products;

use std::collections::BTreeMap;

use laptime_graph::{
    Simplification,
    window::{input_position, live_taps},
};
use laptime_workload::Window;

use crate::{
    kernels::{
        Filters, Segment, Segments, TURNED_SLICES, TapRow, WeightParts, Windows, panel_pairs,
        turned_slices, turned_stride,
    },
    simd::LANES,
};
pub(crate) use limits::{check_reach, check_zeros};
pub(crate) use products::{Padding, Shape};
use products::{Product, positions, products, reach};

/// The rows of a gradient of weights that is made in parts, a list for each: runs of samples, from x and from a part's
/// turned slices of dy.
pub(crate) fn weight_gradient_in_parts(
    window: &Window,
    x: Shape,
    y: Shape,
    parts: WeightParts,
    padding: Padding,
) -> (Vec<TapRow>, Segments) {
    let (samples, channels) = (x[0], x[3]);
    let (stride, turned) = (samples.next_multiple_of(LANES), turned_slices(y[3]));
    let products = products(window, x, y, padding.left_out);
    let (mut rows, mut segments) = (Vec::new(), Segments::default());
    for (part, products) in products.chunks(parts.positions).enumerate() {
        let mut met: BTreeMap<[usize; 2], Vec<Segment>> = BTreeMap::new();
        for (place, products) in products.iter().enumerate() {
            let are_neighbours = |one: &Product, next: &Product| {
                parts.joins_taps && one.is_before(next, window.kernel[1])
            };
            for taps in products.chunk_by(are_neighbours) {
                let first = taps[0].tap;
                met.entry([first, first + taps.len()])
                    .or_default()
                    .push(Segment {
                        a: taps[0].place_of_input(channels * stride, padding),
                        b: reach(place * stride * turned * LANES),
                        steps: reach(samples),
                    });
            }
        }
        for ([first, end], list) in met {
            let taps = first..end;
            rows.push(TapRow { part, taps });
            segments.all.extend(list);
            segments.end_list();
        }
    }
    (rows, segments)
}

/// For each output position: runs of taps and channels, from a block of filters and from x. Taps
/// that are neighbours in a row of the kernel are neighbours in both, and make one run. `channels` are
/// those of x, or pairs of them.
pub(crate) fn forward(
    window: &Window,
    x: Shape,
    y: Shape,
    channels: usize,
    padding: Padding,
) -> Segments {
    let stride = x[0].next_multiple_of(LANES);
    let mut segments = Segments::default();
    for products in products(window, x, y, padding.left_out) {
        let start = segments.all.len();
        for one in products {
            let next = Segment {
                a: reach(one.tap * channels * LANES),
                b: one.place_of_input(channels * stride, padding),
                steps: reach(channels),
            };
            match segments.all[start..].last_mut() {
                Some(last)
                    if next.a == last.a + last.steps * LANES as u32
                        && next.b == last.b + last.steps * stride as u32 =>
                {
                    last.steps += next.steps;
                }
                _ => segments.all.push(next),
            }
        }
        segments.end_list();
    }
    segments
}

/// For each input position: runs of sixteen filters for each tap that reaches it, from the filters
/// and from dy.
pub(crate) fn input_gradient(
    window: &Window,
    x: Shape,
    y: Shape,
    w: Filters,
    padding: Padding,
) -> Segments {
    let stride = y[0].next_multiple_of(LANES);
    let mut reached = vec![Vec::new(); x[1] * x[2]];
    for one in products(window, x, y, padding.left_out).iter().flatten() {
        for (block, filter) in (0..w.outputs).step_by(LANES).enumerate() {
            let place = (one.output * w.outputs + filter) * stride;
            reached[one.input].push(Segment {
                a: reach(block * w.block_stride() + one.tap * w.inputs * LANES),
                b: one.place_of_output(place, padding),
                steps: reach(LANES.min(w.outputs - filter)),
            });
        }
    }
    in_lists(reached)
}

/// For each tap: runs of samples, from x and from the turned slices of dy.
pub(crate) fn weight_gradient(window: &Window, x: Shape, y: Shape, padding: Padding) -> Segments {
    let (samples, channels) = (x[0], x[3]);
    let (stride, turned) = (samples.next_multiple_of(LANES), turned_slices(y[3]));
    let mut met = vec![Vec::new(); window.kernel[0] * window.kernel[1]];
    for one in products(window, x, y, padding.left_out).iter().flatten() {
        met[one.tap].push(Segment {
            a: one.place_of_input(channels * stride, padding),
            b: reach(one.output * stride * turned * LANES),
            steps: reach(samples),
        });
    }
    in_lists(met)
}

/// For each input position: runs of pairs of filters for each tap that reaches it, from a panel and
/// from a paired dy.
pub(crate) fn paired_input_gradient(
    window: &Window,
    x: Shape,
    y: Shape,
    padding: Padding,
) -> Segments {
    let (stride, pairs) = (y[0].next_multiple_of(LANES), y[3].div_ceil(2));
    let mut reached = vec![Vec::new(); x[1] * x[2]];
    for one in products(window, x, y, padding.left_out).iter().flatten() {
        reached[one.input].push(Segment {
            a: reach(one.tap * panel_pairs(y[3]) * LANES),
            b: one.place_of_output(one.output * pairs * stride, padding),
            steps: reach(pairs),
        });
    }
    in_lists(reached)
}

/// For each tap: runs of pairs of samples, from the turned x and from the turned slices of dy.
pub(crate) fn paired_weight_gradient(
    window: &Window,
    x: Shape,
    y: Shape,
    padding: Padding,
) -> Segments {
    let (samples, channels) = (x[0], x[3]);
    let stride = turned_stride(samples.next_multiple_of(LANES));
    let mut met = vec![Vec::new(); window.kernel[0] * window.kernel[1]];
    for one in products(window, x, y, padding.left_out).iter().flatten() {
        met[one.tap].push(Segment {
            a: one.place_of_input(channels * stride, padding),
            b: reach(one.output * stride * TURNED_SLICES * LANES),
            steps: reach(samples.div_ceil(2)),
        });
    }
    in_lists(met)
}

fn in_lists(lists: Vec<Vec<Segment>>) -> Segments {
    let mut segments = Segments::default();
    for list in lists {
        segments.all.extend(list);
        segments.end_list();
    }
    segments
}

/// The taps that a convolution multiplies anywhere.
pub(crate) fn multiplied_taps(
    window: &Window,
    x: Shape,
    y: Shape,
    left_out: &[Simplification],
) -> Vec<u32> {
    let live = live_taps(window, [x[1], x[2]], [y[1], y[2]]);
    let leaves_out_dead_ones = left_out.contains(&Simplification::DeadTaps);
    (0..live.len() as u32)
        .filter(|tap| live[*tap as usize] || !leaves_out_dead_ones)
        .collect()
}

/// For each output position: the input positions that a pool's window meets.
pub(crate) fn windows(window: &Window, x: Shape, y: Shape) -> Windows {
    let met = |output| {
        let inputs = positions(window.kernel)
            .filter_map(|tap| input_position(window, [x[1], x[2]], output, tap));
        inputs
            .map(|[row, column]| reach(row * x[2] + column))
            .collect()
    };
    Windows(positions([y[1], y[2]]).map(met).collect())
}
