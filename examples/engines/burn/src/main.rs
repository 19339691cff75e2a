//! An engine of laptime that trains with Burn on its processor backend (Flex): dense nets, and convolutional ones
//! without norms.
//!
//!     laptime engine check ./burn-engine
//!     laptime race --engines laptime,./burn-engine

use burn::tensor::{
    DType, Device, Gradients, Tensor, TensorData,
    activation::{log_softmax, relu},
    module::{conv2d, linear, max_pool2d},
    ops::{ConvOptions, MaxPoolOptions},
};
use laptime_engine_protocol::{Adam, Batch, Kind, Model, Net, Problem, State, Values, run};

struct Burn {
    layers: Vec<Layer>,
    adam: Adam,
    steps: u64,
}

enum Layer {
    Dense(Parameter<2>, Option<Parameter<1>>),
    Conv2d(ConvOptions<2>, Parameter<4>, Option<Parameter<1>>),
    MaxPool(MaxPoolOptions<2>),
    Flatten,
    Relu,
}

struct Parameter<const D: usize> {
    name: String,
    /// A leaf of the graph.
    value: Tensor<D>,
    m: Tensor<D>,
    v: Tensor<D>,
}

impl<const D: usize> Parameter<D> {
    fn read(state: &State, name: String, dtype: DType) -> Result<Self, Problem> {
        let read = |name: &str| {
            let (shape, values) = state.tensor(name)?;
            Ok::<_, Problem>(tensor::<D, f64>(values.to_vec(), shape, dtype))
        };
        Ok(Self {
            value: read(&name)?.autodiff().require_grad(),
            m: read(&format!("{name}.m"))?,
            v: read(&format!("{name}.v"))?,
            name,
        })
    }

    /// The value, in the graph where there is one.
    fn value(&self, is_training: bool) -> Tensor<D> {
        match is_training {
            true => self.value.clone(),
            false => self.value.clone().inner(),
        }
    }

    fn update(&mut self, gradients: &mut Gradients, adam: &Adam, rate: f64) {
        let Some(gradient) = self.value.grad_remove(gradients) else {
            return;
        };
        let Adam { beta1, beta2, epsilon, .. } = *adam;
        let gradient = gradient.inner();
        self.m = self.m.clone() * beta1 + gradient.clone() * (1.0 - beta1);
        self.v = self.v.clone() * beta2 + gradient.square() * (1.0 - beta2);
        let change = self.m.clone() / (self.v.clone().sqrt() + epsilon);
        let value = self.value.clone().inner() - change * rate;
        self.value = value.autodiff().require_grad();
    }

    fn store(&self, state: &mut State) {
        for (name, tensor) in [
            (self.name.clone(), self.value.clone().inner()),
            (format!("{}.m", self.name), self.m.clone()),
            (format!("{}.v", self.name), self.v.clone()),
        ] {
            let shape = tensor.dims().to_vec();
            state.tensors.push((name, shape, numbers(tensor)));
        }
    }
}

fn tensor<const D: usize, E: burn::tensor::Element>(values: Vec<E>, shape: &[usize], dtype: DType) -> Tensor<D> {
    let data = TensorData::new(values, shape.to_vec()).convert_dtype(dtype);
    Tensor::from_data(data, (&Device::flex(), dtype))
}

