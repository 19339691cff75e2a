//! What is written to a checkpoint's file comes back, and what is not is refused. Not in `file.rs`, which
//! the fuzz targets have too (`fuzz/entries.rs`).

use laptime_engine::Score;
use laptime_graph::{State, StateTensor};
use laptime_measure::{Divergence, Epoch, Metrics, Resumption, SoFar};

use safetensors::SafeTensors;

use super::file::{Checkpoint, Identity, bytes_of, checkpoint_of, digest, read, write};

/// Values that are easily lost: one that single precision does not have, what is not finite,
/// the zero below zero, a subnormal.
fn checkpoint() -> Checkpoint {
    let tensor = |name: &str, values: &[f64]| StateTensor {
        name: name.into(),
        shape: vec![values.len()],
        values: values.to_vec(),
    };
    Checkpoint {
        identity: Identity {
            workload: "net".into(),
            training: "sha256:00".into(),
            seed: u64::MAX,
            dataset: "11".into(),
            trained_by: "laptime".into(),
        },
        state: State {
            steps: 7,
            tensors: vec![
                tensor("a.weight", &[1.5, -0.0, f64::INFINITY, f64::from(1e-42f32)]),
                tensor("a.weight.m", &[0.1, 5e-324]),
            ],
        },
        so_far: SoFar {
            epochs: vec![Epoch {
                train_s: 0.1,
                metrics: Metrics::of_classifier(0.1 + 0.2, 1.0 / 3.0),
                samples: 96,
            }],
            score: Score {
                samples: 32,
                sums: [f64::INFINITY, 3.0],
            },
            epoch_s: 0.7,
            step_s: Some(vec![0.1, 0.2]),
            peak_memory_bytes: Some(1 << 40),
            resumed: vec![Resumption {
                step: 2,
                before: Some("another".into()),
            }],
            diverged: Some(Divergence {
                epoch: 2,
                step: 1,
                last_step: 1,
            }),
            ..SoFar::nothing()
        },
    }
}

#[test]
fn what_is_written_comes_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    assert_eq!(read(&path, 6), Ok(None));
    write(&path, checkpoint()).unwrap();
    let again = read(&path, 6).unwrap().unwrap();
    assert_eq!(again, checkpoint());
    let zero = again.state.tensors[0].values[1];
    assert!(zero.is_sign_negative());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[test]
fn metrics_of_any_names_come_back() {
    let mut written = checkpoint();
    written.so_far.epochs[0].metrics = Metrics::new([("loss", "squared", 0.25)]);
    written.so_far.score.sums[1] = 0.0;
    let bytes = bytes_of(written.clone()).unwrap();
    assert_eq!(checkpoint_of(&bytes), Ok(written));
}

#[test]
fn every_damage_is_noticed() {
    let whole = bytes_of(checkpoint()).unwrap();
    assert!(checkpoint_of(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(checkpoint_of(&whole[..length]).is_err(), "{length} bytes");
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        // What stays the same when a bit of JSON's punctuation or padding turns is no damage.
        if let Ok(other) = checkpoint_of(&damaged) {
            assert_eq!(other, checkpoint(), "byte {at}");
        }
    }
}

#[test]
fn counts_that_are_not_whole_are_refused() {
    for wrong in [32.5, f64::NAN] {
        let mut bytes = bytes_of(checkpoint()).unwrap();
        replace(&mut bytes, 32.0, wrong);
        let told = checkpoint_of(&signed(bytes)).unwrap_err();
        assert!(told.contains("laptime/epoch"), "{told}");
    }
}

/// Puts one number in the place of another.
fn replace(bytes: &mut [u8], from: f64, to: f64) {
    let at = bytes
        .windows(8)
        .position(|found| found == from.to_le_bytes());
    let at = at.expect("it is there");
    bytes[at..at + 8].copy_from_slice(&to.to_le_bytes());
}

/// The same with the right digest.
fn signed(bytes: Vec<u8>) -> Vec<u8> {
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut words = header.metadata().clone().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> = file.iter().collect();
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    let sum = digest(&words["laptime"], &tensors);
    words.insert("sha256".into(), sum);
    safetensors::serialize(tensors, Some(words)).unwrap()
}

#[test]
fn a_header_that_claims_the_world_gets_nothing() {
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.extend(b"{}");
    assert!(checkpoint_of(&bytes).is_err());
    let header = r#"{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,9223372036854775808]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    assert!(checkpoint_of(&bytes).is_err());
}
