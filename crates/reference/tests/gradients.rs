//! Every operation's gradient against finite differences, directly and through whole Programs.

mod common;

use common::{case, check_gradient, random, tensor, weighted};
use laptime_graph::{Activation, Dropout, Mode, build};
use laptime_reference::{Reference, ops};
use laptime_workload::Window;

#[test]
fn dense() {
    let (batch, inputs, outputs) = (3, 5, 4);
    let x: Vec<f64> = random(0).take(batch * inputs).collect();
    let w: Vec<f64> = random(1).take(outputs * inputs).collect();
    let dy: Vec<f64> = random(2).take(batch * outputs).collect();
    check_gradient(
        |x| weighted(&ops::dense(x, &w, batch), &dy),
        &x,
        &ops::dense_grad_input(&dy, &w, batch),
        "dense_grad_input",
    );
    check_gradient(
        |w| weighted(&ops::dense(&x, w, batch), &dy),
        &w,
        &ops::dense_grad_weight(&x, &dy, outputs),
        "dense_grad_weight",
    );
}

#[test]
fn bias() {
    let (batch, channels) = (3, 4);
    let x: Vec<f64> = random(0).take(batch * channels).collect();
    let b: Vec<f64> = random(1).take(channels).collect();
    let dy: Vec<f64> = random(2).take(batch * channels).collect();
    check_gradient(
        |b| weighted(&ops::bias(&x, b), &dy),
        &b,
        &ops::bias_grad(&dy, channels),
        "bias_grad",
    );
    // Autodiff passes the gradient on as it is.
    check_gradient(|x| weighted(&ops::bias(x, &b), &dy), &x, &dy, "bias, x");
}

/// Differences of a staircase say nothing of a single step; but over many steps it climbs as
/// fast as the identity, whose gradient autodiff passes on.
#[test]
fn round() {
    let x: Vec<f64> = random(0).take(50).map(|x| 2.0 * x + 0.1).collect();
    for x in x {
        let width = 4.0 * x.abs();
        let difference =
            (ops::round(&[x + width])[0] - ops::round(&[x - width])[0]) / (2.0 * width);
        assert!((difference - 1.0).abs() < 0.01, "{x}: {difference}");
    }
}

#[test]
fn relu() {
    let x: Vec<f64> = random(0).take(20).collect();
    let dy: Vec<f64> = random(1).take(20).collect();
    let y = ops::activate(Activation::Relu, &x);
    assert!(y.contains(&0.0) && y.iter().any(|&y| y > 0.0));
    check_gradient(
        |x| weighted(&ops::activate(Activation::Relu, x), &dy),
        &x,
        &ops::activate_grad(Activation::Relu, &y, &dy),
        "relu_grad",
    );
    assert_eq!(
        ops::activate_grad(
            Activation::Relu,
            &ops::activate(Activation::Relu, &[0.0]),
            &[1.0]
        ),
        [0.0]
    );
}

#[test]
fn activations() {
    let x: Vec<f64> = random(0).take(30).map(|x| 5.0 * x).collect();
    let dy: Vec<f64> = random(1).take(30).collect();
    for activation in Activation::EXAMPLES {
        let keeps_y = matches!(activation, Activation::Sigmoid | Activation::Tanh);
        let y = ops::activate(activation, &x);
        let kept = if keeps_y { &y } else { &x };
        check_gradient(
            |x| weighted(&ops::activate(activation, x), &dy),
            &x,
            &ops::activate_grad(activation, kept, &dy),
            activation.name(),
        );
    }
}

#[test]
fn softmax_cross_entropy() {
    let labels = [2.0, 0.0, 3.0];
    let logits: Vec<f64> = random(0).take(3 * 4).collect();
    for smoothing in [0.0, 0.1, 1.0] {
        check_gradient(
            |logits| ops::softmax_cross_entropy(logits, &labels, smoothing).loss_sum / 3.0,
            &logits,
            &ops::softmax_cross_entropy_grad(&logits, &labels, smoothing),
            "softmax_cross_entropy_grad",
        );
    }
}

