//! Losses of a longer training follow those of the CPU engine, which is another lowering of the same
//! Program.

mod common;

use std::sync::Arc;

use common::{adapter, builtin, job, session};
use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, Job, Progress};
use laptime_workload::{
    dataset::{DataSource, LoadOptions, Silent, load},
    epoch_order,
};

/// What the mean losses of ten steps may differ by. Rounding makes 3·10⁻⁷ over 50 steps; a learning
/// rate 1 % off 5·10⁻³.
const BOUND: f64 = 1e-4;

/// On the real samples, where they are in the cache, and otherwise on synthetic ones.
#[test]
fn losses_of_200_steps_follow_the_cpus() {
    let Some(device) = adapter() else { return };
    // No test needs a network.
    let options = LoadOptions {
        offline: true,
        ..LoadOptions::default()
    };
    let loaded = load(
        &DataSource::find("fashion-mnist").unwrap().into(),
        &options,
        &mut Silent,
    )
    .unwrap();
    eprintln!("on samples that are {:?}", loaded.dataset.origin);
    let job = Job {
        dataset: Arc::new(loaded.dataset),
        ..job(builtin("fashion-mnist", None), 32)
    };
    let cpu = CpuEngine.devices().unwrap().remove(0);
    let mut sessions = [
        CpuEngine.compile(&job, &cpu).unwrap(),
        session(&job, &device),
    ];
    let order = epoch_order(1, 0, job.dataset.train.count(), true);
    for (number, ten) in order.chunks(320).take(20).enumerate() {
        let [expected, given] = sessions
            .each_mut()
            .map(|session| session.train(ten, &Progress::new()).unwrap().score.loss());
        let difference = (given - expected).abs() / expected;
        assert!(
            difference < BOUND,
            "steps from {}: {difference:e}",
            10 * number
        );
    }
}
