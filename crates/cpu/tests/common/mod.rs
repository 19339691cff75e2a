//! What the tests of the CPU engine share: workloads from a few words, and jobs of synthetic data.
#![allow(dead_code)] // every test file is a program of its own and uses a part of this

pub mod autoencoders;
pub mod classes;
pub mod convolutions;
pub mod joins;
pub mod optimizers;
pub mod own_data;
pub mod planted;
pub mod texts;

use std::sync::Arc;

use laptime_cpu::CpuEngine;
use laptime_engine::{Device, Engine, Job, Passes, Progress, Session, gate::verify};
use laptime_workload::{
    Augment, Builtin, Loss, Overrides, Precision, Spec, Workload, dataset::synthetic, epoch_order,
};

/// The built-in workload.
pub fn fashion_mnist() -> Workload {
    let builtin = Builtin::find("fashion-mnist").unwrap();
    builtin.spec().resolve(&Overrides::default()).unwrap()
}

/// A net on Fashion-MNIST with hidden layers of these widths, ReLU behind each.
pub fn dense_net(hidden: &[usize], batch_size: usize) -> Workload {
    let mut layers = String::from("[[layer]]\nname = \"flatten\"\nkind = \"flatten\"\n");
    for (number, units) in hidden.iter().enumerate() {
        layers += &format!(
            "[[layer]]\nname = \"fc{number}\"\nkind = \"dense\"\nunits = {units}\n\
             [[layer]]\nname = \"relu{number}\"\nkind = \"relu\"\n"
        );
    }
    layers += "[[layer]]\nname = \"last\"\nkind = \"dense\"\nunits = 10\n";
    let builtin = Builtin::find("fashion-mnist").unwrap().text;
    let head = &builtin[..builtin.find("[[layer]]").unwrap()];
    let overrides = Overrides {
        batch_size: Some(batch_size as u64),
        ..Overrides::default()
    };
    Spec::parse(&(head.to_string() + &layers), "net.toml")
        .unwrap()
        .resolve(&overrides)
        .unwrap()
}

/// A net on Fashion-MNIST with these layers and this optimizer, as a spec writes them.
pub fn net(layers: &str, optimizer: &str, batch_size: usize) -> Workload {
    net_of(Loss::SoftmaxCrossEntropy, layers, optimizer, batch_size)
}

/// The same with this loss.
pub fn net_of(loss: Loss, layers: &str, optimizer: &str, batch_size: usize) -> Workload {
    let text = format!(
        "name = \"net\"\n{layers}\n[data]\ndataset = \"fashion-mnist\"\npixel_divisor = 255\n\
         [training]\nbatch_size = {batch_size}\nepochs = 1\nshuffle = true\nseed = 1\n\
         precision = \"fp32\"\nloss = \"{loss}\"\n[optimizer]\n{optimizer}"
    );
    let spec = Spec::parse(&text, "net.toml").unwrap_or_else(|error| panic!("{error}"));
    spec.resolve(&Overrides::default())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A small net with every kind of kernel that images have: convolutions, batch norms, a shortcut, pools,
/// dropout.
pub fn image_net(batch_size: usize) -> Workload {
    let layers = r#"layer = [
        { name = "c1", kind = "conv2d", filters = 20, kernel = 3, stride = 4, padding = "same", bias = true },
        { name = "bn1", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "relu1", kind = "relu" },
        { name = "pool", kind = "max_pool", size = 2, stride = 2, padding = "same" },
        { name = "c2", kind = "conv2d", filters = 20, kernel = 3, stride = 1, padding = "same", bias = false },
        { name = "bn2", kind = "batch_norm", epsilon = 1e-3, momentum = 0.9 },
        { name = "add", kind = "add", inputs = ["bn2", "pool"] },
        { name = "relu2", kind = "relu" },
        { name = "drop", kind = "dropout", rate = 0.25 },
        { name = "mean", kind = "global_avg_pool" },
        { name = "fc", kind = "dense", units = 10 },
    ]"#;
    let adam =
        "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n";
    net(layers, adam, batch_size)
}

/// The same workload with what products read rounded to bfloat16.
pub fn in_bf16(workload: Workload) -> Workload {
    Workload {
        precision: Precision::Bf16,
        ..workload
    }
}

/// The same workload with random crops and flips.
pub fn augmented(workload: Workload) -> Workload {
    Workload {
        augment: Some(Augment {
            crop_padding: 4,
            flip: true,
        }),
        ..workload
    }
}

/// A job on so many synthetic training samples and 50 test samples, or a few for Miri.
pub fn job(workload: Workload, samples: usize, threads: usize) -> Job {
    let tested = if cfg!(miri) { 5 } else { 50 };
    Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), samples, tested)),
        workload: Arc::new(workload),
        threads,
        passes: Passes::All,
        profile: false,
    }
}

/// A device with the kernels of this instruction set.
pub fn device(isa: &str) -> Device {
    Device {
        isa: Some(isa.into()),
        ..CpuEngine.devices().unwrap().remove(0)
    }
}

/// The names of the instruction sets that can be tested here.
pub fn instruction_sets() -> Vec<&'static str> {
    laptime_cpu::Isa::available()
        .into_iter()
        .map(laptime_cpu::Isa::as_str)
        .collect()
}

/// Has the gate judge a job on every instruction set, with all passes and with none.
pub fn assert_verified(job: &Job) {
    for passes in [Passes::All, Passes::Only(Vec::new())] {
        let job = Job {
            passes,
            ..job.clone()
        };
        for isa in instruction_sets() {
            let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
            let Job {
                workload, passes, ..
            } = &job;
            let dataset = workload.dataset.description();
            assert!(
                verdict.is_verified(),
                "{isa}, {passes:?}, {} classes of {}: {verdict}",
                dataset.classes,
                workload.dataset
            );
        }
    }
}

/// Two epochs on one, two and three threads have the same bits.
pub fn assert_threads_change_no_bit(workload: &Workload) {
    let of = |threads| bits(&job(workload.clone(), 50, threads), "portable");
    let one = of(1);
    assert_eq!(one, of(2));
    assert_eq!(one, of(3));
}

/// The job compiled for an instruction set.
pub fn session(job: &Job, isa: &str) -> Box<dyn Session> {
    CpuEngine.compile(job, &device(isa)).unwrap()
}

/// The bits of all losses of two epochs (under Miri of one), and of the state behind them.
pub fn bits(job: &Job, isa: &str) -> Vec<u64> {
    let samples = job.dataset.train.count();
    let mut session = session(job, isa);
    let mut bits = Vec::new();
    for epoch in 0..if cfg!(miri) { 1 } else { 2 } {
        let order = epoch_order(3, epoch, samples, true);
        bits.push(
            session
                .train(&order, &Progress::new())
                .unwrap()
                .score
                .loss_sum()
                .to_bits(),
        );
    }
    bits.push(
        session
            .evaluate(&Progress::new())
            .unwrap()
            .loss_sum()
            .to_bits(),
    );
    let state = session.state().unwrap();
    bits.extend(
        state
            .tensors
            .iter()
            .flat_map(|tensor| &tensor.values)
            .map(|v| v.to_bits()),
    );
    bits
}