#[test]
fn embedding() {
    let symbols = [1.0, 0.0, 3.0, 1.0, 1.0, 3.0];
    let (entries, channels) = (4, 3);
    let table: Vec<f64> = random(0).take(entries * channels).collect();
    let dy: Vec<f64> = random(1).take(symbols.len() * channels).collect();
    let y = ops::embedding(&symbols, &table, channels);
    assert_eq!(y[..2 * channels], [&table[3..6], &table[..3]].concat());
    let gradient = ops::embedding_grad(&symbols, &dy, entries);
    check_gradient(
        |table| weighted(&ops::embedding(&symbols, table, channels), &dy),
        &table,
        &gradient,
        "embedding_grad",
    );
    // Of a symbol that is nowhere.
    assert_eq!(gradient[2 * channels..3 * channels], [0.0; 3]);
}

#[test]
fn mean_squared_error() {
    let pixels = [0.0, 255.0, 51.0, 102.0, 153.0, 17.0];
    let y: Vec<f64> = random(0).take(6).collect();
    check_gradient(
        |y| ops::mean_squared_error(y, &pixels, 255.0, 2) / 2.0,
        &y,
        &ops::mean_squared_error_grad(&y, &pixels, 255.0),
        "mean_squared_error_grad",
    );
}

#[test]
fn batch_norm() {
    let (rows, channels, epsilon) = (6, 3, 1e-3);
    let x: Vec<f64> = random(0).take(rows * channels).collect();
    let gamma: Vec<f64> = random(1).take(channels).collect();
    let beta: Vec<f64> = random(2).take(channels).collect();
    let dy: Vec<f64> = random(3).take(rows * channels).collect();
    let normed = |x: &[f64], gamma: &[f64], beta: &[f64]| {
        let (mut mean, mut variance) = (vec![0.0; channels], vec![1.0; channels]);
        ops::batch_norm(x, [gamma, beta], [&mut mean, &mut variance], epsilon, 0.99)
    };
    let made = normed(&x, &gamma, &beta);
    let gradient = ops::batch_norm_grad(&dy, &x, &gamma, &made.mean, &made.inverse_deviation);
    check_gradient(
        |x| weighted(&normed(x, &gamma, &beta).y, &dy),
        &x,
        &gradient.dx,
        "batch_norm_grad, x",
    );
    check_gradient(
        |gamma| weighted(&normed(&x, gamma, &beta).y, &dy),
        &gamma,
        &gradient.dgamma,
        "batch_norm_grad, gamma",
    );
    check_gradient(
        |beta| weighted(&normed(&x, &gamma, beta).y, &dy),
        &beta,
        &gradient.dbeta,
        "batch_norm_grad, beta",
    );
}

#[test]
fn layer_norm() {
    let (rows, channels, epsilon) = (4, 5, 1e-3);
    let x: Vec<f64> = random(0).take(rows * channels).collect();
    let gamma: Vec<f64> = random(1).take(channels).collect();
    let beta: Vec<f64> = random(2).take(channels).collect();
    let dy: Vec<f64> = random(3).take(rows * channels).collect();
    let normed =
        |x: &[f64], gamma: &[f64], beta: &[f64]| ops::layer_norm(x, [gamma, beta], epsilon);
    let made = normed(&x, &gamma, &beta);
    check_gradient(
        |x| weighted(&normed(x, &gamma, &beta).y, &dy),
        &x,
        &ops::layer_norm_grad(&dy, &x, &gamma, &made.mean, &made.inverse_deviation),
        "layer_norm_grad",
    );
    check_gradient(
        |gamma| weighted(&normed(&x, gamma, &beta).y, &dy),
        &gamma,
        &ops::layer_norm_grad_scale(&dy, &x, &made.mean, &made.inverse_deviation),
        "layer_norm_grad_scale",
    );
    check_gradient(
        |beta| weighted(&normed(&x, &gamma, beta).y, &dy),
        &beta,
        &ops::bias_grad(&dy, channels),
        "layer_norm, beta",
    );
}

