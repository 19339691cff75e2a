//! Nets on a text pass the gate on every instruction set, in both precisions; the number of threads changes no bit, and
//! symbols that a table has no row for are refused.
#![cfg(not(miri))] // it reads files

mod common;

use std::{path::Path, sync::Arc};

use common::{assert_verified, bits, device, in_bf16, job, texts::nets};
use laptime_cpu::{CpuEngine, Isa, Target, lower};
use laptime_engine::{Engine, Job, Passes};
use laptime_graph::{Embedding, Mode, build};
use laptime_workload::LayerKind;

const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/texts-cpu");

#[test]
fn nets_on_texts_are_verified() {
    for workload in nets(Path::new(FOLDER), 7) {
        for workload in [workload.clone(), in_bf16(workload)] {
            assert_verified(&job(workload, 20 * 7 + 3, 2));
        }
    }
}

#[test]
fn threads_change_no_bit() {
    for workload in nets(Path::new(FOLDER), 18) {
        let of = |threads| bits(&job(workload.clone(), 50, threads), "portable");
        let one = of(1);
        for threads in [2, 3, 16] {
            assert_eq!(one, of(threads), "{}, {threads} threads", workload.dataset);
        }
    }
}

#[test]
fn symbols_without_a_row_are_refused() {
    let refused = |change: &dyn Fn(&mut Job)| {
        let mut job = job(nets(Path::new(FOLDER), 5).remove(0), 20, 1);
        change(&mut job);
        let refused = CpuEngine.compile(&job, &device("portable"));
        refused.err().expect("refused").to_string()
    };
    let error = refused(&|job| Arc::make_mut(&mut job.dataset).train.arrays[0].bytes[7] = 21);
    assert!(
        error.contains("a training sample has the symbol 21"),
        "{error}"
    );
    let error = refused(&|job| Arc::make_mut(&mut job.dataset).test.arrays[0].bytes[0] = 255);
    assert!(
        error.contains("a test sample has the symbol 255"),
        "{error}"
    );
    let error = refused(&|job| {
        let layer = &mut Arc::make_mut(&mut job.workload).layers[0];
        let LayerKind::Embedding(table) = &mut layer.kind else {
            panic!("it is the first layer");
        };
        table.symbols = 20;
    });
    assert!(error.contains("has no row for each symbol"), "{error}");
}

/// Unlike scaled pixels, what symbols name changes within a step.
#[test]
fn an_embedding_is_done_once() {
    let workload = nets(Path::new(FOLDER), 5).remove(0);
    let program = build(&workload, Mode::Training, 5);
    let target = Target {
        isa: Isa::portable(),
        threads: 2,
    };
    let sound = lower(&program, target, &Passes::All);
    assert_eq!(sound.check(&program), Ok(()));
    let mut stages = sound.stages.iter();
    let is_lookup = |id| program.operation(id).op == Embedding.into();
    let of_lookup = stages.find(|stage| {
        let mut kernels = stage.kernels.iter();
        kernels.any(|kernel| is_lookup(kernel.operations[0]))
    });
    let mut again = of_lookup.expect("it is done").clone();
    again
        .kernels
        .retain(|kernel| is_lookup(kernel.operations[0]));
    let mut twice = sound.clone();
    twice.stages.last_mut().expect("a stage").barrier = true;
    twice.stages.push(again);
    let found = twice.check(&program);
    assert!(found.is_err_and(|what| what.contains("is done twice")));
}
