//! Builds the Programs of a workload: its layers forward, the loss, and for training the gradients
//! and the updates.

use std::collections::HashSet;

use laptime_workload::{LayerKind, Loss, Optimizer, Source, Window, Workload};

use crate::{
    autodiff,
    builder::Builder,
    fusion,
    op::{Dropout, Op},
    program::{Initial, Mode, Operation, Program, Role, Tensor, TensorId},
};

/// The Program of one step of `workload` on `batch_size` samples.
pub fn build(workload: &Workload, mode: Mode, batch_size: usize) -> Program {
    let mut builder = Builder::new(workload.precision);
    let pixels = builder.tensor(
        "pixels",
        vec![
            batch_size,
            workload.input.height,
            workload.input.width,
            workload.input.channels,
        ],
        Role::Pixels,
    );
    let labels = builder.tensor("labels", vec![batch_size], Role::Labels);
    let logits = builder.layers(workload, mode, pixels);
    let Loss::SoftmaxCrossEntropy = workload.loss;
    let loss_sum = builder.tensor("loss_sum", vec![1], Role::Metric);
    let correct = builder.tensor("correct", vec![1], Role::Metric);
    builder.operation(
        Op::SoftmaxCrossEntropy,
        &[logits, labels],
        &[loss_sum, correct],
    );
    if mode == Mode::Training {
        let gradients = autodiff::differentiate(&mut builder, logits, labels);
        builder.updates(workload.optimizer, &gradients);
        builder.hoist_updates();
    }
    let Builder {
        tensors,
        operations,
        ..
    } = builder;
    let mut program = Program {
        mode,
        batch_size,
        tensors,
        operations,
        fusions: Vec::new(),
        logits,
        loss_sum,
        correct,
    };
    program.fusions = fusion::candidates(&program);
    program
}

