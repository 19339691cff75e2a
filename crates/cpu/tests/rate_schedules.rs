//! Every schedule of the learning rate passes the gate, with each optimizer; a training that does not keep to
//! it does not.

mod common;

use common::{device, instruction_sets, job, net};
use laptime_cpu::CpuEngine;
use laptime_engine::gate::{Verdict, verify, verify_against};
use laptime_workload::{RateSchedule, Workload};

const OPTIMIZERS: [&str; 2] = [
    "kind = \"sgd\"\nlearning_rate = 0.1\nmomentum = 0.9\n",
    "kind = \"adam\"\nlearning_rate = 0.001\nbeta1 = 0.9\nbeta2 = 0.999\nepsilon = 1e-7\n",
];

const SCHEDULES: [&str; 3] = [
    "[schedule]\nkind = \"cosine\"\nwarmup_steps = 3\ndecay_steps = 9\nfinal_share = 0.1\n",
    "[schedule]\nkind = \"linear\"\nwarmup_steps = 0\ndecay_steps = 12\nfinal_share = 0.0\n",
    "[schedule]\nkind = \"step\"\nwarmup_steps = 2\nevery_steps = 3\nfactor = 0.5\n",
];

fn with(optimizer: &str, schedule: &str) -> Workload {
    let layers = r#"layer = [
        { name = "flatten", kind = "flatten" },
        { name = "fc1", kind = "dense", units = 21 },
        { name = "relu", kind = "relu" },
        { name = "fc2", kind = "dense", units = 10 },
    ]"#;
    net(layers, &format!("{optimizer}{schedule}"), 8)
}

#[test]
fn schedules_are_verified() {
    for optimizer in OPTIMIZERS {
        for schedule in SCHEDULES {
            for isa in instruction_sets() {
                let job = job(with(optimizer, schedule), 165, 2);
                assert!(job.workload.rate_schedule.is_some());
                let verdict = verify(&CpuEngine, &job, &device(isa)).unwrap();
                assert!(verdict.is_verified(), "{isa}, {schedule}: {verdict}");
            }
        }
    }
}

#[test]
fn a_training_that_does_not_keep_to_its_schedule_is_caught() {
    for optimizer in OPTIMIZERS {
        let truth = job(with(optimizer, SCHEDULES[0]), 165, 2);
        let late = RateSchedule::Cosine {
            warmup_steps: 3,
            decay_steps: 10,
            final_share: 0.1,
        };
        for planted in [None, Some(late)] {
            let mut workload = with(optimizer, SCHEDULES[0]);
            workload.rate_schedule = planted;
            let planted_job = job(workload, 165, 2);
            let verdict =
                verify_against(&CpuEngine, &planted_job, &device("portable"), &truth).unwrap();
            assert!(
                matches!(verdict, Verdict::Failed { .. }),
                "{planted:?}: {verdict}"
            );
        }
    }
}
