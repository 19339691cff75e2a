//! An engine of laptime that trains with Candle on the processor: dense nets, and convolutional ones without norms.
//!
//!     laptime engine check ./candle-engine
//!     laptime race --engines laptime,./candle-engine

use candle_core::{DType, Device, Result, Tensor, Var};
use laptime_engine_protocol::{Adam, Batch, Kind, Model, Net, Problem, State, Values, run};

struct Candle {
    layers: Vec<Layer>,
    adam: Adam,
    steps: u64,
}

struct Layer {
    kind: Kind,
    /// Weight and bias, where there are.
    parameters: Vec<Parameter>,
}

struct Parameter {
    name: String,
    value: Var,
    m: Tensor,
    v: Tensor,
}

fn tensor(values: &Values, shape: &[usize]) -> Result<Tensor> {
    match values {
        Values::F32(values) => Tensor::from_slice(values, shape, &Device::Cpu),
        Values::F64(values) => Tensor::from_slice(values, shape, &Device::Cpu),
    }
}

fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}

/// The largest of each window. Candle's own pool shares a gradient out among equal values, and the first one of them has
/// it in laptime as in PyTorch.
fn pooled(x: &Tensor, [height, width]: [usize; 2]) -> Result<Tensor> {
    let (samples, channels, rows, columns) = x.dims4()?;
    let (rows, columns) = (rows / height, columns / width);
    let whole = x.narrow(2, 0, rows * height)?.narrow(3, 0, columns * width)?.contiguous()?;
    let windows = whole.reshape(&[samples * channels, rows, height, columns, width][..])?;
    let windows = windows.permute((0, 1, 3, 2, 4))?.contiguous()?.reshape(((), height * width))?;
    let largest = windows.argmax_keepdim(1)?;
    windows.gather(&largest, 1)?.reshape((samples, channels, rows, columns))
}

impl Candle {
    fn forward(&self, batch: &Batch) -> Result<Tensor> {
        let shape = [&[batch.rows], &batch.shape[..]].concat();
        let mut x = tensor(&batch.inputs, &shape)?;
        for Layer { kind, parameters } in &self.layers {
            x = match kind {
                Kind::Flatten if x.rank() == 4 => x.permute((0, 2, 3, 1))?.contiguous()?.flatten_from(1)?,
                Kind::Flatten => x,
                // Candle's own ReLU has the gradient 1 where x is 0, as it is where an image is black.
                Kind::Relu => {
                    let is_above = x.gt(0.0)?.to_dtype(x.dtype())?;
                    (x * is_above)?
                }
                Kind::Dense { .. } => {
                    let x = x.matmul(&parameters[0].value.t()?)?;
                    match parameters.get(1) {
                        Some(bias) => x.broadcast_add(&bias.value)?,
                        None => x,
                    }
                }
                // Candle has one stride and one padding for both directions.
                Kind::Conv2d { stride, padding, .. } => {
                    let x = x.conv2d(&parameters[0].value, padding[0], stride[0], 1, 1)?;
                    match parameters.get(1) {
                        Some(bias) => x.broadcast_add(&bias.value.reshape((1, (), 1, 1))?)?,
                        None => x,
                    }
                }
                Kind::MaxPool { kernel, .. } => pooled(&x, *kernel)?,
            };
        }
        Ok(x)
    }

    fn trained(&mut self, batch: &Batch) -> Result<Vec<f64>> {
        let logits = self.forward(batch)?;
        let wanted = tensor(&batch.wanted, &[batch.rows, batch.classes])?;
        let largest = logits.max_keepdim(1)?.detach();
        let shifted = logits.broadcast_sub(&largest)?;
        let total = shifted.exp()?.sum_keepdim(1)?.log()?;
        let log_shares = shifted.broadcast_sub(&total)?;
        let loss = ((log_shares * wanted)?.sum_all()? * (-1.0 / batch.rows as f64))?;
        let gradients = loss.backward()?;
        self.steps += 1;
        let Adam { beta1, beta2, epsilon, .. } = self.adam;
        let rate = self.adam.rate(self.steps);
        for parameter in self.layers.iter_mut().flat_map(|it| &mut it.parameters) {
            let Some(gradient) = gradients.get(&parameter.value) else {
                continue;
            };
            parameter.m = ((&parameter.m * beta1)? + (gradient * (1.0 - beta1))?)?;
            parameter.v = ((&parameter.v * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let change = (&parameter.m / (parameter.v.sqrt()? + epsilon)?)?;
            let value = (parameter.value.as_tensor() - (change * rate)?)?;
            parameter.value.set(&value)?;
        }
        numbers(&logits)
    }
}

impl Net for Candle {
    const NAME: &str = "Candle";
    const VERSION: &str = "0.11.1";

    fn new(model: &Model, state: &State, is_wide: bool) -> std::result::Result<Self, Problem> {
        let dtype = if is_wide { DType::F64 } else { DType::F32 };
        let read = |name: &str| {
            let (shape, values) = state.tensor(name)?;
            Ok::<_, Problem>(Tensor::from_slice(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
        };
        let mut layers = Vec::new();
        for layer in &model.layers {
            let is_square = match &layer.kind {
                Kind::Conv2d { stride, padding, .. } => stride[0] == stride[1] && padding[0] == padding[2],
                Kind::MaxPool {
                    kernel,
                    stride,
                    padding,
                } => kernel == stride && *padding == [0; 4],
                _ => true,
            };
            if !is_square {
                let message = format!("{}: this engine pads and strides alike in both directions, and its pools stand side by side", layer.name);
                return Err(Problem::unsupported(message));
            }
            let names: &[&str] = match layer.kind {
                Kind::Dense { bias: true } | Kind::Conv2d { bias: true, .. } => &["weight", "bias"],
                Kind::Dense { .. } | Kind::Conv2d { .. } => &["weight"],
                _ => &[],
            };
            let mut parameters = Vec::new();
            for name in names {
                let name = format!("{}.{name}", layer.name);
                parameters.push(Parameter {
                    value: Var::from_tensor(&read(&name)?)?,
                    m: read(&format!("{name}.m"))?,
                    v: read(&format!("{name}.v"))?,
                    name,
                });
            }
            let kind = layer.kind.clone();
            layers.push(Layer { kind, parameters });
        }
        Ok(Self {
            layers,
            adam: model.adam.clone(),
            steps: state.steps,
        })
    }

    fn step(&mut self, batch: &Batch) -> std::result::Result<Vec<f64>, Problem> {
        Ok(self.trained(batch)?)
    }

    fn logits(&self, batch: &Batch) -> std::result::Result<Vec<f64>, Problem> {
        Ok(numbers(&self.forward(batch)?)?)
    }

    fn state(&self) -> std::result::Result<State, Problem> {
        let mut state = State {
            steps: self.steps,
            tensors: Vec::new(),
        };
        for Parameter { name, value, m, v } in self.layers.iter().flat_map(|it| &it.parameters) {
            for (name, tensor) in [
                (name.clone(), value.as_tensor()),
                (format!("{name}.m"), m),
                (format!("{name}.v"), v),
            ] {
                state.tensors.push((name, tensor.dims().to_vec(), numbers(tensor)?));
            }
        }
        Ok(state)
    }
}

fn main() {
    run::<Candle>(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build_global().expect("nothing has used threads yet");
    });
}
