//! Workloads of the repository, and what they leave out.

use std::{fs, path::Path};

use laptime_workload::{
    Adam, AdamW, AmsGrad, BUILTINS, Embedding, Layer, LayerKind, Optimizer, Overrides, Precision,
    RmsProp, SampleShape, Sgd, Source, Spec, Workload,
    dataset::{Column, Data, Description, Dtype, OwnData},
};

/// Update rules that no workload of the repository has.
const OTHER_RULES: [Optimizer; 6] = [
    Optimizer::AmsGrad(AmsGrad {
        adam: Adam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            corrected_epsilon: true,
        },
        weight_decay: None,
        weights_only: false,
    }),
    Optimizer::AmsGrad(AmsGrad {
        adam: Adam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            corrected_epsilon: true,
        },
        weight_decay: Some(0.1),
        weights_only: true,
    }),
    Optimizer::AdamW(AdamW {
        adam: Adam {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-7,
            corrected_epsilon: false,
        },
        weight_decay: 0.01,
        weights_only: false,
    }),
    Optimizer::Sgd(Sgd {
        learning_rate: 0.01,
        momentum: 0.9,
        nesterov: true,
        weight_decay: None,
        weights_only: false,
    }),
    Optimizer::Sgd(Sgd {
        learning_rate: 0.01,
        momentum: 0.9,
        nesterov: false,
        weight_decay: Some(5e-4),
        weights_only: true,
    }),
    Optimizer::RmsProp(RmsProp {
        learning_rate: 1e-3,
        alpha: 0.99,
        epsilon: 1e-8,
    }),
];

/// With a layer norm in the place of each batch norm, which no workload of the repository has.
fn with_layer_norms(mut workload: Workload) -> Workload {
    for layer in &mut workload.layers {
        if let LayerKind::BatchNorm { epsilon, .. } = layer.kind {
            layer.kind = LayerKind::LayerNorm { epsilon };
        }
    }
    workload
}

/// The same training of a net on a text, which no workload of the repository has.
fn on_text(workload: Workload) -> Workload {
    let inputs = Column::new("inputs", Dtype::U8, &[7]).of_symbols(20);
    let description = Description {
        name: "text".into(),
        columns: vec![inputs, Column::new("targets", Dtype::U8, &[])],
        classes: 20,
        train_samples: 0,
        test_samples: 0,
    };
    let layer = |name: &str, kind, input, output: &[usize]| Layer {
        name: name.into(),
        kind,
        inputs: vec![input],
        output: output.to_vec(),
    };
    let embedding = LayerKind::Embedding(Embedding {
        dimension: 5,
        deviation: 1.0,
        symbols: 20,
    });
    let dense = LayerKind::Dense {
        units: 20,
        bias: true,
    };
    Workload {
        dataset: Data::Own(Box::new(OwnData::described(description))),
        input: SampleShape {
            height: 1,
            width: 1,
            channels: 7,
        },
        classes: 20,
        pixel_divisor: 1.0,
        layers: vec![
            layer("table", embedding, Source::Input, &[1, 7, 5]),
            layer("flatten", LayerKind::Flatten, Source::Layer(0), &[35]),
            layer("fc", dense, Source::Layer(1), &[20]),
        ],
        ..workload
    }
}

/// A net with the layers that no workload of the repository has.
const OTHERS: &str = r#"
name = "others"
layer = [
    { name = "c", kind = "conv2d", filters = 6, kernel = 3, stride = 4, padding = "same", bias = true },
    { name = "g", kind = "conv2d", filters = 4, kernel = [3, 2], stride = 1, padding = [1, 1, 1, 0], bias = false, groups = 2 },
    { name = "t", kind = "conv2d_transpose", inputs = ["c"], filters = 5, kernel = 3, stride = 2, padding = "same", dilation = [1, 2], bias = true },
    { name = "d", kind = "conv2d", filters = 3, kernel = [3, 2], stride = 2, padding = "same", dilation = 2, bias = true },
    { name = "s", kind = "global_avg_pool", inputs = ["g"] },
    { name = "e", kind = "multiply", inputs = ["g", "s"] },
    { name = "p", kind = "multiply", inputs = ["e", "g"] },
    { name = "j", kind = "concat", inputs = ["p", "c", "e", "d"] },
    { name = "u", kind = "upsample", factor = [2, 3] },
    { name = "flat", kind = "flatten" },
    { name = "rows", kind = "concat", inputs = ["flat", "s"] },
    { name = "fc", kind = "dense", units = 10, bias = false },
]
[data]
dataset = "fashion-mnist"
pixel_divisor = 255
[training]
batch_size = 8
epochs = 1
shuffle = true
seed = 1
precision = "fp32"
loss = "softmax-cross-entropy"
[initializer]
kind = "he_normal"
[optimizer]
kind = "sgd"
learning_rate = 0.1
momentum = 0.9
"#;

/// All workloads of the repository, in both precisions; the first of those that are built in with the other update
/// rules too, with label smoothing and clipped gradients.
pub fn workloads() -> Vec<Workload> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workload/workloads/examples");
    let examples = fs::read_dir(examples).expect("it is in the repository");
    let read = |path: &Path| Spec::read(path).expect("it is sound");
    let specs = examples.map(|one| read(&one.expect("it can be read").path()));
    // The third of those that are built in is the second but for its last layer.
    let builtins = BUILTINS[..2].iter().map(|one| one.spec());
    let mut all: Vec<Workload> = builtins
        .chain(specs)
        .map(|spec| spec.resolve(&Overrides::default()).expect("it is sound"))
        .collect();
    let others = OTHER_RULES.map(|optimizer| Workload {
        optimizer,
        label_smoothing: 0.1,
        global_clip_norm: Some(1.0),
        ..all[0].clone()
    });
    all.extend(others);
    let others = Spec::parse(OTHERS, "others.toml").expect("it is sound");
    all.push(others.resolve(&Overrides::default()).expect("it is sound"));
    let small_cnn = all.iter().find(|one| one.name == "small-cnn");
    all.push(with_layer_norms(small_cnn.expect("it is there").clone()));
    all.push(on_text(all[0].clone()));
    let in_bf16 = |one: &Workload| Workload {
        precision: Precision::Bf16,
        ..one.clone()
    };
    all.iter().map(in_bf16).chain(all.clone()).collect()
}
