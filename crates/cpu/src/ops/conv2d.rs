use laptime_graph::{
    Axes, CHANNELS, Conv2d, Conv2dGradInput, Conv2dGradWeight, INPUTS, OUTPUTS, Op, OpId,
    Operation, POSITIONS, Program, Role, Simplification, TAPS, TensorId, multiplied_pairs,
    schedule::Part, window::live_pairs,
};
use laptime_workload::Window;

use super::{
    Arranging, CpuOp, Cut, Group, Places, Task,
    arranging::{BY_CHANNELS, BY_INPUTS, BY_OUTPUTS},
    batch_norm::{self, gradient_of, norm_of, scale},
    tap_joins::taps,
    update::gradient_use,
};
use crate::{
    extents::{extent, is_weight},
    kernels::{
        self, Conv2dGradWeightInParts, Epilogue, Filters, Images, NormBefore, NormBehind,
        PairedConv2d, PairedConv2dGradInput, PairedConv2dGradWeight, Segments, WeightParts,
        WinogradConv2d, WinogradConv2dGradInput, WinogradConv2dGradWeight, WinogradGrid,
        forward_panel, gradient_panel, norm_bytes, panel_bytes, pieces, turned_bytes,
        turned_pairs_bytes, winograd_runs, winograd_values, winograd_weight_runs,
        winograd_weight_values,
    },
    segments::{
        Padding, Shape, check_reach, forward, input_gradient, multiplied_taps,
        paired_input_gradient, paired_weight_gradient, weight_gradient, weight_gradient_in_parts,
    },
    simd::LANES,
};

impl CpuOp for Conv2d {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_result(at, BY_OUTPUTS)
    }

    fn leaves_sums(&self, _: usize) -> bool {
        true
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let inputs = &group.main.inputs;
        let is_norm = |op: &Op| matches!(op, Op::BatchNorm(_) | Op::BatchNormEvaluation(_));
        let norm = group.find(is_norm);
        let bias = group.find(|op| matches!(op, Op::Bias(_)));
        // In training a norm's gradient reads what the norm has read.
        let y = match norm {
            Some(norm) if matches!(norm.op, Op::BatchNorm(_)) => norm.inputs[0],
            _ => group.stored(),
        };
        let images = at.images(inputs[0]);
        let (x, y_shape) = (at.shape(inputs[0]), at.shape(y));
        let padding = padding(at, images);
        let by_winograd = group.by_winograd(at);
        let mut conv = kernels::Conv2d {
            x: images,
            w: at.filters(group.unrounded(inputs[1])),
            y: at.images(y),
            bias: bias.map(|bias| at.place(bias.inputs[1])),
            norm: at.sums(y).filter(|_| norm.is_none()).map(NormBehind::Apart),
            other: None,
            epilogue: Epilogue::None,
            segments: match by_winograd {
                true => winograd_runs(x[3]),
                false => forward(
                    &self.window,
                    x,
                    y_shape,
                    images.lanes_of_channels(),
                    padding,
                ),
            },
            tiles: group.tiles(y),
        };
        match norm.map(|norm| (norm, norm.op)) {
            Some((norm, Op::BatchNorm(_))) => {
                conv.norm = Some(NormBehind::Batch(Box::new(norm_of(
                    group,
                    at,
                    norm,
                    |id| at.images(id),
                ))));
            }
            Some((norm, Op::BatchNormEvaluation(op))) => {
                conv.norm = Some(NormBehind::Moving {
                    scale: scale(at, norm, op.epsilon),
                    mean: at.place(norm.inputs[3]),
                    variance: at.place(norm.inputs[4]),
                });
                conv.other = group.other().map(|id| at.images(id));
                conv.epilogue = group.epilogue(|id| at.images(id));
            }
            _ => conv.epilogue = group.epilogue(|id| at.images(id)),
        }
        if by_winograd {
            let grid = forward_grid(&self.window, x, y_shape);
            return Task::WinogradConv2d(WinogradConv2d { conv, grid });
        }
        if images.paired {
            let taps = multiplied_taps(&self.window, x, y_shape, padding.left_out);
            Task::PairedConv2d(PairedConv2d { conv, taps })
        } else {
            Task::Conv2d(conv)
        }
    }

    fn scratch_bytes(&self, own: &Operation, program: &Program, by_winograd: bool) -> usize {
        let (x, w) = (own.inputs[0], own.inputs[1]);
        let panel = forward_panel(taps(&self.window), extent(program, w, INPUTS));
        let transformed = transformed_bytes(program, x, by_winograd);
        panel_of(program, x, panel).max(transformed) + kept_for_norm(extent(program, w, OUTPUTS))
    }

    fn zero_bytes(&self, own: &Operation, program: &Program, taken: &[Simplification]) -> usize {
        zero_bytes(
            &self.window,
            program,
            [own.inputs[0], own.outputs[0]],
            taken,
        )
    }

    fn check_reach(&self, own: &Operation, program: &Program) -> Result<(), String> {
        check_reach(program, [own.inputs[0], own.inputs[1], own.outputs[0]])
    }

    fn has_bf16_kernel(&self) -> bool {
        true
    }
}

