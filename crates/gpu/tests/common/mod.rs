//! What the tests of the GPU engine share: workloads from a few words, jobs of synthetic data, and
//! an adapter, if there is one.
#![allow(dead_code)] // every test file is a program of its own and uses a part of this

use std::sync::Arc;

use laptime_engine::{Device, Engine, Job, Passes, Session};
use laptime_gpu::GpuEngine;
use laptime_workload::{Builtin, Loss, Overrides, Spec, Workload, dataset::synthetic};

/// The adapter that tests run on: the first that is there, an emulator (Mesa's lavapipe) as good as
/// any. Without one a test has nothing to test, and says so.
pub fn adapter() -> Option<Device> {
    let devices = GpuEngine::new().devices().unwrap();
    if devices.is_empty() {
        eprintln!("skipped: no adapter; Debian's mesa-vulkan-drivers has an emulated one");
    }
    devices.into_iter().next()
}

/// The built-in workload of this name.
pub fn builtin(name: &str, batch_size: Option<u64>) -> Workload {
    let overrides = Overrides {
        batch_size,
        ..Overrides::default()
    };
    Builtin::find(name)
        .unwrap()
        .spec()
        .resolve(&overrides)
        .unwrap()
}

/// A net on this dataset with these layers and this optimizer, as a spec writes them.
pub fn net(dataset: &str, layers: &str, optimizer: &str, batch_size: usize) -> Workload {
    let loss = Loss::SoftmaxCrossEntropy;
    net_of(loss, dataset, layers, optimizer, batch_size)
}

/// The same with this loss.
pub fn net_of(
    loss: Loss,
    dataset: &str,
    layers: &str,
    optimizer: &str,
    batch_size: usize,
) -> Workload {
    let text = format!(
        "name = \"net\"\n{layers}\n[data]\ndataset = \"{dataset}\"\npixel_divisor = 255\n\
         [training]\nbatch_size = {batch_size}\nepochs = 1\nshuffle = true\nseed = 1\n\
         precision = \"fp32\"\nloss = \"{loss}\"\n[optimizer]\n{optimizer}"
    );
    let spec = Spec::parse(&text, "net.toml").unwrap_or_else(|error| panic!("{error}"));
    spec.resolve(&Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A net of dense layers on Fashion-MNIST, with ReLU behind each of these widths.
pub fn dense_net(hidden: &[usize], batch_size: usize) -> Workload {
    let mut layers = String::from("[[layer]]\nname = \"flatten\"\nkind = \"flatten\"\n");
    for (number, units) in hidden.iter().enumerate() {
        layers += &format!(
            "[[layer]]\nname = \"fc{number}\"\nkind = \"dense\"\nunits = {units}\n\
             [[layer]]\nname = \"relu{number}\"\nkind = \"relu\"\n"
        );
    }
    layers += "[[layer]]\nname = \"last\"\nkind = \"dense\"\nunits = 10\n";
    net("fashion-mnist", &layers, ADAM, batch_size)
}

pub const ADAM: &str =
    "kind = \"adam\"\nlearning_rate = 1e-3\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";

/// A job on so many synthetic training samples and 50 test samples.
pub fn job(workload: Workload, samples: usize) -> Job {
    Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), samples, 50)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    }
}

/// The job compiled for an adapter.
pub fn session(job: &Job, device: &Device) -> Box<dyn Session> {
    GpuEngine::new().compile(job, device).unwrap()
}
