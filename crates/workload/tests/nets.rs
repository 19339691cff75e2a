//! The built-in ResNet50, and nets that a user might write.

use std::path::Path;

use laptime_workload::{
    Activation, Builtin, Layer, LayerKind, Optimizer, Overrides, Sgd, Source, Spec, Window,
    Workload,
};

fn resnet50() -> Workload {
    let spec = Builtin::find("cifar10-resnet50").unwrap().spec();
    spec.resolve(&Overrides::default()).unwrap()
}

fn example(name: &str) -> Workload {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("workloads/examples");
    let spec = Spec::read(&folder.join(name)).unwrap();
    spec.resolve(&Overrides::default()).unwrap()
}

fn layer<'a>(workload: &'a Workload, name: &str) -> &'a Layer {
    let mut layers = workload.layers.iter();
    layers.find(|layer| layer.name == name).expect(name)
}

fn output<'a>(workload: &'a Workload, name: &str) -> &'a [usize] {
    &layer(workload, name).output
}

/// The names of the layers that `name` reads.
fn inputs<'a>(workload: &'a Workload, name: &str) -> Vec<&'a str> {
    let inputs = &layer(workload, name).inputs;
    let names = inputs.iter().map(|input| match input {
        Source::Input => "input",
        Source::Layer(layer) => &workload.layers[*layer].name,
    });
    names.collect()
}

fn window(workload: &Workload, name: &str) -> Window {
    match layer(workload, name).kind {
        LayerKind::Conv2d { window, .. }
        | LayerKind::MaxPool { window }
        | LayerKind::AvgPool { window } => window,
        ref kind => panic!("{kind:?}"),
    }
}

/// All parameters and, of these, moving statistics.
fn parameters(workload: &Workload) -> (usize, usize) {
    let pixels = [
        workload.input.height,
        workload.input.width,
        workload.input.channels,
    ];
    let (mut parameters, mut statistics) = (0, 0);
    for layer in &workload.layers {
        let input = match layer.inputs[0] {
            Source::Input => pixels.as_slice(),
            Source::Layer(layer) => &workload.layers[layer].output,
        };
        let channels = input[input.len() - 1];
        parameters += match layer.kind {
            LayerKind::Conv2d {
                filters,
                window,
                bias,
                ..
            } => filters * (window.kernel[0] * window.kernel[1] * channels + usize::from(bias)),
            LayerKind::Dense { units, bias } => units * (channels + usize::from(bias)),
            LayerKind::BatchNorm { .. } => {
                statistics += 2 * channels;
                4 * channels
            }
            _ => 0,
        };
    }
    (parameters, statistics)
}

#[test]
fn resnet50_has_the_parameters_and_shapes_of_keras() {
    let resnet = resnet50();
    assert_eq!(parameters(&resnet), (23_608_202, 53_120));
    let shapes = [
        ("conv1", [16, 16, 64]),
        ("maxpool", [8, 8, 64]),
        ("layer1.2.relu3", [8, 8, 256]),
        ("layer2.3.relu3", [4, 4, 512]),
        ("layer3.5.relu3", [2, 2, 1024]),
        ("layer4.2.relu3", [1, 1, 2048]),
    ];
    for (name, shape) in shapes {
        assert_eq!(output(&resnet, name), shape, "{name}");
    }
    assert_eq!(output(&resnet, "avgpool"), [2048]);
    assert_eq!(output(&resnet, "fc"), [10]);
    let count = |is: fn(&LayerKind) -> bool| {
        let layers = resnet.layers.iter();
        layers.filter(|layer| is(&layer.kind)).count()
    };
    assert_eq!(count(|kind| matches!(kind, LayerKind::Conv2d { .. })), 53);
    assert_eq!(
        count(|kind| matches!(kind, LayerKind::BatchNorm { .. })),
        53
    );
    assert_eq!(
        count(|kind| *kind == LayerKind::Activation(Activation::Relu)),
        49
    );
    assert_eq!(count(|kind| *kind == LayerKind::Add), 16);
}

#[test]
fn cifar_100_has_the_same_net_but_for_its_head() {
    let spec = Builtin::find("cifar100-resnet50").unwrap().spec();
    let hundred = spec.resolve(&Overrides::default()).unwrap();
    let ten = resnet50();
    assert_eq!(parameters(&hundred), (23_792_612, 53_120));
    let (head, body) = hundred.layers.split_last().unwrap();
    assert_eq!(body, &ten.layers[..body.len()]);
    assert_eq!(head.output, [100]);
    assert_eq!((hundred.classes, hundred.epochs), (100, 5));
    assert_eq!(hundred.optimizer, ten.optimizer);
}

#[test]
fn resnet50_is_wired_as_in_keras() {
    let resnet = resnet50();
    let wiring: [(&str, &[&str]); 7] = [
        ("conv1", &["input"]),
        ("layer1.0.conv1", &["maxpool"]),
        ("layer1.0.downsample.0", &["maxpool"]),
        ("layer1.0.add", &["layer1.0.downsample.1", "layer1.0.bn3"]),
        ("layer1.1.add", &["layer1.0.relu3", "layer1.1.bn3"]),
        ("layer4.0.downsample.0", &["layer3.5.relu3"]),
        ("fc", &["avgpool"]),
    ];
    for (name, expected) in wiring {
        assert_eq!(inputs(&resnet, name), expected, "{name}");
    }
    // A stage's stride is in its first 1×1 and its projection, not (as in torchvision) in its 3×3.
    for (name, stride) in [
        ("layer2.0.conv1", 2),
        ("layer2.0.conv2", 1),
        ("layer2.0.downsample.0", 2),
        ("layer2.1.conv1", 1),
        ("layer1.0.downsample.0", 1),
    ] {
        assert_eq!(window(&resnet, name).stride, [stride; 2], "{name}");
    }
    assert_eq!(window(&resnet, "conv1").padding, [3; 4]);
    assert_eq!(window(&resnet, "layer4.2.conv2").padding, [1; 4]);
    let norm = LayerKind::BatchNorm {
        epsilon: 1.001e-5,
        momentum: 0.99,
    };
    for layer in &resnet.layers {
        match layer.kind {
            LayerKind::Conv2d { bias, .. } => assert!(bias, "{}", layer.name),
            LayerKind::BatchNorm { .. } => assert_eq!(layer.kind, norm, "{}", layer.name),
            _ => {}
        }
    }
}