impl CpuOp for Conv2dGradInput {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        by_result(at, BY_INPUTS)
    }

    fn leaves_sums(&self, _: usize) -> bool {
        true
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (inputs, outputs) = (&group.main.inputs, &group.main.outputs);
        let last = group.last().outputs[0];
        let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
        let w = at.filters(group.unrounded(inputs[1]));
        let (x, y) = (at.shape(outputs[0]), at.shape(inputs[0]));
        let dy = at.images(inputs[0]);
        let by_winograd = group.by_winograd(at);
        let epilogue = group.gradient_epilogue(|id| at.images(id));
        let conv = kernels::Conv2dGradInput {
            dy,
            w,
            dx: at.images(norm.map_or(last, |norm| norm.inputs[0])),
            other: group.other().map(|id| at.images(id)),
            epilogue,
            norm: match norm {
                Some(norm) => {
                    // Its sums are made in registers; an epilogue over the stored tile comes behind them.
                    assert!(!epilogue.is_tile(), "a norm's gradient ends a chain");
                    let images = |id| at.images(id);
                    let norm = gradient_of(group, at, norm, None, images);
                    Some(NormBefore::Here(Box::new(norm)))
                }
                None => left_sums(at, last),
            },
            segments: match by_winograd {
                true => winograd_runs(y[3]),
                false => input_segments(at, &self.window, x, y, dy, w),
            },
            tiles: group.tiles(last),
        };
        if by_winograd {
            let grid = WinogradGrid {
                input: [y[1], y[2]],
                output: [x[1], x[2]],
                before: [2 - self.window.padding[0], 2 - self.window.padding[2]],
            };
            return Task::WinogradConv2dGradInput(WinogradConv2dGradInput { conv, grid });
        }
        if dy.paired {
            let taps = multiplied_taps(&self.window, x, y, &at.schedule.simplifications);
            Task::PairedConv2dGradInput(PairedConv2dGradInput { conv, taps })
        } else {
            Task::Conv2dGradInput(conv)
        }
    }

    fn scratch_bytes(&self, own: &Operation, program: &Program, by_winograd: bool) -> usize {
        let (dy, w) = (own.inputs[0], own.inputs[1]);
        let panel = gradient_panel(taps(&self.window), extent(program, w, OUTPUTS));
        let transformed = transformed_bytes(program, dy, by_winograd);
        panel_of(program, dy, panel).max(transformed) + kept_for_norm(extent(program, w, INPUTS))
    }
}

impl CpuOp for Conv2dGradWeight {
    fn cuts(&self, at: &Arranging) -> Vec<Cut> {
        let (x, dy) = (at.main().inputs[0], at.main().inputs[1]);
        let dw = at.main().outputs[0];
        let across = weights_across(at, dw);
        // Who has some of the positions of rounded images' windows would turn all of x over.
        let across = across.filter(|axes| *axes == INPUTS || !is_rounded(at.program, x));
        // What is made for all taps at once is not cut between them.
        let (across, most) = match is_candidate(at) {
            true => {
                let inputs = extent(at.program, dw, INPUTS);
                (Some(INPUTS), inputs.div_ceil(INPUTS_TO_CUT))
            }
            false => (across, usize::MAX),
        };
        vec![
            at.tiled_at_most(dw, (OUTPUTS, across), most, |id, own| match own {
                _ if is_weight(at.program, id) => own,
                Part::Along { .. } if id == dy => BY_CHANNELS,
                _ => Part::Whole,
            }),
        ]
    }

