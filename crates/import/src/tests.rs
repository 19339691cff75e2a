//! Models that are written here, node by node, and what is said of those that cannot be imported.

use prost::Message;

use crate::{
    Imported, Options, import,
    messages::{
        Attribute, Dimension, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type,
        ValueInfo,
    },
};

fn value(name: &str, dims: &[i64]) -> ValueInfo {
    let dim = |size: &i64| Dimension {
        dim_value: (*size > 0).then_some(*size),
        dim_param: None,
    };
    let shape = Shape {
        dim: dims.iter().map(dim).collect(),
    };
    let tensor_type = TensorType {
        elem_type: 1,
        shape: Some(shape),
    };
    ValueInfo {
        name: name.into(),
        r#type: Some(Type {
            tensor_type: Some(tensor_type),
        }),
    }
}

/// A node that makes a value of its operator's name and a number.
pub(crate) fn node(op_type: &str, input: &[&str], output: &str, ints: &[(&str, &[i64])]) -> Node {
    let attribute = ints.iter().map(|(name, ints)| Attribute {
        name: (*name).into(),
        i: ints.first().copied().unwrap_or_default(),
        ints: ints.to_vec(),
        ..Attribute::default()
    });
    Node {
        input: input.iter().map(|name| (*name).into()).collect(),
        output: vec![output.into()],
        name: output.into(),
        op_type: op_type.into(),
        attribute: attribute.collect(),
        domain: String::new(),
    }
}

pub(crate) fn weight(name: &str, dims: &[i64]) -> Tensor {
    let count = dims.iter().product::<i64>() as usize;
    Tensor {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        float_data: (0..count).map(|number| number as f32).collect(),
        ..Tensor::default()
    }
}

fn scalar(name: &str, value: f32) -> Tensor {
    Tensor {
        float_data: vec![value],
        ..weight(name, &[])
    }
}

pub(crate) fn sizes(name: &str, numbers: &[i64]) -> Tensor {
    Tensor {
        name: name.into(),
        dims: vec![numbers.len() as i64],
        data_type: 7,
        int64_data: numbers.to_vec(),
        ..Tensor::default()
    }
}

/// A model of images of 28×28 whose last node makes `y`.
pub(crate) fn model(node: Vec<Node>, initializer: Vec<Tensor>) -> Model {
    Model {
        ir_version: 9,
        producer_name: "test".into(),
        graph: Some(Graph {
            node,
            initializer,
            input: vec![value("x", &[0, 1, 28, 28])],
            output: vec![value("y", &[0, 10])],
        }),
        opset_import: vec![OperatorSet {
            domain: String::new(),
            version: 18,
        }],
    }
}

pub(crate) fn imported(model: &Model) -> Result<Imported, String> {
    let options = Options {
        name: "test".into(),
        file_name: "test.onnx".into(),
        weights: true,
        ..Options::default()
    };
    let nothing = |_: &str, _, _| Err("there is nothing beside it".into());
    import(model.encode_to_vec(), &nothing, &options).map_err(|error| error.to_string())
}

fn error(node: Vec<Node>, initializer: Vec<Tensor>) -> String {
    imported(&model(node, initializer)).expect_err("it cannot be imported")
}

#[test]
fn all_that_laptime_lacks_is_named_at_once_with_what_is_nearest() {
    let nodes = vec![
        node("GroupNormalization", &["x", "w", "w"], "up", &[]),
        node("Relu", &["up"], "r", &[]),
        node("LSTM", &["r"], "y", &[]),
    ];
    let error = error(nodes, vec![weight("w", &[1, 1, 2, 2])]);
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(
        lines[0].contains("GroupNormalization \"up\": laptime has no such layer; the nearest is"),
        "{error}"
    );
    assert!(lines[1].contains("LSTM \"y\""), "{error}");
}

