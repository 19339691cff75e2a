//! The masks that peers are given in the gate are the Program's, bit for bit.

mod common;

use std::{path::Path, process::Command};

use common::python;
use laptime_graph::Dropout;

/// What NumPy's side makes of a layer in a step.
fn factors(python: &Path, dropout: &Dropout, step: u64, count: usize) -> Vec<f64> {
    let Dropout { rate, seed, layer } = dropout;
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let program = format!(
        "import sys; sys.path.insert(0, {scripts:?})\n\
         import dropout\n\
         sys.stdout.buffer.write(dropout.factors({rate:?}, {seed}, {layer}, {step}, {count})\
         .astype('<f8').tobytes())"
    );
    let output = Command::new(python)
        .args(["-I", "-B", "-c", &program])
        .output()
        .expect("it starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let (values, _) = output.stdout.as_chunks();
    values
        .iter()
        .map(|value| f64::from_le_bytes(*value))
        .collect()
}

#[test]
fn the_masks_in_numpy_are_the_programs_bit_for_bit() {
    let Some(python) = python() else {
        return;
    };
    for (rate, seed, layer, step, count) in [
        (0.5, 1, 18, 1, 8192),
        (0.2, 20, 4, 20, 1001),
        (0.1, u64::MAX, 0, 3, 7),
        (0.999, 1 << 40, 1000, 4_000_000_000, 4),
        (0.0, 0, 2, 2, 1),
    ] {
        let dropout = Dropout { rate, seed, layer };
        let given = factors(&python, &dropout, step, count);
        let expected: Vec<f64> = (0..count as u64)
            .map(|index| dropout.factor(step, index))
            .collect();
        assert_eq!(given.len(), expected.len());
        let differ = given
            .iter()
            .zip(&expected)
            .position(|(a, b)| a.to_bits() != b.to_bits());
        assert_eq!(differ, None, "{dropout:?}, step {step}");
    }
}
