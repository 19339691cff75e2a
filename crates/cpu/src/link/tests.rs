use laptime_engine::Passes;
use laptime_graph::{Mode, Op, OpId, Simplification, build, pass_names};
use laptime_workload::{Builtin, Overrides, Precision, Window};

use super::*;
use crate::{
    kernels::{
        Conv2d, Conv2dGradInput, Conv2dGradWeight, Conv2dGradWeightInParts, Images, PairedConv2d,
        PairedConv2dGradInput, PairedConv2dGradWeight, Segment, Segments, WinogradConv2dGradWeight,
        turned_stride,
    },
    lower::{Target, lower},
    segments::{Padding, check_zeros, forward, multiplied_taps, weight_gradient},
    simd::{Isa, LANES},
};

/// Every choice of simplifications.
const CHOICES: [&[Simplification]; 4] = [
    &[],
    &[Simplification::DeadTaps],
    &[Simplification::BorderPositions],
    &Simplification::OF_PADDING,
];

/// All fusions, and these simplifications.
fn passes(taken: &[Simplification]) -> Passes {
    let is_on = |name: &&str| {
        let mut all = Simplification::OF_PADDING.iter();
        all.find(|one| one.as_str() == *name)
            .is_none_or(|one| taken.contains(one))
    };
    Passes::Only(
        pass_names()
            .into_iter()
            .filter(is_on)
            .map(Into::into)
            .collect(),
    )
}

fn resnet50(precision: Precision, taken: &[Simplification]) -> (Program, Schedule) {
    let spec = Builtin::find("cifar10-resnet50").unwrap().spec();
    let mut workload = spec.resolve(&Overrides::default()).unwrap();
    workload.precision = precision;
    let program = build(&workload, Mode::Training, 32);
    let isa = Isa::portable();
    let schedule = lower(&program, Target { isa, threads: 2 }, &passes(taken));
    (program, schedule)
}

/// A convolution's or a gradient's segments.
struct Product<'a> {
    segments: &'a Segments,
    /// The operand that may be padding.
    images: Images,
    is_weight_gradient: bool,
    /// How many neighbouring taps each list of segments is for.
    joined: Vec<usize>,
    multiply_adds: usize,
}

/// The multiply-adds of a gradient of weights by Winograd's way, whose products are not of images.
fn winograd_multiply_adds(task: &Task) -> Option<usize> {
    let Task::WinogradConv2dGradWeight(WinogradConv2dGradWeight { conv, grid }) = task else {
        return None;
    };
    let [height, width] = grid.output.map(|extent| extent.div_ceil(2));
    let Conv2dGradWeight { x, w, .. } = conv;
    Some(16 * height * width * x.samples * w.inputs * w.outputs)
}

fn product(task: &Task) -> Option<Product<'_>> {
    let steps =
        |segments: &Segments| -> usize { segments.all.iter().map(|one| one.steps as usize).sum() };
    match task {
        Task::Conv2d(conv) | Task::PairedConv2d(PairedConv2d { conv, .. }) => {
            let Conv2d { x, y, w, .. } = conv;
            let taps = steps(&conv.segments) / x.lanes_of_channels();
            Some(Product {
                segments: &conv.segments,
                images: *x,
                is_weight_gradient: false,
                joined: vec![1; conv.segments.ends.len()],
                multiply_adds: taps * w.inputs * y.channels * x.samples,
            })
        }
        Task::Conv2dGradInput(conv)
        | Task::PairedConv2dGradInput(PairedConv2dGradInput { conv, .. }) => {
            let Conv2dGradInput { dy, dx, .. } = conv;
            let taps = steps(&conv.segments) / dy.lanes_of_channels();
            Some(Product {
                segments: &conv.segments,
                images: *dy,
                is_weight_gradient: false,
                joined: vec![1; conv.segments.ends.len()],
                multiply_adds: taps * dy.channels * dx.channels * dy.samples,
            })
        }
        Task::Conv2dGradWeight(conv)
        | Task::PairedConv2dGradWeight(PairedConv2dGradWeight(conv)) => {
            let Conv2dGradWeight { x, w, .. } = conv;
            let taps = conv.segments.all.len();
            Some(Product {
                segments: &conv.segments,
                images: *x,
                is_weight_gradient: true,
                joined: vec![1; conv.segments.ends.len()],
                multiply_adds: taps * x.samples * w.inputs * w.outputs,
            })
        }
        Task::Conv2dGradWeightInParts(Conv2dGradWeightInParts { conv, rows, .. }) => {
            let Conv2dGradWeight { x, w, .. } = conv;
            let joined: Vec<usize> = rows.iter().map(|row| row.taps.len()).collect();
            let lists = conv.segments.lists().zip(&joined);
            let taps: usize = lists.map(|(list, joined)| list.len() * joined).sum();
            Some(Product {
                segments: &conv.segments,
                images: *x,
                is_weight_gradient: true,
                joined,
                multiply_adds: taps * x.samples * w.inputs * w.outputs,
            })
        }
        _ => None,
    }
}

