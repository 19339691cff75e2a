//! `--save`: the parameters that are written are the ones that were tested.

mod support;

use std::{fs, sync::Arc};

use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, Job, Passes, Progress};
use laptime_workload::{Builtin, Overrides, dataset::synthetic};
use safetensors::SafeTensors;
use support::{Home, json};

#[test]
fn saved_parameters_read_back_give_the_same_accuracy() {
    let home = Home::new();
    let done = home.laptime(
        "run --data synthetic --max-steps 60 --quiet --save net.safetensors --export-json r.json",
    );
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let told = &json(&home.path("r.json"))["runs"][0]["test"];

    let spec = Builtin::find("fashion-mnist").unwrap().spec();
    let workload = spec.resolve(&Overrides::default()).unwrap();
    let official = workload.dataset.official();
    let job = Job {
        // The training samples are not asked for; one will do.
        dataset: Arc::new(synthetic(workload.dataset, 1, official.test_samples)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    };
    let device = CpuEngine.devices().unwrap().remove(0);
    let mut session = CpuEngine.compile(&job, &device).unwrap();
    let bytes = fs::read(home.path("net.safetensors")).unwrap();
    let saved = SafeTensors::deserialize(&bytes).unwrap();
    let mut state = session.state().unwrap();
    for name in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
        let view = saved.tensor(name).unwrap();
        let tensor = state
            .tensors
            .iter_mut()
            .find(|tensor| tensor.name == name)
            .unwrap();
        assert_eq!(view.shape(), tensor.shape, "{name}");
        tensor.values = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())))
            .collect();
    }
    session.set_state(&state).unwrap();
    let score = session.evaluate(&Progress::new()).unwrap();
    assert_eq!(told["accuracy"].as_f64(), Some(score.accuracy()));
    assert_eq!(told["loss"].as_f64(), Some(score.loss()));
    assert!(
        score.accuracy() > 0.3,
        "60 steps teach something: {}",
        score.accuracy()
    );
}