    fn link(&self, group: &Group, at: &Places) -> Task {
        let (x, dy) = (group.main.inputs[0], group.main.inputs[1]);
        let images = at.images(x);
        let by_winograd = group.by_winograd(at);
        let parts = weight_parts(at.program, group.main);
        let mut conv = kernels::Conv2dGradWeight {
            x: images,
            dy: at.images(dy),
            w: at.filters(group.last().outputs[0]),
            to: gradient_use(group, at),
            segments: match (by_winograd, parts) {
                (true, _) => winograd_weight_runs(at.shape(x)[0]),
                (false, Some(_)) => Segments::default(),
                (false, None) => {
                    weight_segments(at, &self.window, at.shape(x), at.shape(dy), images)
                }
            },
            tiles: group.tiles(group.last().outputs[0]),
            by_inputs: matches!(
                group.part(group.last().outputs[0]),
                Part::Tile { across: INPUTS, .. }
            ),
        };
        if by_winograd {
            let grid = forward_grid(&self.window, at.shape(x), at.shape(dy));
            Task::WinogradConv2dGradWeight(WinogradConv2dGradWeight { conv, grid })
        } else if let Some(parts) = parts {
            assert!(
                !(parts.joins_taps && conv.by_inputs),
                "few inputs are not cut"
            );
            let padding = padding(at, images);
            let (x, y) = (at.shape(x), at.shape(dy));
            let (rows, segments) = weight_gradient_in_parts(&self.window, x, y, parts, padding);
            conv.segments = segments;
            let is_live = |tap| rows.iter().any(|row| row.taps.contains(&tap));
            let live = (0..taps(&self.window)).map(is_live).collect();
            Task::Conv2dGradWeightInParts(Conv2dGradWeightInParts {
                conv,
                parts,
                rows,
                live,
            })
        } else if images.paired {
            Task::PairedConv2dGradWeight(PairedConv2dGradWeight(conv))
        } else {
            Task::Conv2dGradWeight(conv)
        }
    }

    fn scratch_bytes(&self, own: &Operation, program: &Program, by_winograd: bool) -> usize {
        let (x, dy) = (own.inputs[0], own.inputs[1]);
        if by_winograd {
            return winograd_weight_values(extent(program, x, CHANNELS)) * 4;
        }
        let samples = program.batch_size.next_multiple_of(LANES);
        let positions = extent(program, dy, POSITIONS);
        if is_rounded(program, x) {
            let x = (extent(program, x, POSITIONS), extent(program, x, CHANNELS));
            turned_pairs_bytes(x, positions, samples)
        } else if let Some(parts) = weight_parts(program, own) {
            let dw = own.outputs[0];
            let [outputs, inputs, taps] =
                [OUTPUTS, INPUTS, TAPS].map(|axes| extent(program, dw, axes));
            parts.bytes(samples, inputs * taps, outputs)
        } else {
            turned_bytes(positions * samples)
        }
    }
}

/// Products of each value of dy that are worth cutting: who has a part of a slice turns all of its dy over, which
/// takes as long as about ten of them.
const PRODUCTS_TO_CUT: usize = 20;

/// Inputs that are worth a tile: they are the rows of its products.
const INPUTS_TO_CUT: usize = 4;

/// With fewer inputs, neighbouring taps share a product: they fill no tile of it alone.
const INPUTS_TO_JOIN: usize = 8;

/// What the gradient of weights is cut along beside its outputs, if anything: inputs, which make even pieces, or the
/// window's positions where inputs are few.
fn weights_across(at: &Arranging, dw: TensorId) -> Option<Axes> {
    let [outputs, inputs, taps] = [OUTPUTS, INPUTS, TAPS].map(|axes| extent(at.program, dw, axes));
    let of_tile = inputs / pieces(outputs.div_ceil(LANES), inputs);
    if inputs * taps < PRODUCTS_TO_CUT {
        None
    } else if of_tile >= INPUTS_TO_CUT {
        Some(INPUTS)
    } else {
        Some(TAPS)
    }
}

/// The parts in which the gradient of weights is made, where that is worth it.
fn weight_parts(program: &Program, own: &Operation) -> Option<WeightParts> {
    let (x, dy, dw) = (own.inputs[0], own.inputs[1], own.outputs[0]);
    if is_rounded(program, x) {
        return None;
    }
    let [outputs, inputs] = [OUTPUTS, INPUTS].map(|axes| extent(program, dw, axes));
    let positions = extent(program, dy, POSITIONS);
    let values = positions * program.batch_size.next_multiple_of(LANES);
    WeightParts::of(positions, values, outputs, inputs < INPUTS_TO_JOIN)
}

/// The sums of what a kernel makes last, where it leaves them for the gradient of a norm.
fn left_sums(at: &Places, made: TensorId) -> Option<NormBefore> {
    let left = batch_norm::left_sums(at, made)?;
    let (x, mean) = left
        .gradient
        .expect("a gradient is read by the gradient of a norm");
    let sums = left.place;
    Some(NormBefore::Apart { x, mean, sums })
}

