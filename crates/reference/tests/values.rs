//! Operations against numbers worked out by hand.

mod common;

use laptime_graph::{Activation, Dropout};
use laptime_reference::{Reference, ops};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
}

#[test]
fn products_have_the_shapes_they_say() {
    // x = [1 2 3], w = [[1 0 2], [3 1 0]]
    let w = [1.0, 0.0, 2.0, 3.0, 1.0, 0.0];
    assert_eq!(ops::dense(&[1.0, 2.0, 3.0], &w, 1), [7.0, 5.0]);
    assert_eq!(
        ops::dense_grad_input(&[1.0, 10.0], &w, 1),
        [31.0, 10.0, 2.0]
    );
    assert_eq!(
        ops::dense_grad_weight(&[1.0, 2.0, 3.0], &[1.0, 10.0], 2),
        [1.0, 2.0, 3.0, 10.0, 20.0, 30.0]
    );
}

#[test]
fn pixels_are_divided() {
    assert_eq!(
        ops::scale_pixels(&[0.0, 51.0, 255.0], 255.0),
        [0.0, 0.2, 1.0]
    );
}

/// bfloat16 has 7 bits behind the point: between 1 and 2 its numbers are 1/128 apart.
#[test]
fn rounding_to_bf16() {
    let ulp = 1.0 / 128.0;
    for (x, expected) in [
        (0.0, 0.0),
        (1.0 + 0.499 * ulp, 1.0),
        (1.0 + 0.5 * ulp, 1.0),
        (1.0 + 0.501 * ulp, 1.0 + ulp),
        (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
        (-(2.0 - 0.4 * ulp), -2.0),
        (1e-40, 0.0),
        (f64::INFINITY, f64::INFINITY),
        (-3.4e38, -f64::from(f32::from_bits(0x7f80 << 16))),
    ] {
        assert_eq!(ops::round(&[x]), [expected], "{x}");
    }
    assert!(ops::round(&[f64::NAN])[0].is_nan());
}

/// Two steps from w = 1 with gradients ½ and −¼ at learning rate 0.1, worked out with 40 digits.
#[test]
fn adam_in_kerass_form() {
    let constants = laptime_graph::Adam {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };
    let (mut w, mut m, mut v) = ([1.0], [0.0], [0.0]);
    ops::adam(constants, 1, &[0.5], &mut w, &mut m, &mut v);
    assert!(close(m[0], 0.05) && close(v[0], 0.000_25), "{m:?} {v:?}");
    assert!(close(w[0], 0.900_000_632_451_532_1), "{w:?}");
    ops::adam(constants, 2, &[-0.25], &mut w, &mut m, &mut v);
    assert!(
        close(m[0], 0.02) && close(v[0], 0.000_312_25),
        "{m:?} {v:?}"
    );
    assert!(close(w[0], 0.873_367_079_207_921_7), "{w:?}");
}

/// With a gradient of 1e-6 the place of ε decides: this form gives −0.024, PyTorch's −0.091.
#[test]
fn adam_adds_epsilon_to_the_uncorrected_root() {
    let constants = laptime_graph::Adam {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };
    let (mut w, mut m, mut v) = ([0.0], [0.0], [0.0]);
    ops::adam(constants, 1, &[1e-6], &mut w, &mut m, &mut v);
    assert!((w[0] + 0.024_025_307_335_204_215).abs() < 1e-15, "{w:?}");
    let constants = laptime_graph::Adam {
        corrected_epsilon: true,
        ..constants
    };
    let (mut w, mut m, mut v) = ([0.0], [0.0], [0.0]);
    ops::adam(constants, 1, &[1e-6], &mut w, &mut m, &mut v);
    assert!((w[0] + 0.1 / 1.1).abs() < 1e-15, "{w:?}");
}

/// β₁ = β₂ = ½: of the gradients 4, 0 and 0, v is 8, 4 and 2, but the largest stays 8; corrected, it is 16, 32/3 and
/// 64/7, and m 4, 4/3 and 4/7 (PyTorch's `Adam(amsgrad=True)`).
#[test]
fn amsgrad_divides_by_the_largest_second_moment() {
    let adam = laptime_graph::Adam {
        learning_rate: 0.1,
        beta1: 0.5,
        beta2: 0.5,
        epsilon: 0.5,
        corrected_epsilon: true,
    };
    let constants = laptime_graph::AmsGrad {
        adam,
        weight_decay: None,
        weights_only: false,
    };
    let (mut w, mut m, mut v, mut x) = ([1.0], [0.0], [0.0], [0.0]);
    let mut expected = 1.0;
    for (step, gradient, mean, largest) in [
        (1, 4.0, 4.0, 16.0_f64),
        (2, 0.0, 4.0 / 3.0, 32.0 / 3.0),
        (3, 0.0, 4.0 / 7.0, 64.0 / 7.0),
    ] {
        let state = [&mut w[..], &mut m[..], &mut v[..], &mut x[..]];
        ops::ams_grad(constants, step, &[gradient], state);
        expected -= 0.1 * mean / (largest.sqrt() + 0.5);
        assert!(close(w[0], expected), "{w:?}, expected {expected}");
        assert!(close(x[0], 8.0), "{x:?}");
    }
    assert!(close(v[0], 2.0), "{v:?}");
}

/// The same gradients, and before each step a twentieth of w decays, by its learning rate 0.1 and decay ½
/// (PyTorch's `AdamW(amsgrad=True, weight_decay=0.5)`).
#[test]
fn amsgrads_decay_comes_before_its_step() {
    let constants = laptime_graph::AmsGrad {
        adam: laptime_graph::Adam {
            learning_rate: 0.1,
            beta1: 0.5,
            beta2: 0.5,
            epsilon: 0.5,
            corrected_epsilon: true,
        },
        weight_decay: Some(0.5),
        weights_only: false,
    };
    let (mut w, mut m, mut v, mut x) = ([1.0], [0.0], [0.0], [0.0]);
    for (step, gradient, expected) in [
        (1, 4.0, 0.95 - 0.4 / 4.5),
        (
            2,
            0.0,
            0.95 * (0.95 - 0.4 / 4.5) - 0.4 / 3.0 / ((32.0_f64 / 3.0).sqrt() + 0.5),
        ),
    ] {
        let state = [&mut w[..], &mut m[..], &mut v[..], &mut x[..]];
        ops::ams_grad(constants, step, &[gradient], state);
        assert!(close(w[0], expected), "{w:?}, expected {expected}");
    }
}

/// A tenth of w decays in the first step, by its learning rate 0.1 and decay 1, before Adam's step; and the
/// gradient 0 moves it by the decay alone.
#[test]
fn adamw_decays_before_adams_step() {
    let adam = laptime_graph::Adam {
        learning_rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        corrected_epsilon: false,
    };
    let constants = laptime_graph::AdamW {
        adam,
        weight_decay: 1.0,
        weights_only: false,
    };
    let (mut w, mut m, mut v) = ([1.0, 1.0], [0.0; 2], [0.0; 2]);
    ops::adamw(constants, 1, &[0.5, 0.0], &mut w, &mut m, &mut v);
    assert!(close(w[0], 0.800_000_632_451_532_1), "{w:?}");
    assert!(close(w[1], 0.9), "{w:?}");
    assert!(close(m[0], 0.05) && close(v[0], 0.000_25), "{m:?} {v:?}");
}

/// With α = ¾, ε = ½ and learning rate 0.1: v = 1, then 1; the roots 1, so the divisors 1½.
#[test]
fn rms_prop_adds_epsilon_to_the_root() {
    let constants = laptime_graph::RmsProp {
        learning_rate: 0.1,
        alpha: 0.75,
        epsilon: 0.5,
    };
    let (mut w, mut v) = ([1.0], [0.0]);
    for (gradient, expected) in [(2.0, 1.0 - 0.2 / 1.5), (-1.0, 1.0 - 0.1 / 1.5)] {
        ops::rms_prop(constants, &[gradient], &mut w, &mut v);
        assert!(close(v[0], 1.0), "{v:?}");
        assert!(close(w[0], expected), "{w:?}");
    }
}

fn sgd(momentum: f64, nesterov: bool) -> laptime_graph::Sgd {
    laptime_graph::Sgd {
        learning_rate: 0.1,
        momentum,
        nesterov,
        weight_decay: None,
        weights_only: false,
    }
}

/// With decay ½, two steps from w = 1: g is 2 + ½, then −4 + ½·0.75; PyTorch's `SGD(weight_decay=0.5)`.
#[test]
fn sgds_decay_is_in_its_gradient() {
    for (nesterov, [first, second]) in [
        (false, [1.0 - 0.25, 0.75 - 0.1 * (1.25 - 3.625)]),
        (
            true,
            [1.0 - 0.375, 0.625 - 0.1 * (0.5 * (1.25 - 3.6875) - 3.6875)],
        ),
    ] {
        let constants = laptime_graph::Sgd {
            weight_decay: Some(0.5),
            ..sgd(0.5, nesterov)
        };
        let (mut w, mut u) = ([1.0], [0.0]);
        for (gradient, expected) in [(2.0, first), (-4.0, second)] {
            ops::sgd(constants, &[gradient], &mut w, &mut u);
            assert!(close(w[0], expected), "{w:?}, expected {expected}");
        }
    }
}

/// As below, but each step is along momentum·u + g: 3, −5½, −¾.
#[test]
fn sgd_with_nesterovs_momentum() {
    let (mut w, mut u) = ([1.0], [0.0]);
    for (gradient, velocity, expected) in [(2.0, 2.0, 0.7), (-4.0, -3.0, 1.25), (0.0, -1.5, 1.325)]
    {
        ops::sgd(sgd(0.5, true), &[gradient], &mut w, &mut u);
        assert_eq!(u[0], velocity);
        assert!(close(w[0], expected), "{w:?}");
    }
}

/// Three steps from w = 1 with momentum ½ and learning rate 0.1.
#[test]
fn sgd_with_momentum() {
    let (mut w, mut u) = ([1.0], [0.0]);
    for (gradient, velocity, expected) in [(2.0, 2.0, 0.8), (-4.0, -3.0, 1.1), (0.0, -1.5, 1.25)] {
        ops::sgd(sgd(0.5, false), &[gradient], &mut w, &mut u);
        assert_eq!(u[0], velocity);
        assert!(close(w[0], expected), "{w:?}");
    }
    let (mut w, mut u) = ([1.0], [0.0]);
    for expected in [0.8, 0.6] {
        ops::sgd(sgd(0.0, false), &[2.0], &mut w, &mut u);
        assert!(close(w[0], expected), "{w:?}");
    }
}

/// x = 1, 3 in one channel and 10, 10 in the other: mean 2 and 10, uncorrected variance 1 and 0.
#[test]
fn batch_norm_by_hand() {
    let x = [1.0, 10.0, 3.0, 10.0];
    let (gamma, beta) = ([6.0, 7.0], [0.5, -0.5]);
    let (mut mean, mut variance) = ([0.0, 1.0], [1.0, 2.0]);
    let moving = [mean.as_mut_slice(), variance.as_mut_slice()];
    let made = ops::batch_norm(&x, [&gamma, &beta], moving, 3.0, 0.75);
    assert_eq!(made.mean, [2.0, 10.0]);
    assert!(close(made.inverse_deviation[0], 0.5));
    assert!(close(made.inverse_deviation[1], 1.0 / 3f64.sqrt()));
    assert_eq!(made.y, [-2.5, -0.5, 3.5, -0.5]);
    assert_eq!((mean, variance), ([0.5, 3.25], [1.0, 1.5]));

    let moving = [[-1.0, 10.0].as_slice(), &[1.0, 6.0]];
    let y = ops::batch_norm_evaluation(&x, [&gamma, &beta], moving, 3.0);
    assert_eq!(y, [6.5, -0.5, 12.5, -0.5]);
}

/// A mean a million times the deviation: E[x²] − E[x]² would lose the variance altogether.
#[test]
fn the_variance_does_not_cancel() {
    let x = [1e9 - 1.0, 1e9 + 1.0];
    let (mut mean, mut variance) = ([0.0], [0.0]);
    let moving = [mean.as_mut_slice(), variance.as_mut_slice()];
    let made = ops::batch_norm(&x, [&[1.0], &[0.0]], moving, 0.0, 0.0);
    assert_eq!(made.y, [-1.0, 1.0]);
    assert_eq!((mean, variance), ([1e9], [1.0]));
}

#[test]
fn dropout_drops_its_share_and_scales_the_rest() {
    let mut constants = Dropout {
        rate: 0.25,
        seed: 7,
        layer: 2,
    };
    let dropped = |constants: &Dropout, step: u64| -> Vec<bool> {
        let y = ops::dropout(&[3.0; 10_000], constants, (step, 0));
        assert!(y.iter().all(|&y| y == 0.0 || y == 4.0));
        y.iter().map(|&y| y == 0.0).collect()
    };
    let first = dropped(&constants, 1);
    let count = first.iter().filter(|&&dropped| dropped).count();
    assert!((2370..2630).contains(&count), "{count}");
    assert_eq!(first, dropped(&constants, 1));
    assert_ne!(first, dropped(&constants, 2));
    constants.layer = 3;
    assert_ne!(first, dropped(&constants, 1));
}

#[test]
fn the_first_of_equal_logits_is_the_answer() {
    let logits = [1.0, 3.0, 3.0];
    let correct = |label| ops::softmax_cross_entropy(&logits, &[label], 0.0).correct;
    assert_eq!([correct(0.0), correct(1.0), correct(2.0)], [0, 1, 0]);
    assert_eq!(
        ops::softmax_cross_entropy(&[0.0; 6], &[0.0, 1.0], 0.0).correct,
        1
    );
}

/// As PyTorch's `CrossEntropyLoss(label_smoothing=0.1)` has it.
#[test]
fn smoothed_labels_share_a_tenth_among_all_classes() {
    let logits = [1.0, 2.0, 4.0, -1.0];
    let share = |class: usize| {
        let sum: f64 = logits.iter().map(|logit: &f64| logit.exp()).sum();
        logits[class].exp() / sum
    };
    let [own, other] = [0.925, 0.025];
    let expected: f64 = [other, own, other, other]
        .iter()
        .enumerate()
        .map(|(class, target)| -target * share(class).ln())
        .sum();
    let score = ops::softmax_cross_entropy(&logits, &[1.0], 0.1);
    assert!((score.loss_sum - expected).abs() < 1e-12, "{expected}");
    let gradient = ops::softmax_cross_entropy_grad(&logits, &[1.0], 0.1);
    for (class, gradient) in gradient.iter().enumerate() {
        let target = if class == 1 { own } else { other };
        assert!((gradient - (share(class) - target)).abs() < 1e-12);
    }
}

/// Two samples of two values: squares of 0.5, 0, 1 and 0.2.
#[test]
fn a_squared_error_is_a_mean_over_values_and_a_sum_over_samples() {
    let (y, pixels) = ([0.5, 0.2, 0.0, 0.6], [0.0, 51.0, 255.0, 102.0]);
    let loss_sum = ops::mean_squared_error(&y, &pixels, 255.0, 2);
    assert!((loss_sum - (0.25 + 0.0 + 1.0 + 0.04) / 2.0).abs() < 1e-12);
    let gradient = ops::mean_squared_error_grad(&y, &pixels, 255.0);
    for (found, expected) in gradient.iter().zip([0.25, 0.0, -0.5, 0.1]) {
        assert!((found - expected).abs() < 1e-12, "{gradient:?}");
    }
    assert!(ops::mean_squared_error(&[f64::NAN], &[0.0], 255.0, 1).is_nan());
}

#[test]
fn large_logits_do_not_overflow() {
    for shift in [-1e5, 0.0, 1e5] {
        let logits = [shift + 1000.0, shift, shift - 1000.0];
        let loss = |label| ops::softmax_cross_entropy(&logits, &[label], 0.0).loss_sum;
        assert_eq!([loss(0.0), loss(1.0), loss(2.0)], [0.0, 1000.0, 2000.0]);
        assert_eq!(
            ops::softmax_cross_entropy_grad(&logits, &[1.0], 0.0),
            [1.0, -1.0, 0.0]
        );
    }
}

#[test]
fn nan_is_not_hidden() {
    assert!(ops::activate(Activation::Relu, &[f64::NAN])[0].is_nan());
    assert!(
        ops::softmax_cross_entropy(&[f64::NAN, 0.0], &[1.0], 0.0)
            .loss_sum
            .is_nan()
    );
}

#[test]
#[should_panic(expected = "label 3 does not name one of 3 classes")]
fn a_label_out_of_range() {
    ops::softmax_cross_entropy(&[0.0; 3], &[3.0], 0.0);
}

#[test]
fn training_lowers_the_loss() {
    let case = common::case(4, &[8, 3], 6);
    let mut reference = Reference::of_program(&case.program);
    reference.set_state(&case.state);
    let first = reference.step(&case.batch).loss_sum();
    for _ in 0..1000 {
        reference.step(&case.batch);
    }
    let last = reference.step(&case.batch);
    assert!(
        last.loss_sum() < 0.5 * first,
        "{first} → {}",
        last.loss_sum()
    );
    assert_eq!(reference.state().steps, case.state.steps + 1002);
}

#[test]
#[should_panic(expected = "the state lacks `fc1.weight`")]
fn a_state_of_another_program() {
    let mut case = common::case(2, &[3], 1);
    case.state.tensors.remove(0);
    Reference::of_program(&case.program).set_state(&case.state);
}