/// Whatever is switched off, its products are really done, and what `explain` and the records count is
/// what the segments say.
#[test]
fn a_step_of_resnet50_multiplies_what_is_counted() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        for taken in CHOICES {
            let (program, schedule) = resnet50(precision, taken);
            let linked = link(&program, &schedule);
            let tasks = linked.stages.iter().flat_map(|stage| &stage.tasks);
            let multiply_adds: usize = tasks
                .filter_map(|task| {
                    let product = product(&task.task).map(|product| product.multiply_adds);
                    product.or_else(|| winograd_multiply_adds(&task.task))
                })
                .sum();
            let is_dense = |id: &usize| {
                use Op::{Dense, DenseGradInput, DenseGradWeight};
                let op = program.operations[*id].op;
                matches!(op, Dense(_) | DenseGradInput(_) | DenseGradWeight(_))
            };
            let dense: u64 = (0..program.operations.len())
                .filter(is_dense)
                .map(|id| program.flops(OpId(id), taken))
                .sum();
            assert_eq!(
                2 * multiply_adds as u64 + dense,
                program.executed_flops(&schedule.simplifications),
                "{precision}, {taken:?}"
            );
        }
    }
}

/// A segment reads images, or the zeros that the Schedule has behind all else, and nothing beyond.
#[test]
fn segments_of_resnet50_stay_in_planned_memory() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        for taken in CHOICES {
            let (program, schedule) = resnet50(precision, taken);
            let linked = link(&program, &schedule);
            let mut zeros_are_read = false;
            for task in linked.stages.iter().flat_map(|stage| &stage.tasks) {
                let Some(Product {
                    segments,
                    images,
                    is_weight_gradient,
                    joined,
                    ..
                }) = product(&task.task)
                else {
                    continue;
                };
                // Values of one position, and where the zeros begin and end.
                let (position, zeros, end) = if is_weight_gradient && images.paired {
                    let position = images.channels * turned_stride(images.stride);
                    let (zeros, end) = (schedule.scratch_bytes, linked.scratch_bytes);
                    (position, zeros / 4, end / 4)
                } else {
                    let position = images.lanes_of_channels() * images.stride;
                    let (zeros, end) = (schedule.arena_bytes(Arena::Step), linked.step_bytes);
                    let start = images.place.index(0);
                    (position, zeros / 4 - start, end / 4 - start)
                };
                let lists = segments.lists().zip(joined);
                let segments =
                    lists.flat_map(|(list, joined)| list.iter().map(move |one| (one, joined)));
                for (segment, joined) in segments {
                    let (start, values) = if is_weight_gradient {
                        // Its rows are all channels, of all joined taps.
                        (segment.a as usize, joined * position)
                    } else {
                        (segment.b as usize, segment.steps as usize * images.stride)
                    };
                    let is_of_images = start + values <= images.positions * position;
                    let is_zero = start >= zeros && start + values <= end;
                    assert!(
                        is_of_images || is_zero,
                        "{precision}, {taken:?}: {segment:?}"
                    );
                    zeros_are_read |= is_zero;
                }
            }
            assert_eq!(zeros_are_read, taken.len() < 2, "{precision}, {taken:?}");
            assert_eq!(schedule.zero_bytes > 0, zeros_are_read);
        }
    }
}

/// 3×3 on 2×2 images of one channel, a window at the image's first position.
#[test]
fn a_position_at_the_border_has_zeros_for_padding_or_leaves_it_out() {
    let window = Window {
        kernel: [3; 2],
        stride: [1; 2],
        padding: [1; 4],
        dilation: [1; 2],
    };
    let shape = [16, 2, 2, 1];
    let first = |padding| {
        let segments = forward(&window, &shape, &shape, 1, padding);
        segments.all[..segments.ends[0]].to_vec()
    };
    let run = |tap: u32, position: u32, steps| Segment {
        a: tap * LANES as u32,
        b: position * 16,
        steps,
    };
    // Two taps of the middle row, and two of the last.
    assert_eq!(first(Padding::LEFT_OUT), [run(4, 0, 2), run(7, 2, 2)]);
    let zeros = 100;
    let padding = Padding {
        left_out: &[Simplification::DeadTaps],
        zeros: zeros as usize * 16,
    };
    let expected = [
        run(0, zeros, 1),
        run(1, zeros, 1),
        run(2, zeros, 1),
        run(3, zeros, 1),
        run(4, 0, 2),
        run(6, zeros, 1),
        run(7, 2, 2),
    ];
    assert_eq!(first(padding), expected);
}

/// 3×3 on a single position: only the middle tap lives.
#[test]
fn a_dead_tap_is_left_alone_or_gets_its_zero_gradient() {
    let window = Window {
        kernel: [3; 2],
        stride: [1; 2],
        padding: [1; 4],
        dilation: [1; 2],
    };
    let shape = [16, 1, 1, 2];
    let taps_with_a_gradient = |left_out| {
        let padding = Padding {
            left_out,
            zeros: 1000,
        };
        let segments = weight_gradient(&window, &shape, &shape, padding);
        let starts = [&[0], &segments.ends[..]].concat();
        let lists = starts.windows(2);
        lists.map(|ends| ends[1] - ends[0]).collect::<Vec<_>>()
    };
    let alone = [0, 0, 0, 0, 1, 0, 0, 0, 0];
    for taken in CHOICES {
        let (expected, taps) = match taken.contains(&Simplification::DeadTaps) {
            true => (alone, vec![4]),
            false => ([1; 9], (0..9).collect()),
        };
        assert_eq!(taps_with_a_gradient(taken), expected, "{taken:?}");
        assert_eq!(multiplied_taps(&window, &shape, &shape, taken), taps);
    }
}

#[test]
fn zeros_too_far_away_are_refused() {
    let (_, mut schedule) = resnet50(Precision::Fp32, &[]);
    assert_eq!(check_zeros(&schedule), Ok(()));
    schedule.scratch_bytes = 5 << 31;
    let why = check_zeros(&schedule).unwrap_err();
    assert!(why.contains("make the batch smaller"), "{why}");
    schedule.zero_bytes = 0;
    assert_eq!(check_zeros(&schedule), Ok(()));
}
