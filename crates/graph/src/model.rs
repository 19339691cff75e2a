//! Builds the Programs of a workload: its layers forward, the loss, and for training the gradients
//! and the updates.

use std::collections::HashSet;

use laptime_workload::{Loss, Source, Target, Workload};

use crate::{
    autodiff,
    axis::Axis,
    builder::Builder,
    fusion,
    micro_batch::MicroBatch,
    ops::{self, Layer, MeanSquaredError, Net, Op, ScalePixels, SoftmaxCrossEntropy},
    program::{Mode, Program},
    tensor::{Role, TensorId},
    winograd,
};

/// The Program of one step of `workload` on `batch_size` samples, which go through it together.
pub fn build(workload: &Workload, mode: Mode, batch_size: usize) -> Program {
    build_part(workload, mode, batch_size, None)
}

/// The Program of one micro-batch of a training step, which has so many samples.
pub(crate) fn build_micro_batch(
    workload: &Workload,
    samples: usize,
    micro_batch: MicroBatch,
) -> Program {
    build_part(workload, Mode::Training, samples, Some(micro_batch))
}

fn build_part(
    workload: &Workload,
    mode: Mode,
    batch_size: usize,
    micro_batch: Option<MicroBatch>,
) -> Program {
    let mut builder = Builder::new(workload.precision);
    let columns = workload.columns().into_iter().enumerate();
    let columns: Vec<TensorId> = columns
        .map(|(column, one)| {
            let shape = match one.symbols {
                Some(_) => vec![(Axis::Batch, batch_size), (Axis::Width, one.values())],
                None => batch_of(batch_size, &one.shape),
            };
            builder.tensor(one.name, &shape, Role::Input { column })
        })
        .collect();
    let logits = builder.layers(workload, mode, columns[workload.input_column()]);
    let target = columns[workload.target_column()];
    let metrics = workload.loss.metrics().iter();
    let metrics: Vec<TensorId> = metrics
        .map(|metric| builder.tensor(metric.sum, &[(Axis::Single, 1)], Role::Metric))
        .collect();
    let loss: Op = match workload.loss {
        Loss::SoftmaxCrossEntropy => SoftmaxCrossEntropy {
            label_smoothing: workload.label_smoothing,
        }
        .into(),
        Loss::MeanSquaredError => MeanSquaredError {
            divisor: match workload.target() {
                Target::Input => workload.pixel_divisor,
                Target::Class | Target::Values => 1.0,
            },
        }
        .into(),
    };
    builder.operation(loss, &[logits, target], &metrics);
    if mode == Mode::Training {
        let mean_of = micro_batch.map(|micro_batch| micro_batch.step_size);
        let gradients = autodiff::differentiate(&mut builder, mean_of);
        builder.use_gradients(workload, gradients, micro_batch);
    }
    let Builder {
        tensors,
        operations,
        ..
    } = builder;
    let mut program = Program {
        mode,
        batch_size,
        micro_batch,
        tensors,
        operations,
        fusions: Vec::new(),
        winograd: Vec::new(),
        rate_schedule: match mode {
            Mode::Training => workload.rate_schedule,
            Mode::Evaluation => None,
        },
        logits,
        metrics,
    };
    program.fusions = fusion::candidates(&program);
    program.winograd = winograd::candidates(&program);
    program
}

/// The shape of so many samples, each an image (H, W, C), a vector (C) or one value.
fn batch_of(batch_size: usize, sample: &[usize]) -> Vec<(Axis, usize)> {
    const IMAGE: [Axis; 3] = [Axis::Height, Axis::Width, Axis::Channel];
    let axes = &IMAGE[IMAGE.len() - sample.len()..];
    let of_sample = axes.iter().copied().zip(sample.iter().copied());
    [(Axis::Batch, batch_size)]
        .into_iter()
        .chain(of_sample)
        .collect()
}

impl Builder {
    /// All layers forward; the result is the last one's output. In reduced precision what a product
    /// reads is rounded where it is made, and all others who read it get it so too: it is stored
    /// once.
    fn layers(&mut self, workload: &Workload, mode: Mode, given: TensorId) -> TensorId {
        let batch_size = self.extent(given, Axis::Batch);
        let input = workload.dataset.description().input();
        // Symbols name rows of a table; there is nothing to scale.
        let scaled = if input.symbols.is_some() {
            given
        } else {
            let scaled = self.tensor_like(given, "input".to_owned(), Role::Activation);
            let divisor = workload.pixel_divisor;
            self.operation(ScalePixels { divisor }.into(), &[given], &[scaled]);
            scaled
        };
        let products = workload.layers.iter();
        let products = products.filter(|layer| ops::begins_with_product(&layer.kind));
        let read_by_products: HashSet<Source> =
            products.flat_map(|layer| layer.inputs.clone()).collect();
        let scaled = if read_by_products.contains(&Source::Input) {
            self.operand(scaled)
        } else {
            scaled
        };
        let mut outputs: Vec<TensorId> = Vec::with_capacity(workload.layers.len());
        for (number, layer) in workload.layers.iter().enumerate() {
            let inputs: Vec<TensorId> = layer
                .inputs
                .iter()
                .map(|source| match source {
                    Source::Input => scaled,
                    Source::Layer(layer) => outputs[*layer],
                })
                .collect();
            let built = Layer {
                name: &layer.name,
                shape: batch_of(batch_size, &layer.output),
                initializer: workload.initializer,
                is_training: mode == Mode::Training,
                seed: workload.seed,
                number: number as u32,
            };
            let output = ops::build(self, &layer.kind, &built, &inputs);
            outputs.push(if read_by_products.contains(&Source::Layer(number)) {
                self.operand(output)
            } else {
                output
            });
        }
        outputs.last().copied().unwrap_or(scaled)
    }
}
