//! Sweeps: lines, and where the order of two turns.

mod sample;

use laptime_results::{
    GateVerdict, Style, render_beside_sweeps, render_crossing, render_sweep,
    sweep::{Axis, Lead, Point, Sweep, SweepSchema, crossing, json, published, read},
};

const SIZES: [u64; 5] = [16, 32, 64, 128, 256];

/// A sweep of steps that take an overhead and so long a sample, with a little noise.
fn swept(overhead_s: f64, sample_s: f64) -> Sweep {
    let record = sample::record(&[1.0]);
    let noise = |round: usize, place: usize| 1.0 + 0.002 * ((7 * round + 3 * place) % 5) as f64;
    let point = |(place, size): (usize, &u64)| Point {
        batch_size: *size,
        width: 1,
        threads: None,
        digest: format!("sha256:{size}"),
        gate: record.gate.clone(),
        model_flops_per_step: 1_000 * size,
        steps_per_round: 100,
        step_s: (0..12)
            .map(|round| (overhead_s + sample_s * *size as f64) * noise(round, place))
            .collect(),
    };
    Sweep {
        schema: SweepSchema::V1,
        id: record.id.clone(),
        created: record.created.clone(),
        laptime: record.laptime.clone(),
        axis: Axis::BatchSize,
        workload: record.workload.name.clone(),
        built_in: true,
        precision: "fp32".into(),
        dataset: record.dataset.clone(),
        engine: record.engine.clone(),
        device: record.device.clone(),
        machine: record.machine.clone(),
        points: SIZES.iter().enumerate().map(point).collect(),
        telemetry: None,
    }
}

fn style(width: usize) -> Style {
    Style {
        width,
        colour: false,
    }
}

#[test]
fn overhead_and_throughput_are_told_apart() {
    let sweep = swept(50e-6, 1e-6);
    let line = sweep.line().expect("five sizes");
    assert!((line.overhead_s / 50e-6 - 1.0).abs() < 0.05, "{line:?}");
    assert!((line.s_per_unit / 1e-6 - 1.0).abs() < 0.05, "{line:?}");
    let text = render_sweep(&sweep, style(80));
    for words in [
        "Overhead is half of a step at batch 5",
        "verified",
        "samples/s",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    for width in [40, 80] {
        let text = render_sweep(&sweep, style(width));
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(width), "{text}");
    }
}

