//! Workloads of any shape, built layer by layer.

use laptime_workload::{
    Activation, Adam, Embedding, Initializer, Layer, LayerKind, Loss, Optimizer, Precision,
    SampleShape, Source, Window, Workload,
    dataset::{Column, Data, DataSource, Description, Dtype, OwnData},
};

/// A workload while it grows.
pub struct Net(Workload);

impl Net {
    /// No layers yet; Adam, as in Keras.
    pub fn new(height: usize, width: usize, channels: usize) -> Self {
        Self(Workload {
            name: "test".into(),
            dataset: DataSource::find("fashion-mnist").expect("built in").into(),
            input: SampleShape {
                height,
                width,
                channels,
            },
            classes: 0,
            pixel_divisor: 255.0,
            augment: None,
            layers: Vec::new(),
            loss: Loss::SoftmaxCrossEntropy,
            label_smoothing: 0.0,
            optimizer: Optimizer::Adam(Adam {
                learning_rate: 1e-3,
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-7,
                corrected_epsilon: false,
            }),
            global_clip_norm: None,
            rate_schedule: None,
            initializer: Initializer::default(),
            batch_size: 32,
            drop_last: false,
            micro_batch_size: None,
            epochs: 1,
            shuffle: true,
            seed: 1,
            initial_weights: None,
            precision: Precision::Fp32,
            overrides: Vec::new(),
        })
    }

    /// A net on texts of so many symbols, with an embedding of these values.
    pub fn on_text(symbols: usize, context: usize, dimension: usize) -> Self {
        let mut net = Self::new(1, 1, context);
        let inputs = Column::new("inputs", Dtype::U8, &[context]).of_symbols(symbols);
        let description = Description {
            name: "text".into(),
            columns: vec![inputs, Column::new("targets", Dtype::U8, &[])],
            classes: symbols,
            train_samples: 0,
            test_samples: 0,
        };
        net.0.dataset = Data::Own(Box::new(OwnData::described(description)));
        let embedding = LayerKind::Embedding(Embedding {
            dimension,
            deviation: 1.0,
            symbols,
        });
        net.then("embedding", embedding)
    }

    pub fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.0.optimizer = optimizer;
        self
    }

    /// A layer that reads the one before it.
    pub fn then(self, name: &str, kind: LayerKind) -> Self {
        let source = match self.0.layers.len() {
            0 => Source::Input,
            layers => Source::Layer(layers - 1),
        };
        self.push(name, kind, vec![source])
    }

    /// A layer that reads the layers of these names.
    pub fn reading(self, inputs: &[&str], name: &str, kind: LayerKind) -> Self {
        let layers = &self.0.layers;
        let source = |input: &&str| {
            let place = layers.iter().position(|layer| layer.name == *input);
            Source::Layer(place.unwrap_or_else(|| panic!("no layer `{input}`")))
        };
        let sources = inputs.iter().map(source).collect();
        self.push(name, kind, sources)
    }

    pub fn conv(self, name: &str, filters: usize, window: Window, bias: bool) -> Self {
        let kind = LayerKind::Conv2d {
            filters,
            window,
            bias,
            groups: 1,
        };
        self.then(name, kind)
    }

    /// With the ε of Keras's ResNet50, and a momentum that moves far.
    pub fn norm(self, name: &str) -> Self {
        let kind = LayerKind::BatchNorm {
            epsilon: 1.001e-5,
            momentum: 0.75,
        };
        self.then(name, kind)
    }

    /// A convolution with a bias and the norm of its name.
    pub fn conv_norm(self, name: &str, filters: usize, window: Window) -> Self {
        self.conv(name, filters, window, true)
            .norm(&format!("{name}_norm"))
    }

    pub fn relu(self, name: &str) -> Self {
        self.then(name, LayerKind::Activation(Activation::Relu))
    }

    pub fn dense(self, name: &str, units: usize) -> Self {
        self.then(name, LayerKind::Dense { units, bias: true })
    }

    /// The workload; the last layer's outputs are the classes.
    pub fn workload(mut self) -> Workload {
        self.0.classes = self.0.layers.last().expect("a layer").output[0];
        self.0
    }

    fn push(mut self, name: &str, kind: LayerKind, inputs: Vec<Source>) -> Self {
        let SampleShape {
            height,
            width,
            channels,
        } = self.0.input;
        let input = match inputs[0] {
            Source::Input => vec![height, width, channels],
            Source::Layer(layer) => self.0.layers[layer].output.clone(),
        };
        let slid = |window: &Window, channels: usize| {
            let output = window.output([input[0], input[1]]).expect("fits");
            vec![output[0], output[1], channels]
        };
        let output = match &kind {
            LayerKind::Embedding(op) => vec![1, channels, op.dimension],
            LayerKind::Flatten => vec![input.iter().product()],
            LayerKind::Dense { units, .. } => vec![*units],
            LayerKind::Conv2d {
                filters, window, ..
            } => slid(window, *filters),
            LayerKind::Conv2dTranspose {
                filters,
                window,
                output_padding,
                ..
            } => {
                let along = |axis: usize| {
                    let windows = (input[axis] - 1) * window.stride[axis] + window.span()[axis];
                    let padding = window.padding[2 * axis] + window.padding[2 * axis + 1];
                    windows + output_padding[axis] - padding
                };
                vec![along(0), along(1), *filters]
            }
            LayerKind::MaxPool { window } | LayerKind::AvgPool { window } => slid(window, input[2]),
            LayerKind::Upsample { factor } => {
                vec![input[0] * factor[0], input[1] * factor[1], input[2]]
            }
            LayerKind::GlobalAvgPool => vec![input[2]],
            LayerKind::Concat => {
                let channels = inputs.iter().map(|source| match source {
                    Source::Input => channels,
                    Source::Layer(layer) => *self.0.layers[*layer].output.last().expect("a shape"),
                });
                let mut joined = input.clone();
                *joined.last_mut().expect("a shape") = channels.sum();
                joined
            }
            _ => input,
        };
        self.0.layers.push(Layer {
            name: name.into(),
            kind,
            inputs,
            output,
        });
        self
    }
}

/// A window as high as wide, with the same stride and the same padding on all sides.
pub fn square(kernel: usize, stride: usize, padding: usize) -> Window {
    Window {
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 4],
        dilation: [1; 2],
    }
}

/// A net of dense layers with ReLU between them, on square pictures of one channel. The last
/// number is the classes.
pub fn dense_net(side: usize, units: &[usize]) -> Workload {
    let mut net = Net::new(side, side, 1).then("flatten", LayerKind::Flatten);
    for (number, &units) in units.iter().enumerate() {
        if number > 0 {
            net = net.relu(&format!("relu{number}"));
        }
        net = net.dense(&format!("fc{}", number + 1), units);
    }
    net.workload()
}