fn given<const D: usize>(values: &Values, shape: &[usize]) -> Tensor<D> {
    match values {
        Values::F32(values) => tensor(values.clone(), shape, DType::F32),
        Values::F64(values) => tensor(values.clone(), shape, DType::F64),
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// What flows from layer to layer.
enum Flow {
    Rows(Tensor<2>),
    Images(Tensor<4>),
}

impl Layer {
    fn forward(&self, x: Flow, is_training: bool) -> Flow {
        let bias = |it: &Option<Parameter<1>>| it.as_ref().map(|it| it.value(is_training));
        match (self, x) {
            (Self::Relu, Flow::Rows(x)) => Flow::Rows(relu(x)),
            (Self::Relu, Flow::Images(x)) => Flow::Images(relu(x)),
            (Self::Flatten, Flow::Images(x)) => Flow::Rows(x.permute([0, 2, 3, 1]).flatten(1, 3)),
            (Self::Dense(weight, it), Flow::Rows(x)) => {
                Flow::Rows(linear(x, weight.value(is_training).transpose(), bias(it)))
            }
            (Self::Conv2d(options, weight, it), Flow::Images(x)) => {
                Flow::Images(conv2d(x, weight.value(is_training), bias(it), options.clone()))
            }
            (Self::MaxPool(options), Flow::Images(x)) => Flow::Images(max_pool2d(x, options.clone())),
            (_, x) => x,
        }
    }
}

impl Burn {
    fn forward(&self, batch: &Batch, is_training: bool) -> Result<Tensor<2>, Problem> {
        let shape = [&[batch.rows], &batch.shape[..]].concat();
        let mut x = match shape.len() {
            4 => Flow::Images(given(&batch.inputs, &shape)),
            _ => Flow::Rows(given(&batch.inputs, &shape)),
        };
        for layer in &self.layers {
            x = layer.forward(x, is_training);
        }
        match x {
            Flow::Rows(x) => Ok(x),
            Flow::Images(_) => Err(Problem::unsupported("this engine ends with rows")),
        }
    }
}

impl Net for Burn {
    const NAME: &str = "Burn (Flex)";
    const VERSION: &str = "0.22.1";

    fn new(model: &Model, state: &State, is_wide: bool) -> Result<Self, Problem> {
        let dtype = if is_wide { DType::F64 } else { DType::F32 };
        let mut layers = Vec::new();
        for layer in &model.layers {
            let weight = format!("{}.weight", layer.name);
            let bias = |has: bool| {
                let read = || Parameter::read(state, format!("{}.bias", layer.name), dtype);
                has.then(read).transpose()
            };
            let pairs = |it: &[usize; 4]| [(it[0], it[1]), (it[2], it[3])];
            layers.push(match &layer.kind {
                Kind::Flatten => Layer::Flatten,
                Kind::Relu => Layer::Relu,
                Kind::Dense { bias: has } => {
                    Layer::Dense(Parameter::read(state, weight, dtype)?, bias(*has)?)
                }
                Kind::Conv2d {
                    stride,
                    padding,
                    bias: has,
                    ..
                } => {
                    let options = ConvOptions {
                        stride: *stride,
                        padding: pairs(padding),
                        dilation: [1, 1],
                        groups: 1,
                    };
                    Layer::Conv2d(options, Parameter::read(state, weight, dtype)?, bias(*has)?)
                }
                Kind::MaxPool {
                    kernel,
                    stride,
                    padding,
                } => {
                    let mut options = MaxPoolOptions::new(*kernel).with_stride(*stride);
                    options.padding = pairs(padding);
                    Layer::MaxPool(options)
                }
            });
        }
        Ok(Self {
            layers,
            adam: model.adam.clone(),
            steps: state.steps,
        })
    }

    fn step(&mut self, batch: &Batch) -> Result<Vec<f64>, Problem> {
        let logits = self.forward(batch, true)?;
        let wanted = given::<2>(&batch.wanted, &[batch.rows, batch.classes]);
        let loss = (log_softmax(logits.clone(), 1) * wanted).sum() * (-1.0 / batch.rows as f64);
        let mut gradients = loss.backward();
        self.steps += 1;
        let rate = self.adam.rate(self.steps);
        for layer in &mut self.layers {
            let bias = match layer {
                Layer::Dense(weight, bias) => {
                    weight.update(&mut gradients, &self.adam, rate);
                    bias
                }
                Layer::Conv2d(_, weight, bias) => {
                    weight.update(&mut gradients, &self.adam, rate);
                    bias
                }
                _ => continue,
            };
            if let Some(bias) = bias {
                bias.update(&mut gradients, &self.adam, rate);
            }
        }
        Ok(numbers(logits.inner()))
    }

    fn logits(&self, batch: &Batch) -> Result<Vec<f64>, Problem> {
        Ok(numbers(self.forward(batch, false)?))
    }

    fn state(&self) -> Result<State, Problem> {
        let mut state = State {
            steps: self.steps,
            tensors: Vec::new(),
        };
        for layer in &self.layers {
            let bias = match layer {
                Layer::Dense(weight, bias) => {
                    weight.store(&mut state);
                    bias
                }
                Layer::Conv2d(_, weight, bias) => {
                    weight.store(&mut state);
                    bias
                }
                _ => continue,
            };
            if let Some(bias) = bias {
                bias.store(&mut state);
            }
        }
        Ok(state)
    }
}

fn main() {
    run::<Burn>(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().expect("nothing has used threads yet");
    });
}
