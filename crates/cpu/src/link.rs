//! Links a Schedule: finds the kernel for each group of operations and resolves every place, so
//! that a step looks up no name and decides nothing.

mod convolutions;
mod norms;
mod padding;
mod places;
mod products;
mod segments;
mod updates;

use laptime_graph::{
    AvgPool, DropoutGrad, MaxPool, Op, Operation, Program, TensorId,
    schedule::{Arena, Buffer, Kernel, Layout, Part, Schedule, Split},
};
pub(crate) use padding::check_zeros;
pub(crate) use products::Padding;
use segments::windows;
pub(crate) use segments::{check_reach, forward, input_gradient, weight_gradient};

use crate::{
    kernels::{
        Bias, BiasGrad, ChannelBias, ChannelBiasGrad, Conv2dGradWeight, Dense, DenseCut,
        DenseGradInput, DenseGradWeight, Function, GlobalAvgPool, GlobalAvgPoolGrad, Matrix,
        MeanSquaredError, PairedConv2dGradWeight, Pointwise, Pool, PoolGrad, Rearrange,
        ScaleImages, ScalePixels, SoftmaxCrossEntropy, Stored, Task,
    },
    lower::{is_weight, main_operation},
    memory::Place,
};

/// A Schedule ready to run.
pub(crate) struct Linked {
    pub(crate) stages: Vec<LinkedStage>,
    /// Samples a step.
    pub(crate) batch_size: usize,
    pub(crate) step_bytes: usize,
    pub(crate) thread_bytes: usize,
    pub(crate) scratch_bytes: usize,
    pub(crate) logits: StoredLogits,
    pub(crate) metrics: Vec<Place>,
}

impl Linked {
    /// How many tasks a step has.
    pub(crate) fn tasks(&self) -> usize {
        self.stages.iter().map(|stage| stage.tasks.len()).sum()
    }
}

/// Kernels between two barriers.
pub(crate) struct LinkedStage {
    pub(crate) slices: usize,
    pub(crate) tasks: Vec<LinkedTask>,
    pub(crate) barrier: bool,
}

/// A kernel and who does what of it.
pub(crate) struct LinkedTask {
    pub(crate) task: Task,
    pub(crate) split: Split,
    /// The number of its slices, where one thread does them all.
    pub(crate) slices: usize,
}

/// Where the logits of a step are, to be read by whoever asks.
pub(crate) struct StoredLogits {
    pub(crate) matrix: Matrix,
    pub(crate) partials: usize,
}

/// Links a Schedule that this crate lowered from the Program.
pub(crate) fn link(program: &Program, schedule: &Schedule) -> Linked {
    let linker = Linker {
        program,
        schedule,
        buffers: schedule.buffers_by_tensor(program),
        step_bytes: schedule.arena_bytes(Arena::Step),
    };
    let stages = schedule
        .stages
        .iter()
        .map(|stage| LinkedStage {
            slices: stage.slices,
            tasks: stage
                .kernels
                .iter()
                .map(|kernel| linker.link(kernel))
                .collect(),
            barrier: stage.barrier,
        })
        .collect();
    Linked {
        stages,
        batch_size: program.batch_size,
        step_bytes: linker.step_bytes + schedule.zero_bytes,
        thread_bytes: schedule.arena_bytes(Arena::Thread),
        scratch_bytes: schedule.scratch_bytes + schedule.zero_bytes,
        logits: linker.logits(),
        metrics: program.metrics.iter().map(|id| linker.place(*id)).collect(),
    }
}

struct Linker<'a> {
    program: &'a Program,
    schedule: &'a Schedule,
    /// The buffer of each tensor.
    buffers: Vec<Option<&'a Buffer>>,
    /// Of what lives within a step.
    step_bytes: usize,
}

/// The operations of one kernel.
struct Group<'a> {
    kernel: &'a Kernel,
    /// The operation that gives the group its kernel.
    main: &'a Operation,
    operations: Vec<&'a Operation>,
}

