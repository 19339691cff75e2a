//! Clipping by the norm of all gradients: its formulas, and a whole step.

mod common;

use common::{
    case_of,
    net::{Net, square},
    tensor,
};
use laptime_graph::Program;
use laptime_reference::{
    Reference,
    ops::{clip, clip_factor, square_sum},
};
use laptime_workload::{LayerKind, Workload};

#[test]
fn the_factor_makes_a_larger_norm_the_largest_one() {
    assert_eq!(square_sum(&[3.0, -4.0]), 25.0);
    let sums = [9.0, 16.0];
    for (max_norm, factor) in [(1.0, 0.2), (2.5, 0.5), (5.0, 1.0), (10.0, 1.0)] {
        assert_eq!(clip_factor(&sums, max_norm), factor);
    }
    assert_eq!(clip_factor(&[0.0], 1.0), 1.0);
    assert_eq!(clip_factor(&[f64::INFINITY, 1.0], 1.0), 0.0);
    assert!(clip_factor(&[1.0, f64::NAN], 1.0).is_nan());
    assert_eq!(clip(&[3.0, -4.0], 0.2), [3.0 * 0.2, -4.0 * 0.2]);
    assert!(clip(&[f64::INFINITY], 0.0)[0].is_nan());
}

fn net() -> Net {
    Net::new(6, 5, 2)
        .conv("conv", 3, square(3, 2, 1), true)
        .norm("norm")
        .relu("relu")
        .then("flatten", LayerKind::Flatten)
        .dense("fc", 4)
}

/// Gradients of all parameters, those that are used where the Program clips.
fn gradients(reference: &Reference, program: &Program, suffix: &str) -> Vec<f64> {
    let values = program.parameters().flat_map(|(_, parameter)| {
        let name = format!("d.{}{suffix}", parameter.name);
        let values = reference.value(tensor(program, &name));
        values.expect("computed")
    });
    values.collect()
}

/// The gradients themselves are held against differences of the loss by `nets.rs`.
#[test]
fn a_step_uses_all_gradients_times_one_factor() {
    let of_step = |workload: &Workload, suffix: &str| {
        let case = case_of(workload, 4);
        let mut reference = Reference::of_program(&case.program);
        reference.set_state(&case.state);
        reference.step(&case.batch);
        gradients(&reference, &case.program, suffix)
    };
    let plain = net().workload();
    let whole = of_step(&plain, "");
    let norm = whole.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert!(norm > 0.0);
    for share in [0.1, 0.9, 1.1] {
        let workload = Workload {
            global_clip_norm: Some(share * norm),
            ..plain.clone()
        };
        let used = of_step(&workload, ".clipped");
        assert_eq!(used.len(), whole.len());
        for (used, whole) in used.iter().zip(&whole) {
            let expected = whole * f64::min(share, 1.0);
            assert!(
                (used - expected).abs() <= 1e-12 * norm,
                "{used}, {expected}"
            );
        }
    }
}