/// What a Resize or one of its kin becomes, with these attributes: the spec.
fn resized(
    op_type: &str,
    factors: [f32; 2],
    attributes: &[(&str, &str)],
) -> Result<String, String> {
    let mut resize = node(op_type, &["x", "", "s"], "r", &[]);
    if op_type == "Upsample" {
        resize.input.remove(1);
    }
    for (name, text) in attributes {
        resize.attribute.push(Attribute {
            name: (*name).into(),
            s: text.as_bytes().to_vec().into(),
            ..Attribute::default()
        });
    }
    let nodes = vec![
        resize,
        node("GlobalAveragePool", &["r"], "p", &[]),
        node("Flatten", &["p"], "f", &[]),
        node("MatMul", &["f", "d"], "y", &[]),
    ];
    let scales = Tensor {
        float_data: vec![1.0, 1.0, factors[0], factors[1]],
        ..weight("s", &[4])
    };
    let imported = imported(&model(nodes, vec![scales, weight("d", &[1, 10])]));
    imported.map(|imported| imported.spec)
}

#[test]
fn a_resize_is_upsample_where_it_takes_the_nearest_values() {
    let transformation = "coordinate_transformation_mode";
    for (op_type, factors, attributes) in [
        ("Resize", [3.0, 3.0], &[][..]),
        (
            "Resize",
            [2.0, 1.0],
            &[(transformation, "asymmetric"), ("nearest_mode", "floor")],
        ),
        (
            "Resize",
            [2.0, 5.0],
            &[(transformation, "pytorch_half_pixel")],
        ),
        ("Upsample", [2.0, 2.0], &[("mode", "nearest")]),
    ] {
        let spec = resized(op_type, factors, attributes).unwrap();
        assert!(spec.contains("kind = \"upsample\""), "{spec}");
    }
    for (factors, attributes, expected) in [
        ([2.0, 2.0], &[("mode", "linear")][..], "mode is \"linear\""),
        ([1.5, 2.0], &[], "1.5"),
        ([0.5, 0.5], &[], "0.5"),
        ([2.0, 2.0], &[("nearest_mode", "ceil")], "other values"),
        (
            [3.0, 3.0],
            &[(transformation, "asymmetric")],
            "other values",
        ),
        (
            [3.0, 3.0],
            &[(transformation, "align_corners")],
            "other values",
        ),
    ] {
        let error = resized("Resize", factors, attributes).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("nearest is upsample"), "{error}");
    }
}

/// ½·x·erfc(−x/√2).
#[test]
fn gelu_is_found_by_its_values_where_it_is_spelled_by_erfc() {
    let nodes = vec![
        node("Flatten", &["x"], "f", &[]),
        node("MatMul", &["f", "d"], "l", &[]),
        node("Mul", &["l", "negative"], "n", &[]),
        node("Erfc", &["n"], "e", &[]),
        node("Mul", &["l", "half"], "h", &[]),
        node("Mul", &["h", "e"], "y", &[]),
    ];
    let initializer = vec![
        weight("d", &[784, 10]),
        scalar("negative", -std::f32::consts::FRAC_1_SQRT_2),
        scalar("half", 0.5),
    ];
    let spec = imported(&model(nodes, initializer)).unwrap().spec;
    assert!(spec.contains("kind = \"gelu\""), "{spec}");
}

#[test]
fn a_factor_and_an_offset_are_a_layer() {
    let nodes = vec![
        node("Flatten", &["x"], "f", &[]),
        node("MatMul", &["f", "d"], "l", &[]),
        node("Mul", &["l", "factor"], "m", &[]),
        node("Sub", &["m", "offset"], "s", &[]),
        node("Tanh", &["s"], "y", &[]),
    ];
    let initializer = vec![
        weight("d", &[784, 10]),
        scalar("factor", 0.1),
        scalar("offset", 3.0),
    ];
    let spec = imported(&model(nodes, initializer)).unwrap().spec;
    let scale = spec.find("kind = \"scale\"").expect("a layer");
    let behind = &spec[scale..];
    assert!(behind.contains("factor = 0.1\noffset = -3"), "{spec}");
    assert!(behind.contains("kind = \"tanh\""), "{spec}");
}

#[test]
fn transposed_convolutions_in_groups_are_refused() {
    let nodes = vec![node("ConvTranspose", &["x", "w"], "y", &[("group", &[2])])];
    let error = error(nodes, vec![weight("w", &[1, 1, 2, 2])]);
    assert!(
        error.contains("2 groups") && error.contains("nearest"),
        "{error}"
    );
}

