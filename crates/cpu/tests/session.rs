//! A session as its callers use it.

mod common;

use std::sync::Arc;

use common::{device, fashion_mnist, instruction_sets, job, session};
use laptime_cpu::CpuEngine;
use laptime_engine::{Engine, EngineError, NotFinite, Progress};
use laptime_workload::{Optimizer, Sgd, dataset::Dataset, epoch_order};

#[test]
fn a_net_learns_the_synthetic_classes() {
    for isa in instruction_sets() {
        let job = job(fashion_mnist(), 3000, 2);
        let mut session = session(&job, isa);
        for epoch in 0..4 {
            session
                .train(&epoch_order(1, epoch, 3000, true), &Progress::new())
                .unwrap();
        }
        let score = session.evaluate(&Progress::new()).unwrap();
        assert_eq!(score.samples, 50);
        assert!(score.mean(1) > 0.9, "{isa}: {}", score.mean(1));
    }
}

#[test]
fn a_state_comes_back_as_it_was_set_and_training_continues_from_it() {
    let job = job(fashion_mnist(), 320, 2);
    let isa = instruction_sets()[0];
    let (mut one, mut other) = (session(&job, isa), session(&job, isa));
    let order = epoch_order(1, 0, 320, true);
    one.train(&order, &Progress::new()).unwrap();
    let state = one.state().unwrap();
    assert_eq!(state.steps, 10);
    other.set_state(&state).unwrap();
    assert_eq!(other.state().unwrap(), state);
    let again = one.train(&order, &Progress::new()).unwrap().score;
    assert_eq!(other.train(&order, &Progress::new()).unwrap().score, again);
}

#[test]
fn an_order_of_no_samples_trains_nothing() {
    let mut session = session(&job(fashion_mnist(), 64, 2), "portable");
    let before = session.state().unwrap();
    let report = session.train(&[], &Progress::new()).unwrap();
    assert_eq!((report.score.samples, report.not_finite), (0, None));
    assert_eq!(report.step_s, Some(Vec::new()));
    assert_eq!(session.logits(&[]).unwrap(), [0.0; 0]);
    assert_eq!(session.state().unwrap(), before);
}

#[test]
fn a_wish_to_stop_ends_an_epoch_between_two_steps() {
    let job = job(fashion_mnist(), 3200, 2);
    let mut session = session(&job, "portable");
    let progress = Progress::new();
    progress.stop();
    let report = session
        .train(&epoch_order(1, 0, 3200, true), &progress)
        .unwrap();
    assert_eq!(report.score.samples, 32);
    assert_eq!(report.step_s.unwrap().len(), 1);
    assert_eq!(session.state().unwrap().steps, 1);
}

#[test]
fn the_first_step_whose_loss_is_not_finite_is_told_to_the_step() {
    let mut workload = fashion_mnist();
    workload.optimizer = Optimizer::Sgd(Sgd {
        learning_rate: 1e30,
        momentum: 0.0,
        nesterov: false,
        weight_decay: None,
        weights_only: false,
    });
    let job = job(workload, 32 * 12 + 5, 2);
    let order = epoch_order(1, 0, 32 * 12 + 5, true);
    for isa in instruction_sets() {
        // A step a call, each with a score of its own.
        let mut single = session(&job, isa);
        let first = order.chunks(32).position(|batch| {
            let report = single.train(batch, &Progress::new()).unwrap();
            assert_eq!(
                report.not_finite.is_none(),
                report.score.loss_sum().is_finite()
            );
            report.not_finite.is_some()
        });
        let first = 32 * first.expect("it diverges") as u64;
        assert!(
            first > 0,
            "{isa}: the first loss is that of the initial weights"
        );
        let report = session(&job, isa).train(&order, &Progress::new()).unwrap();
        let place = NotFinite {
            after: first,
            by: first + 32,
        };
        assert_eq!(report.not_finite, Some(place), "{isa}");
        assert_eq!(report.score.samples, order.len() as u64, "it trains on");
    }
}

