//! `--save`: the model that is written is the one that was tested.

use std::{fs, path::Path, sync::Arc};

use crate::support::{Home, json, metric};
use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, Job, Passes, Progress};
use laptime_workload::{Overrides, Spec, dataset::synthetic};
use safetensors::SafeTensors;

/// Trains so many steps of a workload's file and saves; then the file's tensors, which must be
/// `names`, in the place of those of a new session must give the score that was told.
fn assert_reads_back(spec: &str, max_steps: u64, names: &[&str]) {
    let home = Home::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../workload/workloads")
        .join(spec);
    fs::copy(&path, home.path("net.toml")).expect("it is there");
    let done = home.laptime(&format!(
        "run net.toml --data synthetic --max-steps {max_steps} --quiet --save net.safetensors \
         --export-json r.json"
    ));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let told = &json(&home.path("r.json"))["runs"][0]["test"];

    let spec = Spec::read(&path).unwrap();
    let workload = spec.resolve(&Overrides::default()).unwrap();
    let data = workload.dataset.description();
    let job = Job {
        // The training samples are not asked for; one will do.
        dataset: Arc::new(synthetic(
            workload.dataset.description(),
            1,
            data.test_samples,
        )),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    };
    let device = CpuEngine.devices().unwrap().remove(0);
    let mut session = CpuEngine.compile(&job, &device).unwrap();
    let bytes = fs::read(home.path("net.safetensors")).unwrap();
    let saved = SafeTensors::deserialize(&bytes).unwrap();
    let mut found = saved.names();
    found.sort_unstable();
    assert_eq!(found, names);
    let mut state = session.state().unwrap();
    for (name, view) in saved.iter() {
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
    assert_eq!(metric(told, "accuracy").as_f64(), Some(score.mean(1)));
    assert_eq!(metric(told, "loss").as_f64(), Some(score.loss()));
    assert!(
        score.mean(1) > 0.3,
        "{max_steps} steps teach something: {}",
        score.mean(1)
    );
}

#[test]
fn saved_parameters_read_back_give_the_same_accuracy() {
    let names = ["fc1.bias", "fc1.weight", "fc2.bias", "fc2.weight"];
    assert_reads_back("fashion-mnist.toml", 60, &names);
}

/// The moving statistics of a batch norm are not trained, but a test needs them.
#[test]
fn a_saved_net_with_batch_norm_reads_back_whole() {
    let names = [
        "batch_norm1.bias",
        "batch_norm1.running_mean",
        "batch_norm1.running_var",
        "batch_norm1.weight",
        "conv2d1.bias",
        "conv2d1.weight",
        "conv2d2.weight",
        "dense1.bias",
        "dense1.weight",
    ];
    assert_reads_back("examples/small-cnn.toml", 60, &names);
    let names = [
        "batch_norm1.bias",
        "batch_norm1.running_mean",
        "batch_norm1.running_var",
        "batch_norm1.weight",
        "batch_norm2.bias",
        "batch_norm2.running_mean",
        "batch_norm2.running_var",
        "batch_norm2.weight",
        "dense1.bias",
        "dense1.weight",
        "dense2.bias",
        "dense2.weight",
        "dense3.bias",
        "dense3.weight",
    ];
    assert_reads_back("examples/mlp.toml", 100, &names);
}
