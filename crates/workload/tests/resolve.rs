//! What the built-in specs and correct ones of a user's own resolve to.

use laptime_workload::{
    Activation, Adam, BUILTINS, Builtin, LayerKind, Loss, Optimizer, Overrides, Precision, Source,
    Spec, Workload,
};

fn builtin() -> Spec {
    Builtin::find("fashion-mnist").unwrap().spec()
}

fn resolve(overrides: &Overrides) -> Workload {
    builtin().resolve(overrides).unwrap()
}

#[test]
fn every_built_in_workload_resolves() {
    for builtin in BUILTINS {
        let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
        assert_eq!(workload.name, builtin.name);
        assert_eq!(workload.overrides, [""; 0]);
    }
    let error = Builtin::find("fashion_mnsit").unwrap_err().to_string();
    assert!(error.contains("did you mean \"fashion-mnist\"?"), "{error}");
}

#[test]
fn fashion_mnist_is_what_the_published_scripts_train() {
    let workload = resolve(&Overrides::default());
    assert_eq!(
        (workload.batch_size, workload.epochs, workload.seed),
        (32, 10, 1)
    );
    assert_eq!(workload.input.to_string(), "28×28×1");
    assert_eq!((workload.classes, workload.pixel_divisor), (10, 255.0));
    assert_eq!(
        (workload.loss, workload.precision),
        (Loss::SoftmaxCrossEntropy, Precision::Fp32)
    );
    assert!(workload.shuffle);
    let adam = Optimizer::Adam(Adam {
        learning_rate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    });
    assert_eq!(workload.optimizer, adam);
    let layers: Vec<_> = workload
        .layers
        .iter()
        .map(|layer| {
            (
                layer.name.as_str(),
                layer.kind.clone(),
                layer.inputs[0],
                layer.output.as_slice(),
            )
        })
        .collect();
    assert_eq!(
        layers,
        [
            ("flatten", LayerKind::Flatten, Source::Input, &[784][..]),
            (
                "fc1",
                LayerKind::Dense {
                    units: 128,
                    bias: true
                },
                Source::Layer(0),
                &[128]
            ),
            (
                "relu",
                LayerKind::Activation(Activation::Relu),
                Source::Layer(1),
                &[128]
            ),
            (
                "fc2",
                LayerKind::Dense {
                    units: 10,
                    bias: true
                },
                Source::Layer(2),
                &[10]
            ),
        ]
    );
}

#[test]
fn overrides_replace_values_and_are_noted_where_they_change_one() {
    let workload = resolve(&Overrides {
        batch_size: Some(64),
        epochs: Some(10),
        seed: Some(7),
        precision: Some(Precision::Fp32),
        width: None,
    });
    assert_eq!(
        (workload.batch_size, workload.epochs, workload.seed),
        (64, 10, 7)
    );
    assert_eq!(workload.overrides, ["batch_size = 64", "seed = 7"]);
}

#[test]
fn a_wrong_override_names_its_option() {
    let table = [
        (
            Overrides {
                batch_size: Some(0),
                ..Overrides::default()
            },
            "--batch-size 0: batch_size must be at least 1 and at most 60000",
        ),
        (
            Overrides {
                batch_size: Some(60_001),
                ..Overrides::default()
            },
            "--batch-size 60001: batch_size must be",
        ),
        (
            Overrides {
                epochs: Some(0),
                ..Overrides::default()
            },
            "--epochs 0: epochs must be",
        ),
        (
            Overrides {
                epochs: Some(u64::MAX),
                ..Overrides::default()
            },
            "--epochs 18446744073709551615: epochs must be",
        ),
    ];
    for (overrides, expected) in table {
        let message = builtin().resolve(&overrides).unwrap_err().to_string();
        assert!(
            message.starts_with(expected),
            "{message}\nexpected: {expected}"
        );
    }
    let error = "fp8".parse::<Precision>().unwrap_err().to_string();
    assert_eq!(
        error,
        "unknown precision \"fp8\"; laptime does not have it yet; known: fp32, bf16"
    );
}

#[test]
fn a_batch_too_large_for_its_layers_is_refused() {
    let text = BUILTINS[0].text.replace("units = 128", "units = 100_000");
    let spec = Spec::parse(&text, "net.toml").unwrap();
    assert!(spec.resolve(&Overrides::default()).is_ok());
    let overrides = Overrides {
        batch_size: Some(60_000),
        ..Overrides::default()
    };
    let message = spec.resolve(&overrides).unwrap_err().to_string();
    let expected = "a batch of 60000 makes 100000 values a sample here";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn layers_without_names_are_numbered_and_inputs_are_found_by_name() {
    let text = BUILTINS[0].text;
    let head = &text[..text.find("[[layer]]").unwrap()];
    let layers = r#"layer = [
        { kind = "flatten", inputs = ["input"] },
        { kind = "relu" },
        { kind = "dense", units = 10, inputs = ["relu1"] },
        { kind = "relu", inputs = ["dense1"] },
    ]"#;
    let text = format!("{layers}\n{head}");
    let workload = Spec::parse(&text, "net.toml").unwrap();
    let workload = workload.resolve(&Overrides::default()).unwrap();
    let names: Vec<&str> = workload
        .layers
        .iter()
        .map(|layer| layer.name.as_str())
        .collect();
    assert_eq!(names, ["flatten1", "relu1", "dense1", "relu2"]);
    assert_eq!(workload.layers[3].inputs, [Source::Layer(2)]);
}

#[test]
fn a_wider_net_has_more_units_in_all_dense_layers_but_the_last() {
    let wide = |width| {
        resolve(&Overrides {
            width: Some(width),
            ..Overrides::default()
        })
    };
    let units = |workload: &Workload| -> Vec<usize> {
        let layers = workload.layers.iter();
        let dense = layers.filter_map(|layer| match layer.kind {
            LayerKind::Dense { units, .. } => Some(units),
            _ => None,
        });
        dense.collect()
    };
    assert_eq!(units(&wide(1)), [128, 10]);
    assert_eq!(wide(1), resolve(&Overrides::default()));
    let wider = wide(4);
    assert_eq!(units(&wider), [512, 10]);
    assert_eq!(wider.overrides, ["width = 4"]);
    // A factor beyond all memory is an error and no panic.
    let spec = BUILTINS[0].spec();
    let beyond = spec.resolve(&Overrides {
        width: Some(u64::MAX),
        ..Overrides::default()
    });
    assert!(beyond.is_err());
}