/// Others' sweeps are shown with what differs, for the batch sizes that both have, and enter no comparison.
#[test]
fn published_sweeps_are_references_beside_the_same_net_alone() {
    for it in published::all() {
        assert!(!it.differs.is_empty() && !it.source.is_empty(), "{it:?}");
        assert_eq!(it.epoch_s.len(), 6);
        for times in it.epoch_s.values() {
            assert_eq!(times.len(), it.batch_size.len());
        }
    }
    let fashion = swept(50e-6, 1e-6);
    assert!(published::beside(&[&fashion]).is_empty());
    let mut sweep = Sweep {
        workload: "cifar100-resnet50".into(),
        ..fashion
    };
    sweep.dataset.train_samples = 50_000;
    sweep.points.remove(0);
    let [keras, pytorch] = &published::beside(&[&sweep])[..] else {
        panic!("two frameworks")
    };
    assert_eq!(keras.batch_size, SIZES[1..]);
    assert_eq!(
        keras.epoch_s[0],
        ("Apple M1 Pro", vec![100.5, 57.7, 47.9, 45.1])
    );
    let step_s = sweep.points[0].median_s();
    assert!((keras.own_epoch_s[0][0] / (1_563.0 * step_s) - 1.0).abs() < 1e-12);
    assert!(pytorch.note().contains("CIFAR-10's images"));
    let text = render_sweep(&sweep, style(100));
    for words in [
        "not comparable",
        "NVIDIA Titan RTX",
        "pixels are not scaled",
        "batch 256",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("batch 512"), "{text}");

    // In its file, and read back without them.
    let file: serde_json::Value = serde_json::from_str(&json(&sweep)).unwrap();
    let of_keras = &file["references"][0];
    assert_eq!(of_keras["engine"], "Keras, TensorFlow");
    assert_eq!(of_keras["batch_size"][0], 32);
    assert_eq!(of_keras["epoch_s"]["Apple M1 Pro"][0], 100.5);
    assert!(of_keras["differs"][0] == "pixels are not scaled");
    assert_eq!(of_keras["own_epoch_s"][0], keras.own_epoch_s[0][0]);
    assert_eq!(read(json(&sweep).as_bytes()), Some(Ok(sweep.clone())));

    // Beside two sweeps, at the batch sizes of both.
    let mut fewer = sweep.clone();
    fewer.points.remove(0);
    let text = render_beside_sweeps(&[&sweep, &fewer], &["a.json", "b.json"], style(100));
    for words in ["a.json", "b.json", "NVIDIA Titan RTX", "One run each"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(
        text.contains("batch 64") && !text.contains("batch 32"),
        "{text}"
    );
    fewer.workload = "cifar10-resnet50".into();
    assert_eq!(
        render_beside_sweeps(&[&sweep, &fewer], &["a", "b"], style(100)),
        ""
    );
    let others: [fn(&mut Sweep); 3] = [
        |it| it.built_in = false,
        |it| it.axis = Axis::Width,
        |it| it.points.truncate(0),
    ];
    for change in others {
        let mut other = sweep.clone();
        change(&mut other);
        assert!(published::beside(&[&other]).is_empty());
    }
}

#[test]
fn the_order_turns_where_it_was_planted() {
    // Equal at 20e-6 + 2e-6·x = 100e-6 + 1e-6·x: 80.
    let (quick, strong) = (swept(20e-6, 2e-6), swept(100e-6, 1e-6));
    let found = crossing(&quick, &strong).expect("both have lines");
    assert!(found.small.lead() == Lead::First && found.large.lead() == Lead::Second);
    assert!(found.reasons.is_empty());
    let turn = found.turn.expect("they cross");
    assert!(
        (turn.x - 80.0).abs() < 4.0 && !turn.is_extrapolated,
        "{turn:?}"
    );
    let text = render_crossing(&found, ["A", "B"], style(200));
    assert!(text.contains("A is faster, above it B"), "{text}");
    let other_way = crossing(&strong, &quick).expect("both have lines");
    assert_eq!(other_way.small.lead(), Lead::Second);

    let better = crossing(&swept(20e-6, 1e-6), &swept(100e-6, 2e-6)).expect("lines");
    let text = render_crossing(&better, ["A", "B"], style(80));
    assert!(text.contains("A is faster from batch 16 to 256."), "{text}");
}

#[test]
fn what_noise_and_occasions_explain_is_no_lead() {
    let one = swept(50e-6, 1e-6);
    // Itself, and a sweep 6 % slower, as another day may be.
    for other in [swept(50e-6, 1e-6), swept(53e-6, 1.06e-6)] {
        let found = crossing(&one, &other).expect("lines");
        assert_eq!(found.small.lead(), Lead::Neither);
        assert_eq!(found.large.lead(), Lead::Neither);
        let text = render_crossing(&found, ["A", "B"], style(80));
        assert!(text.contains("cannot be told apart"), "{text}");
    }
    let partly = crossing(&one, &swept(70e-6, 1e-6)).expect("lines");
    let text = render_crossing(&partly, ["A", "B"], style(200));
    assert!(
        text.contains("A is faster at batch 16; at batch 256"),
        "{text}"
    );
    let mut few = one.clone();
    for point in &mut few.points {
        point.step_s.truncate(2);
    }
    assert_eq!(crossing(&one, &few), None);
}

#[test]
fn other_trainings_are_named() {
    let (one, mut other) = (swept(20e-6, 2e-6), swept(100e-6, 1e-6));
    other.points[2].digest = "sha256:other".into();
    other.points[1].gate.verdict = GateVerdict::Failed;
    let reasons = crossing(&one, &other).expect("lines").reasons.join("; ");
    assert!(reasons.contains("batch 64"), "{reasons}");
    assert!(reasons.contains("not each point is verified"), "{reasons}");
    // Another precision is what one may ask about.
    other.precision = "bf16".into();
    other.points[1].gate.verdict = GateVerdict::Verified;
    assert!(crossing(&one, &other).expect("lines").reasons.is_empty());
}

#[test]
fn a_sweep_reads_back_and_what_cannot_be_is_refused() {
    let sweep = swept(20e-6, 2e-6);
    let text = json(&sweep);
    assert_eq!(read(text.as_bytes()), Some(Ok(sweep.clone())));
    assert_eq!(read(b"{}"), None);
    assert_eq!(read(b"not JSON"), None);
    let record = laptime_results::export::json(&sample::record(&[1.0]));
    assert_eq!(read(record.as_bytes()), None);
    let refused = |change: &dyn Fn(&mut Sweep)| {
        let mut sweep = sweep.clone();
        change(&mut sweep);
        read(json(&sweep).as_bytes()).is_some_and(|read| read.is_err())
    };
    assert!(refused(&|it| it.points.clear()));
    assert!(refused(&|it| it.points.reverse()));
    assert!(refused(&|it| it.points[0].step_s.clear()));
    assert!(refused(&|it| it.points[0].step_s[0] = -1.0));
    assert!(refused(&|it| it.points[0].step_s[0] = 1e300));
    assert!(refused(&|it| it.points[0].batch_size = 0));
    assert!(refused(&|it| it.points[0].step_s = vec![1e-3; 1_001]));
    assert!(refused(&|it| it.points[4].batch_size = u64::MAX));
    assert!(read(&text.as_bytes()[..text.len() / 2]).is_some_and(|read| read.is_err()));
    let newer = text.replace("laptime.sweep.v1", "laptime.sweep.v9");
    assert!(read(newer.as_bytes()).is_some_and(|read| read.is_err()));
}