impl<'a> Group<'a> {
    fn last(&self) -> &'a Operation {
        self.operations[self.operations.len() - 1]
    }

    fn find(&self, wanted: fn(&Op) -> bool) -> Option<&'a Operation> {
        self.operations.iter().find(|one| wanted(&one.op)).copied()
    }

    /// Whether ReLU is fused in.
    fn relu(&self) -> bool {
        self.find(|op| matches!(op, Op::Relu(_))).is_some()
    }

    /// Whether what the group makes is rounded in it.
    fn rounds(&self) -> bool {
        matches!(self.last().op, Op::Round(_))
    }

    /// The operand of a fused sum that is not made in the group.
    fn other(&self) -> Option<TensorId> {
        let made = |id: &&TensorId| self.operations.iter().any(|one| one.outputs.contains(id));
        self.find(|op| matches!(op, Op::Add(_)))
            .and_then(|add| add.inputs.iter().find(|id| !made(id)).copied())
    }

    /// What the group rounds to this tensor, or the tensor itself.
    fn unrounded(&self, tensor: TensorId) -> TensorId {
        let mut operations = self.operations.iter();
        let rounds =
            operations.find(|one| matches!(one.op, Op::Round(_)) && one.outputs[0] == tensor);
        rounds.map_or(tensor, |round| round.inputs[0])
    }

    fn part(&self, tensor: TensorId) -> Part {
        let access = self
            .kernel
            .accesses
            .iter()
            .find(|access| access.tensor == tensor);
        access.map_or(Part::Whole, |access| access.part)
    }
}

impl<'a> Linker<'a> {
    fn link(&self, kernel: &'a Kernel) -> LinkedTask {
        let operations = kernel.operations.iter();
        let group = Group {
            kernel,
            main: main_operation(self.program, &kernel.operations),
            operations: operations.map(|id| self.program.operation(*id)).collect(),
        };
        LinkedTask {
            task: self.task(&group),
            split: kernel.split,
            // A kernel that one thread does whole is told all slices that there could be.
            slices: self.most_slices(&group),
        }
    }