impl Builder {
    /// All layers forward; the result is the last one's output. In reduced precision what a product
    /// reads is rounded where it is made, and all others who read it get it so too: it is stored
    /// once.
    fn layers(&mut self, workload: &Workload, mode: Mode, pixels: TensorId) -> TensorId {
        let shape = self.shape(pixels).to_vec();
        let batch_size = shape[0];
        let scaled = self.tensor("input", shape, Role::Activation);
        let divisor = workload.pixel_divisor;
        self.operation(Op::ScalePixels { divisor }, &[pixels], &[scaled]);
        let is_product =
            |kind: &LayerKind| matches!(kind, LayerKind::Dense { .. } | LayerKind::Conv2d { .. });
        let products = workload.layers.iter().filter(|one| is_product(&one.kind));
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
            let shape = [&[batch_size], layer.output.as_slice()].concat();
            let name = layer.name.as_str();
            let output = match layer.kind {
                LayerKind::Flatten => self.simple(name, shape, Op::Reshape, &inputs),
                LayerKind::Dense { units } => self.dense(name, inputs[0], units),
                LayerKind::Conv2d { window, bias, .. } => {
                    self.conv2d(name, inputs[0], shape, window, bias)
                }
                LayerKind::BatchNorm { epsilon, momentum } => {
                    self.batch_norm(name, inputs[0], mode, epsilon, momentum)
                }
                LayerKind::Relu => self.simple(name, shape, Op::Relu, &inputs),
                LayerKind::MaxPool { window } => {
                    self.simple(name, shape, Op::MaxPool(window), &inputs)
                }
                LayerKind::AvgPool { window } => {
                    self.simple(name, shape, Op::AvgPool(window), &inputs)
                }
                LayerKind::GlobalAvgPool => self.simple(name, shape, Op::GlobalAvgPool, &inputs),
                LayerKind::Dropout { .. } if mode == Mode::Evaluation => inputs[0],
                LayerKind::Dropout { rate } => {
                    let (seed, layer) = (workload.seed, number as u32);
                    let op = Op::Dropout(Dropout { rate, seed, layer });
                    self.simple(name, shape, op, &inputs)
                }
                LayerKind::Add => self.simple(name, shape, Op::Add, &inputs),
            };
            outputs.push(if read_by_products.contains(&Source::Layer(number)) {
                self.operand(output)
            } else {
                output
            });
        }
        outputs.last().copied().unwrap_or(scaled)
    }

    /// A layer that is one operation without parameters.
    fn simple(&mut self, name: &str, shape: Vec<usize>, op: Op, inputs: &[TensorId]) -> TensorId {
        let output = self.tensor(name, shape, Role::Activation);
        self.operation(op, inputs, &[output]);
        output
    }

    fn dense(&mut self, name: &str, input: TensorId, units: usize) -> TensorId {
        let [batch_size, inputs] = *self.shape(input) else {
            panic!("{name} reads a matrix: the workload was resolved")
        };
        let weight = self.tensor(
            format!("{name}.weight"),
            vec![units, inputs],
            Role::Parameter(Initial::GlorotUniform {
                fan_in: inputs,
                fan_out: units,
            }),
        );
        let product = self.tensor(
            format!("{name}.product"),
            vec![batch_size, units],
            Role::Activation,
        );
        let operands = [self.operand(input), self.operand(weight)];
        self.operation(Op::Dense, &operands, &[product]);
        self.bias(name, product)
    }

    fn conv2d(
        &mut self,
        name: &str,
        input: TensorId,
        shape: Vec<usize>,
        window: Window,
        has_bias: bool,
    ) -> TensorId {
        let (channels, filters) = (last(self.shape(input)), last(&shape));
        let [height, width] = window.kernel;
        let weight = self.tensor(
            format!("{name}.weight"),
            vec![filters, channels, height, width],
            Role::Parameter(Initial::GlorotUniform {
                fan_in: height * width * channels,
                fan_out: height * width * filters,
            }),
        );
        let suffix = if has_bias { ".product" } else { "" };
        let product = self.tensor(format!("{name}{suffix}"), shape, Role::Activation);
        let operands = [self.operand(input), self.filters(weight)];
        self.operation(Op::Conv2d(window), &operands, &[product]);
        if has_bias {
            self.bias(name, product)
        } else {
            product
        }
    }

    /// Adds a bias to a product.
    fn bias(&mut self, name: &str, product: TensorId) -> TensorId {
        let shape = self.shape(product).to_vec();
        let bias = self.tensor(
            format!("{name}.bias"),
            vec![last(&shape)],
            Role::Parameter(Initial::Zero),
        );
        self.simple(name, shape, Op::Bias, &[product, bias])
    }

    fn batch_norm(
        &mut self,
        name: &str,
        input: TensorId,
        mode: Mode,
        epsilon: f64,
        momentum: f64,
    ) -> TensorId {
        let shape = self.shape(input).to_vec();
        let channels = last(&shape);
        let mut vector =
            |suffix: &str, role| self.tensor(format!("{name}.{suffix}"), vec![channels], role);
        let weight = vector("weight", Role::Parameter(Initial::One));
        let bias = vector("bias", Role::Parameter(Initial::Zero));
        let mean = vector("running_mean", Role::Statistic(Initial::Zero));
        let variance = vector("running_var", Role::Statistic(Initial::One));
        let inputs = [input, weight, bias, mean, variance];
        match mode {
            Mode::Evaluation => {
                self.simple(name, shape, Op::BatchNormEvaluation { epsilon }, &inputs)
            }
            Mode::Training => {
                let batch_mean = vector("mean", Role::Activation);
                let inverse_deviation = vector("inverse_deviation", Role::Activation);
                let output = self.tensor(name, shape, Role::Activation);
                self.operation(
                    Op::BatchNorm { epsilon, momentum },
                    &inputs,
                    &[output, batch_mean, inverse_deviation, mean, variance],
                );
                output
            }
        }
    }

    /// The update of every parameter that has a gradient.
    fn updates(&mut self, optimizer: Optimizer, gradients: &[(TensorId, TensorId)]) {
        for &(parameter, gradient) in gradients {
            let mut moment = |suffix: &str| {
                let Tensor { name, shape, .. } = &self.tensors[parameter.0];
                let (name, shape) = (format!("{name}.{suffix}"), shape.clone());
                self.tensor(name, shape, Role::Moment { of: parameter })
            };
            match optimizer {
                Optimizer::Adam {
                    learning_rate,
                    beta1,
                    beta2,
                    epsilon,
                } => {
                    let (first, second) = (moment("m"), moment("v"));
                    let op = Op::Adam {
                        learning_rate,
                        beta1,
                        beta2,
                        epsilon,
                    };
                    let updated = [parameter, first, second];
                    self.operation(op, &[&[gradient], &updated[..]].concat(), &updated);
                }
                Optimizer::Sgd {
                    learning_rate,
                    momentum,
                } => {
                    let velocity = moment("velocity");
                    let op = Op::Sgd {
                        learning_rate,
                        momentum,
                    };
                    self.operation(op, &[gradient, parameter, velocity], &[parameter, velocity]);
                }
            }
        }
    }
}

impl Builder {
    /// Moves every update up to where its gradient is made and the old value no longer needed: a
    /// gradient that is used at once need not be kept until the end of the step.
    fn hoist_updates(&mut self) {
        let is_update =
            |operation: &Operation| matches!(operation.op, Op::Adam { .. } | Op::Sgd { .. });
        let (updates, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.operations)
            .into_iter()
            .partition(is_update);
        // The last of the other operations that makes or reads each tensor.
        let mut last_use = vec![0; self.tensors.len()];
        for (index, operation) in others.iter().enumerate() {
            for tensor in operation.inputs.iter().chain(&operation.outputs) {
                last_use[tensor.0] = index;
            }
        }
        let mut behind: Vec<Vec<Operation>> = vec![Vec::new(); others.len()];
        for update in updates {
            let (gradient, parameter) = (update.inputs[0], update.inputs[1]);
            behind[last_use[gradient.0].max(last_use[parameter.0])].push(update);
        }
        for (operation, updates) in others.into_iter().zip(behind) {
            self.operations.push(operation);
            self.operations.extend(updates);
        }
    }
}

fn last(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1)
}