#[test]
fn what_would_move_values_is_refused_by_name() {
    let flat = || node("Flatten", &["p"], "f", &[]);
    let conv = || node("Conv", &["x", "w"], "p", &[]);
    let weights = |shape: &[i64]| vec![weight("w", &[2, 1, 1, 1]), sizes("s", shape)];
    for (nodes, shape, expected) in [
        (
            vec![conv(), node("Reshape", &["p", "s"], "y", &[])],
            &[-1, 28, 56][..],
            "Reshape \"y\"",
        ),
        (
            vec![conv(), node("Reshape", &["p", "s"], "y", &[])],
            &[28, -1],
            "Reshape \"y\"",
        ),
        (
            vec![conv(), flat(), node("Reshape", &["f", "s"], "y", &[])],
            &[-1, 2, 784],
            "Reshape \"y\"",
        ),
        (
            vec![
                conv(),
                node("Transpose", &["p"], "y", &[("perm", &[1, 0, 2, 3])]),
            ],
            &[1],
            "Transpose \"y\"",
        ),
        // Channels last, but not for the convolution.
        (
            vec![
                node("Transpose", &["x"], "t", &[("perm", &[0, 1, 3, 2])]),
                node("Conv", &["t", "w"], "y", &[]),
            ],
            &[1],
            "Conv \"y\"",
        ),
    ] {
        let error = error(nodes, weights(shape));
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_dense_layer_behind_a_flatten_reads_channels_last() {
    let nodes = vec![
        node("Conv", &["x", "w"], "p", &[("strides", &[14, 14])]),
        node("Flatten", &["p"], "f", &[]),
        node("MatMul", &["f", "d"], "y", &[]),
    ];
    let initializer = vec![weight("w", &[2, 1, 1, 1]), weight("d", &[8, 10])];
    let imported = imported(&model(nodes, initializer)).unwrap();
    let dense = imported.weights.last().unwrap();
    assert_eq!(dense.shape, [10, 8]);
    // Row 0 of ONNX's matrix has the inputs 0, 10, 20 …; laptime's are two channels at each of four positions.
    assert_eq!(
        dense.values[..8],
        [0.0, 40.0, 10.0, 50.0, 20.0, 60.0, 30.0, 70.0]
    );
}

#[test]
fn what_computes_something_else_is_refused() {
    let pool = |more: &[(&str, &[i64])]| {
        let more = [
            &[("kernel_shape", &[3, 3][..]), ("pads", &[1, 1, 1, 1])],
            more,
        ]
        .concat();
        vec![node("AveragePool", &["x"], "y", &more)]
    };
    let conv = |more: &[(&str, &[i64])]| vec![node("Conv", &["x", "w"], "y", more)];
    for (nodes, expected) in [
        (pool(&[("count_include_pad", &[1])]), "counts padding"),
        (conv(&[("dilations", &[0, 2])]), "dilation is 0"),
        (pool(&[("dilations", &[2, 2])]), "dilations"),
        (conv(&[("group", &[0])]), "groups"),
        (conv(&[("strides", &[0, 1])]), "stride or dilation is 0"),
        (conv(&[("pads", &[-1, 0, 0, 0])]), "pads are"),
        (
            vec![
                node("Softmax", &["x"], "s", &[]),
                node("Relu", &["s"], "y", &[]),
            ],
            "attention",
        ),
        (vec![node("Sin", &["x"], "y", &[])], "no such layer"),
        (
            vec![node("Relu", &["z"], "y", &[])],
            "nothing before it makes",
        ),
        (
            vec![
                node("Exp", &["x"], "e", &[]),
                node("Flatten", &["e"], "y", &[]),
            ],
            "no activation",
        ),
        (vec![node("Identity", &["x"], "z", &[])], "does not depend"),
    ] {
        let error = error(nodes, vec![weight("w", &[1, 1, 3, 3])]);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn weights_have_as_many_values_as_their_shape_says() {
    for (dims, expected) in [
        (vec![10, 785], "its input has the shape"),
        (vec![10, -1], "has the shape"),
        (vec![i64::MAX, i64::MAX], "has the shape"),
    ] {
        let nodes = vec![
            node("Flatten", &["x"], "f", &[]),
            node("Gemm", &["f", "w"], "y", &[("transB", &[1])]),
        ];
        let claimed = Tensor {
            dims,
            ..weight("w", &[10, 784])
        };
        let error = error(nodes, vec![claimed]);
        assert!(error.contains(expected), "{error}");
    }
    let nodes = vec![
        node("Flatten", &["x"], "f", &[]),
        node("Gemm", &["f", "w"], "y", &[("transB", &[1])]),
    ];
    let claimed = Tensor {
        dims: vec![1 << 28, 784],
        ..weight("w", &[10, 784])
    };
    let error = error(nodes, vec![claimed]);
    assert!(error.contains("it has 7840 values"), "{error}");
}

#[test]
fn inputs_and_outputs_are_one_each_of_known_sizes() {
    let simple = || model(vec![node("Flatten", &["x"], "y", &[])], Vec::new());
    let graph = |change: fn(&mut Graph)| {
        let mut model = simple();
        change(model.graph.as_mut().unwrap());
        imported(&model).expect_err("it cannot be imported")
    };
    for (error, expected) in [
        (graph(|it| it.input.push(value("z", &[0, 1]))), "2 inputs"),
        (graph(|it| it.output.push(value("x", &[0, 1]))), "2 outputs"),
        (
            graph(|it| it.input[0] = value("x", &[0, 3, 0, 0])),
            "no fixed size",
        ),
        (
            graph(|it| it.input[0] = value("x", &[0, 3, 1 << 40, 4])),
            "no fixed size",
        ),
        (
            graph(|it| it.input[0] = value("x", &[0, 1, 2, 3, 4])),
            "4 dimensions",
        ),
        (graph(|it| it.input[0].r#type = None), "no type"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let mut old = simple();
    old.opset_import[0].version = 9;
    assert!(imported(&old).unwrap_err().contains("version 9"));
}

#[test]
fn a_training_is_chosen_by_shapes() {
    let of = |sample: &[i64], units: i64| {
        let values = sample.iter().product();
        let nodes = vec![
            node("Flatten", &["x"], "f", &[]),
            node("Gemm", &["f", "w"], "y", &[("transB", &[1])]),
        ];
        let mut model = model(nodes, vec![weight("w", &[units, values])]);
        let dims = [&[0], sample].concat();
        model.graph.as_mut().unwrap().input[0] = value("x", &dims);
        imported(&model).unwrap()
    };
    for (sample, units, dataset, loss) in [
        (
            &[1, 28, 28][..],
            10,
            "fashion-mnist",
            "softmax-cross-entropy",
        ),
        (&[784], 10, "fashion-mnist", "softmax-cross-entropy"),
        (&[3, 32, 32], 10, "cifar-10", "softmax-cross-entropy"),
        (&[3, 32, 32], 100, "cifar-100", "softmax-cross-entropy"),
        (&[1, 28, 28], 784, "fashion-mnist", "mean-squared-error"),
        (&[1, 28, 28], 7, "FILL-IN", "softmax-cross-entropy"),
        (&[3, 9, 9], 10, "FILL-IN", "softmax-cross-entropy"),
        (&[13], 1, "FILL-IN", "mean-squared-error"),
    ] {
        let imported = of(sample, units);
        let spec = &imported.spec;
        assert!(spec.contains(&format!("dataset = {dataset:?}")), "{spec}");
        assert!(spec.contains(&format!("loss = {loss:?}")), "{spec}");
        assert_eq!(imported.lacks_dataset, dataset == "FILL-IN");
        assert_eq!(spec.contains("# train_inputs = "), imported.lacks_dataset);
    }
}

#[test]
fn other_formats_are_told_by_their_first_bytes() {
    let nothing = |_: &str, _, _| Err("there is nothing beside it".into());
    for (bytes, expected) in [
        (&b"PK\x03\x04keras"[..], "zip archive"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        (b"import torch", "no ONNX model"),
        (b"", "no graph"),
    ] {
        let error =
            import(bytes.to_vec(), &nothing, &Options::default()).expect_err("it is no model");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
