//! What the tests of peers share.
#![allow(
    dead_code,
    reason = "every test file is a program of its own and uses a part of this"
)]

use std::{env, path::PathBuf, process::Command, sync::Arc};

use laptime_engine::{Device, DeviceKind, Job, Passes};
use laptime_peers::{FRAMEWORKS, environment_dir};
use laptime_workload::{Builtin, Overrides, Spec, Workload, dataset::synthetic};

/// The built-in workload.
pub fn fashion_mnist() -> Workload {
    let builtin = Builtin::find("fashion-mnist").expect("it is built in");
    let resolved = builtin.spec().resolve(&Overrides::default());
    resolved.expect("it resolves")
}

/// A small net with every kind of layer.
pub fn every_layer() -> Workload {
    let spec = Spec::parse(
        include_str!("../specs/every-layer.toml"),
        "every-layer.toml",
    );
    let resolved = spec.expect("it parses").resolve(&Overrides::default());
    resolved.expect("it resolves")
}

/// The example with dropout between dense layers.
pub fn mlp() -> Workload {
    let text = include_str!("../../../workload/workloads/examples/mlp.toml");
    let spec = Spec::parse(text, "mlp.toml").expect("it parses");
    spec.resolve(&Overrides::default()).expect("it resolves")
}

/// The example that gives its input back.
pub fn autoencoder() -> Workload {
    let text = include_str!("../../../workload/workloads/examples/autoencoder.toml");
    let spec = Spec::parse(text, "autoencoder.toml").expect("it parses");
    spec.resolve(&Overrides::default()).expect("resolves")
}

/// A job on so many synthetic training samples and 50 test samples.
pub fn job(workload: Workload, samples: usize) -> Job {
    Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), samples, 50)),
        workload: Arc::new(workload),
        threads: 2,
        passes: Passes::All,
        profile: false,
    }
}

/// The processor.
pub fn cpu() -> Device {
    Device {
        kind: DeviceKind::Cpu,
        name: "cpu".into(),
        threads: None,
        isa: None,
        driver: None,
        software: false,
    }
}

/// A Python that has NumPy: the system's, or that of a framework; without one there is nothing to
/// test.
pub fn python() -> Option<PathBuf> {
    let stated = FRAMEWORKS
        .iter()
        .filter_map(|framework| env::var_os(framework.variable).map(PathBuf::from));
    let installed = FRAMEWORKS
        .iter()
        .filter_map(|framework| Some(environment_dir(framework).ok()?.join("bin/python")));
    let mut candidates = stated.chain(["python3".into()]).chain(installed);
    let found = candidates.find(|python| {
        let has_numpy = Command::new(python)
            .args(["-I", "-c", "import numpy"])
            .output();
        has_numpy.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: there is no Python with NumPy; LAPTIME_PEER_JAX can name one");
    }
    found
}