#[test]
fn resnet50_is_trained_as_in_the_published_script() {
    let resnet = resnet50();
    let fashion = Builtin::find("fashion-mnist").unwrap().spec();
    let fashion = fashion.resolve(&Overrides::default()).unwrap();
    assert_eq!(resnet.input.to_string(), "32×32×3");
    assert_eq!((resnet.batch_size, resnet.epochs), (32, 10));
    assert_eq!((resnet.classes, resnet.pixel_divisor), (10, 255.0));
    assert!(resnet.shuffle);
    assert_eq!(
        (resnet.loss, resnet.precision),
        (fashion.loss, fashion.precision)
    );
    assert_eq!(resnet.optimizer, fashion.optimizer);
}

#[test]
fn a_small_net_with_dropout_resolves() {
    let net = example("small-cnn.toml");
    assert_eq!(output(&net, "conv2d1"), [28, 28, 8]);
    assert_eq!(output(&net, "max_pool1"), [14, 14, 8]);
    assert_eq!(output(&net, "conv2d2"), [7, 5, 16]);
    assert_eq!(window(&net, "conv2d2").padding, [1, 1, 0, 1]);
    assert_eq!(output(&net, "avg_pool1"), [4, 3, 16]);
    assert_eq!(window(&net, "avg_pool1").padding, [0, 1, 0, 1]);
    assert_eq!(
        layer(&net, "dropout1").kind,
        LayerKind::Dropout { rate: 0.25 }
    );
    let sgd = Optimizer::Sgd(Sgd {
        learning_rate: 0.05,
        momentum: 0.9,
        nesterov: false,
        weight_decay: None,
        weights_only: false,
    });
    assert_eq!(net.optimizer, sgd);
}

#[test]
fn a_net_like_vgg_resolves() {
    let net = example("vgg.toml");
    assert_eq!(output(&net, "max_pool3"), [4, 4, 128]);
    assert_eq!(output(&net, "flatten1"), [2048]);
    assert_eq!(parameters(&net), (814_122, 0));
}

#[test]
fn a_batch_norm_reads_rows() {
    let net = example("mlp.toml");
    assert_eq!(output(&net, "batch_norm1"), [256]);
    assert_eq!(inputs(&net, "batch_norm2"), ["dense2"]);
    assert_eq!(parameters(&net), (236_682, 768));
}

/// The heights that PyTorch's `ConvTranspose2d` and Keras's `Conv2DTranspose` give for an input of 28.
#[test]
fn transposed_convolutions_have_the_shapes_of_the_frameworks() {
    let shape = |keys: &str| -> Result<usize, String> {
        let text = format!(
            "name = \"net\"\nlayer = [\n\
             {{ name = \"t\", kind = \"conv2d_transpose\", filters = 2, bias = true, {keys} }},\n\
             {{ kind = \"global_avg_pool\" }},\n{{ kind = \"dense\", units = 10 }},\n]\n\
             [data]\ndataset = \"fashion-mnist\"\npixel_divisor = 255\n\
             [training]\nbatch_size = 8\nepochs = 1\nshuffle = true\nseed = 1\n\
             precision = \"fp32\"\nloss = \"softmax-cross-entropy\"\n\
             [optimizer]\nkind = \"sgd\"\nlearning_rate = 0.05\nmomentum = 0.9\n"
        );
        let spec = Spec::parse(&text, "net.toml").map_err(|error| error.to_string())?;
        let workload = spec.resolve(&Overrides::default());
        let workload = workload.map_err(|error| error.to_string())?;
        Ok(workload.layers[0].output[0])
    };
    for (keys, expected) in [
        ("kernel = 3, stride = 2, padding = [1, 1, 1, 1]", 55),
        (
            "kernel = 3, stride = 2, padding = [1, 1, 1, 1], output_padding = 1",
            56,
        ),
        ("kernel = 4, stride = 2, padding = [1, 1, 1, 1]", 56),
        (
            "kernel = 3, stride = 1, padding = \"valid\", dilation = 2",
            32,
        ),
        ("kernel = 3, stride = 2, padding = \"same\"", 56),
        ("kernel = 2, stride = 3, padding = \"same\"", 84),
    ] {
        assert_eq!(shape(keys), Ok(expected), "{keys}");
    }
    for (keys, expected) in [
        (
            "kernel = 3, stride = 2, padding = \"valid\", output_padding = 2",
            "output_padding of 2",
        ),
        (
            "kernel = 3, stride = 2, padding = \"same\", output_padding = 1",
            "does not go with",
        ),
        (
            "kernel = 1, stride = 1, padding = [14, 14, 0, 0]",
            "takes away 28 of the 28",
        ),
    ] {
        let message = shape(keys).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}
