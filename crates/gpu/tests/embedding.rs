//! Nets on a text pass the gate, whatever is fused, and the same seed gives the same bits.

mod common;
#[path = "../../cpu/tests/common/texts.rs"]
mod texts;

use std::path::Path;

use common::{adapter, job, session};
use laptime_engine::{Job, Passes, Progress, gate::verify};
use laptime_gpu::GpuEngine;
use texts::nets;

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/texts-gpu");

#[test]
fn nets_on_texts_are_verified() {
    let Some(device) = adapter() else { return };
    for workload in nets(Path::new(FOLDER), 6) {
        for passes in [Passes::All, Passes::Only(Vec::new())] {
            let job = Job {
                passes: passes.clone(),
                ..job(workload.clone(), 20 * 6 + 5)
            };
            let verdict = verify(&GpuEngine::new(), &job, &device).unwrap();
            let name = &workload.dataset;
            assert!(verdict.is_verified(), "{name}, {passes:?}: {verdict}");
        }
    }
}

#[test]
fn runs_repeat_to_the_bit() {
    let Some(device) = adapter() else { return };
    for workload in nets(Path::new(FOLDER), 9) {
        let job = job(workload, 50);
        let run = || {
            let mut session = session(&job, &device);
            let order: Vec<u32> = (0..50).collect();
            let score = session.train(&order, &Progress::new()).unwrap().score;
            (score, session.state().unwrap())
        };
        assert_eq!(run(), run(), "{}", job.workload.dataset);
    }
}