#[test]
fn a_sample_that_is_not_there_is_refused() {
    let job = job(fashion_mnist(), 64, 1);
    let mut session = session(&job, "portable");
    let error = session.train(&[3, 64], &Progress::new()).unwrap_err();
    assert!(matches!(error, EngineError::Unsupported(_)));
    assert!(error.to_string().contains("sample 64"), "{error}");
}

/// Kernels write at the place of the label: they would write beyond the gradient.
#[test]
fn a_dataset_that_does_not_fit_the_workload_is_refused() {
    let good = job(fashion_mnist(), 64, 1);
    let refused = |change: &dyn Fn(&mut Dataset)| {
        let mut job = good.clone();
        change(Arc::make_mut(&mut job.dataset));
        let refused = CpuEngine.compile(&job, &device("portable")).err();
        let error = refused.expect("it does not fit");
        assert!(matches!(error, EngineError::Unsupported(_)));
        error.to_string()
    };
    let error = refused(&|dataset| dataset.train.array_mut("labels").bytes[7] = 10);
    assert!(error.contains("label 10"), "{error}");
    let error = refused(&|dataset| dataset.test.array_mut("labels").bytes[49] = 255);
    assert!(error.contains("label 255"), "{error}");
    let error = refused(&|dataset| dataset.train.array_mut("pixels").bytes.truncate(100));
    assert!(error.contains("100 bytes of pixels"), "{error}");
    let error = refused(&|dataset| dataset.test.array_mut("labels").bytes.push(0));
    assert!(error.contains("51 bytes of labels"), "{error}");
    let error = refused(&|dataset| dataset.description.columns[0].shape[0] = 27);
    assert!(error.contains("pixels u8 [27, 28, 1]"), "{error}");

    let mut narrow = good.clone();
    Arc::make_mut(&mut narrow.workload).classes = 200;
    let refused = CpuEngine.compile(&narrow, &device("portable")).err();
    assert!(refused.unwrap().to_string().contains("200 classes"));
}

#[test]
fn logits_are_those_of_the_samples_asked_for() {
    let job = job(fashion_mnist(), 64, 2);
    let mut session = session(&job, instruction_sets()[0]);
    let all: Vec<u32> = (0..50).collect();
    let logits = session.logits(&all).unwrap();
    assert_eq!(logits.len(), 500);
    assert_eq!(
        session.logits(&[49, 3]).unwrap(),
        [&logits[490..500], &logits[30..40]].concat()
    );
}

#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn a_session_within_processors_trains_there_to_the_same_bits_and_lets_its_caller_go() {
    // In a thread of its own: what it may use is its own, too.
    let test = std::thread::spawn(|| {
        let may_use = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            let list = status
                .lines()
                .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            list.unwrap().trim().to_owned()
        };
        let before = may_use();
        let last = before.split([',', '-']).next_back().unwrap().to_owned();
        if last == before {
            return; // a machine of one processor
        }
        let job = job(fashion_mnist(), 320, 1);
        let device = device(instruction_sets()[0]);
        let within = [last.parse().unwrap()];
        let mut kept = CpuEngine.compile_within(&within, &job, &device).unwrap();
        assert_eq!(kept.details()["processors"], last);
        let order = epoch_order(1, 0, 320, true);
        let score = kept.train(&order, &Progress::new()).unwrap().score;
        assert_eq!(may_use(), before);
        kept.evaluate(&Progress::new()).unwrap();
        assert_eq!(may_use(), before);
        let mut free = CpuEngine.compile(&job, &device).unwrap();
        assert!(!free.details().contains_key("processors"));
        let of_free = free.train(&order, &Progress::new()).unwrap().score;
        assert_eq!(score, of_free);
        assert_eq!(kept.state().unwrap(), free.state().unwrap());
        // Two threads do not fit.
        let two = laptime_engine::Job {
            threads: 2,
            ..job.clone()
        };
        let crowded = CpuEngine.compile_within(&within, &two, &device).unwrap();
        assert!(!crowded.details().contains_key("processors"));
    });
    test.join().unwrap();
}