    fn task(&self, group: &Group) -> Task {
        let first = group.main;
        let (inputs, outputs) = (&first.inputs, &group.last().outputs);
        match first.op {
            Op::ScalePixels(op) => self.pixels(group, op.divisor, outputs[0]),
            Op::Reshape(_) => self.rearrange(inputs[0], outputs[0], None),
            Op::Dropout(op) | Op::DropoutGrad(DropoutGrad(op)) => {
                self.rearrange(inputs[0], outputs[0], Some(op))
            }
            Op::Dense(_) => {
                let bias = group.find(|op| matches!(op, Op::Bias(_)));
                Task::Dense(Dense {
                    x: self.matrix(inputs[0]),
                    w: self.place(inputs[1]),
                    y: self.matrix(outputs[0]),
                    bias: bias.map(|bias| self.place(bias.inputs[1])),
                    relu: group.relu(),
                    cut: dense_cut(group, inputs[1]),
                })
            }
            Op::DenseGradInput(_) => {
                let relu = group.find(|op| matches!(op, Op::ReluGrad(_)));
                Task::DenseGradInput(DenseGradInput {
                    dy: self.matrix(inputs[0]),
                    w: self.place(inputs[1]),
                    dx: self.matrix(outputs[0]),
                    other: group.other().map(|id| self.matrix(id)),
                    relu: relu.map(|relu| self.matrix(relu.inputs[0])),
                })
            }
            Op::DenseGradWeight(_) => Task::DenseGradWeight(DenseGradWeight {
                x: self.matrix(inputs[0]),
                dy: self.matrix(inputs[1]),
                to: self.gradient_use(group),
                cut: dense_cut(group, outputs[0]),
            }),
            Op::Conv2d(op) => self.conv2d(group, &op.window),
            Op::Conv2dGradInput(op) => self.conv2d_grad_input(group, &op.window),
            Op::Conv2dGradWeight(op) => {
                let (x, y) = (self.shape(inputs[0]), self.shape(inputs[1]));
                let images = self.images(inputs[0]);
                let conv = Conv2dGradWeight {
                    x: images,
                    dy: self.images(inputs[1]),
                    w: self.filters(outputs[0]),
                    to: self.gradient_use(group),
                    segments: self.weight_gradient(&op.window, x, y, images),
                };
                if images.paired {
                    Task::PairedConv2dGradWeight(PairedConv2dGradWeight(conv))
                } else {
                    Task::Conv2dGradWeight(conv)
                }
            }
            Op::BatchNorm(_) | Op::BatchNormEvaluation(_) => self.norm(group),
            Op::BatchNormGrad(_) => self.norm_gradient(group, first, None),
            Op::ReluGrad(_) if group.operations.len() > 1 => {
                let norm = group.find(|op| matches!(op, Op::BatchNormGrad(_)));
                let norm = norm.expect("what follows ReLU's gradient is a batch norm's");
                self.norm_gradient(group, norm, Some(first))
            }
            Op::MaxPool(MaxPool { window }) | Op::AvgPool(AvgPool { window }) => Task::Pool(Pool {
                x: self.images(inputs[0]),
                y: self.images(outputs[0]),
                windows: windows(&window, self.shape(inputs[0]), self.shape(outputs[0])),
                mean: matches!(first.op, Op::AvgPool(_)),
            }),
            Op::MaxPoolGrad(op) => Task::PoolGrad(PoolGrad {
                largest: Some((self.images(inputs[0]), self.images(inputs[1]))),
                dy: self.images(inputs[2]),
                dx: self.images(outputs[0]),
                windows: windows(&op.window, self.shape(inputs[0]), self.shape(inputs[1])),
            }),
            Op::AvgPoolGrad(op) => Task::PoolGrad(PoolGrad {
                largest: None,
                dy: self.images(inputs[0]),
                dx: self.images(outputs[0]),
                windows: windows(&op.window, self.shape(outputs[0]), self.shape(inputs[0])),
            }),
            Op::GlobalAvgPool(_) => Task::GlobalAvgPool(GlobalAvgPool {
                x: self.images(inputs[0]),
                y: self.matrix(outputs[0]),
            }),
            Op::GlobalAvgPoolGrad(_) => Task::GlobalAvgPoolGrad(GlobalAvgPoolGrad {
                dy: self.matrix(inputs[0]),
                dx: self.images(outputs[0]),
            }),
            Op::Bias(_) if self.is_images(inputs[0]) => Task::ChannelBias(ChannelBias {
                x: self.images(inputs[0]),
                bias: self.place(inputs[1]),
                y: self.images(outputs[0]),
            }),
            Op::Bias(_) => Task::Bias(Bias {
                x: self.matrix(inputs[0]),
                bias: self.place(inputs[1]),
                y: self.matrix(outputs[0]),
            }),
            Op::BiasGrad(_) if self.is_images(inputs[0]) => {
                Task::ChannelBiasGrad(ChannelBiasGrad {
                    dy: self.images(inputs[0]),
                    to: self.gradient_use(group),
                })
            }
            Op::BiasGrad(_) => Task::BiasGrad(BiasGrad {
                dy: self.matrix(inputs[0]),
                to: self.gradient_use(group),
            }),
            Op::Relu(_) => self.pointwise(Function::Relu, inputs[0], inputs[0], outputs[0]),
            Op::ReluGrad(_) => self.pointwise(Function::ReluGrad, inputs[0], inputs[1], outputs[0]),
            Op::Add(_) => self.pointwise(Function::Add, inputs[0], inputs[1], outputs[0]),
            Op::Activate(op) => {
                self.pointwise(Function::Activate(op.0), inputs[0], inputs[0], outputs[0])
            }
            Op::ActivateGrad(op) => self.pointwise(
                Function::ActivateGrad(op.0),
                inputs[0],
                inputs[1],
                outputs[0],
            ),
            Op::SoftmaxCrossEntropy(op) => self.loss(group, op.label_smoothing),
            Op::SoftmaxCrossEntropyGrad(op) => self.loss(group, op.label_smoothing),
            Op::MeanSquaredError(op) => self.squared_error(group, op.divisor),
            Op::MeanSquaredErrorGrad(op) => self.squared_error(group, op.divisor),
            Op::Round(_) if is_weight(self.program, inputs[0]) => self.round_weights(group),
            Op::Round(_) => self.pointwise(Function::Round, inputs[0], inputs[0], outputs[0]),
            Op::Adam(_) | Op::Sgd(_) => self.update(group, Some(inputs[0])),
            Op::Zeros(_) => self.update(group, None),
        }
    }