/// Tiles of what a product makes, which reads all of its first input; whole slices have the weights' part. A batch
/// norm that goes with it needs the sums over all positions.
fn by_result(at: &Arranging, weights: Part) -> Vec<Cut> {
    let (read, made) = (at.main().inputs[0], at.main().outputs[0]);
    let across = (!has_norm(at)).then_some(POSITIONS);
    // Results that are made two rows at a time are not cut between them.
    let most = match is_candidate(at) {
        true => at.program.tensor(made).shape[1].div_ceil(2),
        false => usize::MAX,
    };
    let cut = at.tiled_at_most(made, (CHANNELS, across), most, |id, own| match own {
        _ if id == read => Part::Whole,
        Part::Along { .. } if is_weight(at.program, id) => weights,
        Part::Tile { .. } if !at.program.tensor(id).is_images() => Part::Whole,
        _ => own,
    });
    vec![at.leaving_sums(cut)]
}

/// Whether Winograd's way serves the product, be it taken or not.
fn is_candidate(at: &Arranging) -> bool {
    let serves = |id: &OpId| at.program.may_be_by_winograd(*id);
    at.group.iter().any(serves)
}

/// How Winograd's tiles lie in the images of a convolution.
fn forward_grid(window: &Window, x: Shape, y: Shape) -> WinogradGrid {
    WinogradGrid {
        input: [x[1], x[2]],
        output: [y[1], y[2]],
        before: [window.padding[0], window.padding[2]],
    }
}

/// Whether a batch norm's sums over all positions are made with the product.
fn has_norm(at: &Arranging) -> bool {
    at.operations()
        .any(|own| matches!(own.op, Op::BatchNorm(_) | Op::BatchNormGrad(_)))
}

fn is_rounded(program: &Program, id: TensorId) -> bool {
    matches!(program.tensor(id).role, Role::Rounded { .. })
}

/// The bytes of a panel of weights, which products of rounded images alone have.
fn panel_of(program: &Program, images: TensorId, panel: usize) -> usize {
    if is_rounded(program, images) {
        panel_bytes(panel)
    } else {
        0
    }
}

/// The bytes for what Winograd's way transforms, of images and of weights.
fn transformed_bytes(program: &Program, images: TensorId, by_winograd: bool) -> usize {
    match by_winograd {
        true => winograd_values(extent(program, images, CHANNELS)) * 4,
        false => 0,
    }
}

/// What is kept of so many channels for a batch norm that goes with the convolution.
fn kept_for_norm(channels: usize) -> usize {
    norm_bytes(channels.div_ceil(LANES))
}

/// The zeros that stand for padding where it is multiplied, of a window that makes images of others.
pub(super) fn zero_bytes(
    window: &Window,
    program: &Program,
    images: [TensorId; 2],
    taken: &[Simplification],
) -> usize {
    let [x, y] = images.map(|id| &program.tensor(id).shape);
    let (input, output) = ([x[1], x[2]], [y[1], y[2]]);
    if multiplied_pairs(window, input, output, taken) == live_pairs(window, input, output) {
        return 0;
    }
    // A position of as many channels as its gradients have too.
    x[3].max(y[3]) * x[0].next_multiple_of(LANES) * 4
}

/// What a convolution does about padding that reads these images, or zeros behind the arena they are in.
fn padding<'a>(at: &'a Places, images: Images) -> Padding<'a> {
    Padding {
        left_out: &at.schedule.simplifications,
        zeros: at.step_bytes / 4 - images.place.index(0),
    }
}

fn input_segments(
    at: &Places,
    window: &Window,
    x: Shape,
    y: Shape,
    dy: Images,
    w: Filters,
) -> Segments {
    let padding = padding(at, dy);
    if dy.paired {
        paired_input_gradient(window, x, y, padding)
    } else {
        input_gradient(window, x, y, w, padding)
    }
}

fn weight_segments(at: &Places, window: &Window, x: Shape, y: Shape, images: Images) -> Segments {
    if !images.paired {
        return weight_gradient(window, x, y, padding(at, images));
    }
    // It reads images that it has turned over into the scratch, or the zeros behind that.
    let padding = Padding {
        left_out: &at.schedule.simplifications,
        zeros: at.schedule.scratch_bytes / 4,
    };
    paired_weight_gradient(window, x, y, padding)
}
