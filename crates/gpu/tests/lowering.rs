//! What is lowered, before it meets any adapter.

mod common;

use common::builtin;
use laptime_engine::Passes;
use laptime_gpu::{Forecast, Peaks, Target, lower};
use laptime_graph::{Mode, Program, build, schedule::Schedule};

fn lowered(name: &str, target: Target) -> (Program, Schedule) {
    let workload = builtin(name, None);
    let program = build(&workload, Mode::Training, workload.batch_size);
    let schedule = lower(&program, target, &Passes::All).unwrap();
    (program, schedule)
}

#[test]
fn steps_keep_to_their_budget_of_dispatches() {
    for (name, budget) in [("fashion-mnist", 8), ("cifar10-resnet50", 420)] {
        let (program, schedule) = lowered(name, Target::COMMON);
        let forecast = Forecast::of(&program, &schedule, Peaks::ASSUMED);
        let dispatches = forecast.dispatches.len();
        assert!(dispatches <= budget, "{name}: {dispatches}");
        assert!(forecast.to_string().contains("predicted, not measured"));
    }
}

#[test]
fn no_tensor_lies_across_two_chunks() {
    for chunk_bytes in [16 << 20, 40 << 20, 128 << 20] {
        let (program, schedule) = lowered(
            "cifar10-resnet50",
            Target {
                chunk_bytes,
                bindings: 16,
            },
        );
        for buffer in &schedule.buffers {
            let chunk = |byte: usize| byte / chunk_bytes;
            let name = &program.tensor(buffer.tensor).name;
            let last = buffer.offset_bytes + buffer.bytes - 1;
            assert_eq!(chunk(buffer.offset_bytes), chunk(last), "{name}");
            assert!(buffer.offset_bytes.is_multiple_of(256), "{name}");
        }
    }
}

#[test]
fn a_tensor_larger_than_a_chunk_is_named() {
    let workload = builtin("cifar10-resnet50", None);
    let program = build(&workload, Mode::Training, workload.batch_size);
    let target = Target {
        chunk_bytes: 1 << 20,
        bindings: 16,
    };
    let what = lower(&program, target, &Passes::All).unwrap_err();
    assert!(what.contains("weight") && what.contains("bytes"), "{what}");
}

/// What a workgroup has to itself says nothing of the next kernel's workgroups: without a barrier
/// between, the check objects.
#[test]
fn a_barrier_left_out_is_found() {
    let (program, mut schedule) = lowered("fashion-mnist", Target::COMMON);
    assert_eq!(schedule.check(&program), Ok(()));
    schedule.stages[0].barrier = false;
    let what = schedule.check(&program).unwrap_err();
    assert!(what.contains("between two barriers"), "{what}");
}