#[test]
fn depthwise_conv2d() {
    let window = Window {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 1, 1],
        dilation: [2, 1],
    };
    let shape = [2, 4, 3, 3];
    let x: Vec<f64> = random(0).take(shape.iter().product()).collect();
    let w: Vec<f64> = random(1).take(3 * 6).collect();
    let y = ops::depthwise_conv2d(&x, shape, &w, &window);
    let dy: Vec<f64> = random(2).take(y.len()).collect();
    check_gradient(
        |x| weighted(&ops::depthwise_conv2d(x, shape, &w, &window), &dy),
        &x,
        &ops::depthwise_conv2d_grad_input(&dy, &w, shape, &window),
        "depthwise_conv2d_grad_input",
    );
    check_gradient(
        |w| weighted(&ops::depthwise_conv2d(&x, shape, w, &window), &dy),
        &w,
        &ops::depthwise_conv2d_grad_weight(&x, shape, &dy, &window),
        "depthwise_conv2d_grad_weight",
    );
}

#[test]
fn grouped_conv2d() {
    let window = Window {
        kernel: [3, 2],
        stride: [2, 1],
        padding: [1, 0, 1, 1],
        dilation: [2, 1],
    };
    let shape = [2, 4, 3, 6];
    let x: Vec<f64> = random(0).take(shape.iter().product()).collect();
    // Three groups: two channels give three.
    let w: Vec<f64> = random(1).take(9 * 2 * 6).collect();
    let y = ops::grouped_conv2d(&x, shape, &w, &window, 3);
    let dy: Vec<f64> = random(2).take(y.len()).collect();
    check_gradient(
        |x| weighted(&ops::grouped_conv2d(x, shape, &w, &window, 3), &dy),
        &x,
        &ops::grouped_conv2d_grad_input(&dy, &w, shape, &window, 3),
        "grouped_conv2d_grad_input",
    );
    check_gradient(
        |w| weighted(&ops::grouped_conv2d(&x, shape, w, &window, 3), &dy),
        &w,
        &ops::grouped_conv2d_grad_weight(&x, shape, &dy, &window, 3),
        "grouped_conv2d_grad_weight",
    );
    // With one group, the convolution that is written otherwise.
    let w: Vec<f64> = random(3).take(5 * 6 * 6).collect();
    let whole = ops::conv2d(&x, shape, &w, &window);
    let grouped = ops::grouped_conv2d(&x, shape, &w, &window, 1);
    assert_eq!(whole.len(), grouped.len());
    for (a, b) in whole.iter().zip(grouped) {
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
}

#[test]
fn concat_and_split() {
    let [a, b, dy]: [Vec<f64>; 3] =
        [(0, 6), (1, 9), (2, 15)].map(|(number, count)| random(number).take(count).collect());
    check_gradient(
        |a| weighted(&ops::concat(&[(a, 2), (&b, 3)]), &dy),
        &a,
        &ops::split(&dy, 5, 0, 2),
        "split, a",
    );
    check_gradient(
        |b| weighted(&ops::concat(&[(&a, 2), (b, 3)]), &dy),
        &b,
        &ops::split(&dy, 5, 2, 3),
        "split, b",
    );
}

#[test]
fn upsample() {
    let shape = [2, 3, 2, 4];
    let x: Vec<f64> = random(0).take(48).collect();
    let y = ops::upsample(&x, shape, [2, 3]);
    let dy: Vec<f64> = random(1).take(y.len()).collect();
    check_gradient(
        |x| weighted(&ops::upsample(x, shape, [2, 3]), &dy),
        &x,
        &ops::upsample_grad(&dy, shape, [2, 3]),
        "upsample_grad",
    );
    let small = ops::upsample(&[1.0, 2.0], [1, 1, 2, 1], [2, 2]);
    assert_eq!(small, [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
}

#[test]
fn multiply() {
    let [a, b, dy]: [Vec<f64>; 3] = [0, 1, 2].map(|number| random(number).take(7).collect());
    check_gradient(
        |a| weighted(&ops::multiply(a, &b), &dy),
        &a,
        &ops::multiply(&dy, &b),
        "multiply",
    );
    let shape = [2, 3, 2, 4];
    let x: Vec<f64> = random(0).take(48).collect();
    let s: Vec<f64> = random(1).take(8).collect();
    let dy: Vec<f64> = random(2).take(48).collect();
    check_gradient(
        |x| weighted(&ops::multiply_channels(x, shape, &s), &dy),
        &x,
        &ops::multiply_channels(&dy, shape, &s),
        "multiply_channels, x",
    );
    check_gradient(
        |s| weighted(&ops::multiply_channels(&x, shape, s), &dy),
        &s,
        &ops::multiply_channels_grad(&dy, &x, shape),
        "multiply_channels_grad",
    );
}

#[test]
fn dropout() {
    let constants = Dropout {
        rate: 0.4,
        seed: 7,
        layer: 2,
    };
    let x: Vec<f64> = random(0).take(200).collect();
    let dy: Vec<f64> = random(1).take(200).collect();
    check_gradient(
        |x| weighted(&ops::dropout(x, &constants, (5, 0)), &dy),
        &x,
        &ops::dropout_grad(&dy, &constants, (5, 0)),
        "dropout_grad",
    );
}

/// Autodiff passes the gradient on as it is, to both.
#[test]
fn add() {
    let [a, b, dy]: [Vec<f64>; 3] = [0, 1, 2].map(|number| random(number).take(7).collect());
    check_gradient(|a| weighted(&ops::add(a, &b), &dy), &a, &dy, "add, a");
    check_gradient(|b| weighted(&ops::add(&a, b), &dy), &b, &dy, "add, b");
}

/// The gradients of a training Program against differences of the loss of the *evaluation*
/// Program: autodiff, the mean over the batch, and both Programs at once.
#[test]
fn programs() {
    for (side, units, batch_size) in [(2, &[3][..], 1), (2, &[4, 3], 5), (3, &[6, 5, 4], 3)] {
        let workload = common::net::dense_net(side, units);
        let case = case(side, units, batch_size);
        let mut training = Reference::of_program(&case.program);
        training.set_state(&case.state);
        let step = training.step(&case.batch);

        let scoring = build(&workload, Mode::Evaluation, batch_size);
        let loss = |name: &str, values: &[f64]| {
            let mut state = case.state.clone();
            let changed = state.tensors.iter_mut().find(|tensor| tensor.name == name);
            changed.expect("a parameter").values = values.to_vec();
            let mut reference = Reference::of_program(&scoring);
            reference.set_state(&state);
            let score = reference.step(&case.batch);
            assert_eq!(reference.state().steps, case.state.steps);
            score.loss_sum() / batch_size as f64
        };
        let mut checked = 0;
        for (id, parameter) in case.program.parameters() {
            let name = &parameter.name;
            let gradient = training
                .value(tensor(&case.program, &format!("d.{name}")))
                .expect("computed");
            let values = &case.state.tensor(name).expect("in the state").values;
            assert_eq!(step.loss_sum() / batch_size as f64, loss(name, values));
            check_gradient(|values| loss(name, values), values, &gradient, name);
            assert_ne!(
                training.value(id).as_ref(),
                Some(values),
                "{name} not updated"
            );
            checked += 1;
        }
        assert_eq!(checked, 2 * units.len());
        assert_eq!(training.state().steps, case.state.steps + 1);
    }
}