    fn pixels(&self, group: &Group, divisor: f32, to: TensorId) -> Task {
        let a_slice = match group.part(to) {
            Part::Along { width, .. } => width,
            _ => usize::MAX,
        };
        if self.is_images(to) {
            let to = self.images(to);
            let positions_a_slice = a_slice.min(to.positions);
            Task::ScaleImages(ScaleImages {
                divisor,
                to,
                positions_a_slice,
            })
        } else {
            let to = self.matrix(to);
            let rows_a_slice = a_slice.min(to.rows);
            Task::ScalePixels(ScalePixels {
                divisor,
                to,
                rows_a_slice,
            })
        }
    }

    fn rearrange(&self, x: TensorId, y: TensorId, drop: Option<laptime_graph::Dropout>) -> Task {
        let stored = |id| Stored {
            place: self.place(id),
            layout: self.buffer(id).layout,
        };
        let samples = self.program.batch_size;
        Task::Rearrange(Rearrange {
            x: stored(x),
            y: stored(y),
            samples,
            values: self.program.tensor(y).elements() / samples,
            drop,
        })
    }

    fn pointwise(&self, function: Function, a: TensorId, b: TensorId, y: TensorId) -> Task {
        if self.is_images(y) {
            let (a, b, y) = (self.images(a), self.images(b), self.images(y));
            return Task::ImagePointwise(Pointwise { function, a, b, y });
        }
        let (a, b, y) = (self.matrix(a), self.matrix(b), self.matrix(y));
        Task::Pointwise(Pointwise { function, a, b, y })
    }

    fn loss(&self, group: &Group, label_smoothing: f64) -> Task {
        let StoredLogits {
            matrix: logits,
            partials,
        } = self.logits();
        let gradient = group.find(|op| matches!(op, Op::SoftmaxCrossEntropyGrad(_)));
        let metrics = group.find(|op| matches!(op, Op::SoftmaxCrossEntropy(_)));
        Task::SoftmaxCrossEntropy(SoftmaxCrossEntropy {
            logits,
            partials,
            label_smoothing,
            gradient: gradient.map(|operation| self.matrix(operation.outputs[0])),
            metrics: metrics.map(|operation| {
                (
                    self.place(operation.outputs[0]),
                    self.place(operation.outputs[1]),
                )
            }),
        })
    }

    fn squared_error(&self, group: &Group, divisor: f32) -> Task {
        let gradient = group.find(|op| matches!(op, Op::MeanSquaredErrorGrad(_)));
        let loss = group.find(|op| matches!(op, Op::MeanSquaredError(_)));
        Task::MeanSquaredError(MeanSquaredError {
            divisor,
            y: self.matrix(self.program.logits),
            gradient: gradient.map(|operation| self.matrix(operation.outputs[0])),
            loss_sum: loss.map(|operation| self.place(operation.outputs[0])),
        })
    }

    fn logits(&self) -> StoredLogits {
        let partials = match self.buffer(self.program.logits).layout {
            Layout::Partials { slices, .. } => slices,
            _ => 1,
        };
        StoredLogits {
            matrix: self.matrix(self.program.logits),
            partials,
        }
    }

    /// As many slices as any tensor of the group could be cut into.
    fn most_slices(&self, group: &Group) -> usize {
        let accesses = group.kernel.accesses.iter();
        let elements = accesses.map(|access| self.program.tensor(access.tensor).elements());
        elements.max().unwrap_or(1).max(self.program.batch_size)
    }
}

fn dense_cut(group: &Group, weight: TensorId) -> DenseCut {
    match group.part(weight) {
        Part::Along { axis: 1, .. } => DenseCut::Inputs,
        _ => DenseCut::Outputs,
    }
}

#[cfg(test)]
mod tests;
