//! Norms that an exporter has spelled out.

use crate::{
    messages::{Model, Tensor},
    tests::{imported, model, node, sizes, weight},
};

/// A layer norm of a dense layer's ten values as PyTorch's older exporter writes it, up to so many nodes of nine.
fn spelled_norm(count: usize) -> Model {
    const MEAN: &[(&str, &[i64])] = &[("keepdims", &[1])];
    let nodes = [
        ("ReduceMean", ["d", "last"], MEAN),
        ("Sub", ["d", "n0"], &[]),
        ("Pow", ["n1", "two"], &[]),
        ("ReduceMean", ["n2", "last"], MEAN),
        ("Add", ["n3", "epsilon"], &[]),
        ("Sqrt", ["n4", ""], &[]),
        ("Div", ["n1", "n5"], &[]),
        ("Mul", ["n6", "scales"], &[]),
        ("Add", ["n7", "shifts"], &[]),
    ];
    let mut all = vec![
        node("Flatten", &["x"], "f", &[]),
        node("Gemm", &["f", "w"], "d", &[("transB", &[1])]),
    ];
    for (number, (op_type, inputs, attributes)) in nodes[..count].iter().enumerate() {
        all.push(node(op_type, inputs, &format!("n{number}"), attributes));
    }
    all.push(node("Relu", &[&format!("n{}", count - 1)], "y", &[]));
    let one = |name: &str, value: f32| Tensor {
        float_data: vec![value],
        ..weight(name, &[1])
    };
    let constants = vec![
        weight("w", &[10, 784]),
        sizes("last", &[-1]),
        one("two", 2.0),
        one("epsilon", 1e-5),
        weight("scales", &[10]),
        weight("shifts", &[10]),
    ];
    model(all, constants)
}

#[test]
fn a_layer_norm_in_many_nodes_is_found_by_its_values() {
    let whole = imported(&spelled_norm(9)).unwrap();
    assert!(whole.spec.contains("epsilon = 1e-5"), "{}", whole.spec);
    let values = |name: &str| {
        let of = |one: &&crate::Weights| one.name == format!("layer_norm_1.{name}");
        whole.weights.iter().find(of).unwrap().values.clone()
    };
    let numbers: Vec<f32> = (0..10).map(|number| number as f32).collect();
    assert_eq!(values("weight"), numbers);
    assert_eq!(values("bias"), numbers);
    // Without scales and shifts it is one, too; without the division it is none.
    let plain = imported(&spelled_norm(7)).unwrap();
    assert_eq!(plain.weights.len(), whole.weights.len());
    for count in [1, 2, 3, 4] {
        let error = imported(&spelled_norm(count)).expect_err("it is no norm");
        assert!(
            error.contains("made of means over channels, and no layer norm"),
            "{error}"
        );
        assert!(error.contains("Relu \"y\""), "{error}");
    }
}
