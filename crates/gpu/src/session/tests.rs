use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use laptime_engine::Passes;
use laptime_workload::{Builtin, Overrides, dataset::synthetic};

use super::*;
use crate::{adapters::adapters, target::Target};

/// A session on so many synthetic samples, and an order of all of them.
fn session(samples: usize) -> Option<(GpuSession, Vec<u32>)> {
    let Some(found) = adapters().into_iter().next() else {
        eprintln!("skipped: no adapter");
        return None;
    };
    let builtin = Builtin::find("fashion-mnist").unwrap();
    let workload = builtin.spec().resolve(&Overrides::default()).unwrap();
    let job = Job {
        dataset: Arc::new(synthetic(workload.dataset.description(), samples, 50)),
        workload: Arc::new(workload),
        threads: 1,
        passes: Passes::All,
        profile: false,
    };
    let context = Context::open(&found, Target::MOST).unwrap();
    let session = GpuSession::new(&job, &found.device, context).unwrap();
    Some((session, (0..samples as u32).collect()))
}

#[test]
fn a_step_makes_nothing_on_the_device_and_reads_nothing_back() {
    let Some((mut session, order)) = session(32 * 48) else {
        return;
    };
    // Segments of eight steps, however long a step takes.
    session.steps.steps = 8;
    session.steps.time = Duration::from_secs(1_000_000);
    let counts = |session: &GpuSession| {
        let Context { made, read, .. } = &session.context;
        (made.load(Relaxed), read.load(Relaxed))
    };
    let (made, read) = counts(&session);
    let report = session.train(&order, &Progress::new()).unwrap();
    assert_eq!(report.score.samples, 32 * 48);
    let (made_then, read_then) = counts(&session);
    assert_eq!(made_then, made);
    // For each segment the log, and the clock where there is one.
    let reads = 1 + u64::from(session.context.tick_ns.is_some());
    assert_eq!(read_then - read, 6 * reads);
}

#[test]
fn a_device_that_is_lost_ends_the_training_with_an_error() {
    let Some((mut session, order)) = session(64) else {
        return;
    };
    session.train(&order, &Progress::new()).unwrap();
    session.context.make().destroy();
    let Err(EngineError::Failed(what)) = session.train(&order, &Progress::new()) else {
        panic!("it trained");
    };
    assert!(
        what.contains("was lost") && what.contains("--device cpu"),
        "{what}"
    );
}

#[test]
fn an_epoch_in_parts_is_the_epoch_in_one_go_to_the_bit() {
    let (Some((mut one, order)), Some((mut parts, _))) =
        (session(32 * 20 + 7), session(32 * 20 + 7))
    else {
        return;
    };
    let whole = one.train(&order, &Progress::new()).unwrap();
    let progress = Progress::new();
    let mut step_s = 0;
    let mut score = Score::default();
    for part in [&order[..32 * 3], &order[32 * 3..32 * 19], &order[32 * 19..]] {
        let report = parts.train(part, &progress).unwrap();
        step_s += report.step_s.map_or(0, |step_s| step_s.len());
        score = report.score;
        // As a caller does that reads the score between two parts.
        progress.tell(score);
    }
    assert_eq!(score, whole.score);
    assert_eq!(score.samples, order.len() as u64);
    assert_eq!(step_s, whole.step_s.map_or(0, |step_s| step_s.len()));
    assert_eq!(parts.state().unwrap(), one.state().unwrap());
    assert_eq!(parts.state().unwrap().steps, 21);
}

/// As a slow device is given it, whose step might keep Windows waiting.
#[test]
fn a_step_in_many_submissions_is_the_step_in_one_to_the_bit() {
    let (Some((mut whole, order)), Some((mut parts, _))) = (session(32 * 3), session(32 * 3))
    else {
        return;
    };
    for batch in order.chunks(32) {
        for (session, dispatches) in [(&mut whole, usize::MAX), (&mut parts, 3)] {
            session.paces[0].set(Pace {
                dispatches,
                ..Pace::UNKNOWN
            });
            let report = session.train(batch, &Progress::new()).unwrap();
            if let Some(step_s) = report.step_s {
                assert_eq!(step_s.len(), 1);
                assert!(step_s[0] > 0.0);
            }
        }
    }
    assert!(whole.training().dispatch_count() > 6);
    assert_eq!(parts.state().unwrap(), whole.state().unwrap());
}
