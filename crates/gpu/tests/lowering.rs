//! What is lowered, before it meets any adapter.

mod common;

use common::builtin;
use laptime_engine::Passes;
use laptime_gpu::{Forecast, Peaks, Target, lower};
use laptime_graph::{
    Mode, Op, Program, Uses, build,
    schedule::{Layout, Schedule},
};

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
                ..Target::COMMON
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
        ..Target::COMMON
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

/// A dispatch of updates binds the chunks of all that it updates: where an adapter binds few, there
/// are several dispatches, each within the limit, and every update is in one of them.
#[test]
fn updates_are_split_where_an_adapter_binds_few_buffers() {
    let target = Target {
        chunk_bytes: 16 << 20,
        bindings: 8,
        ..Target::COMMON
    };
    let (program, schedule) = lowered("cifar10-resnet50", target);
    let is_update = |op: &Op| op.definition().is_update();
    let mut updates = 0;
    let mut dispatches = 0;
    for kernel in schedule.stages.iter().flat_map(|stage| &stage.kernels) {
        let of_kernel = kernel.operations.iter().map(|id| program.operation(*id));
        let count = of_kernel.clone().filter(|one| is_update(&one.op)).count();
        updates += count;
        let first = &program.operation(kernel.operations[0]).op;
        if count > 0 && (is_update(first) || matches!(first, Op::Zeros(_))) {
            dispatches += 1;
            let mut chunks: Vec<_> = of_kernel
                .flat_map(|operation| &operation.inputs)
                .filter_map(|id| schedule.buffer(*id))
                .map(|buffer| (buffer.arena, buffer.offset_bytes / target.chunk_bytes))
                .collect();
            chunks.sort_unstable();
            chunks.dedup();
            assert!(chunks.len() < target.bindings, "{}", chunks.len());
        }
    }
    let all = program.operations.iter().filter(|one| is_update(&one.op));
    assert_eq!(updates, all.count());
    assert!(dispatches > 1);
}

#[test]
fn taps_that_only_meet_padding_cost_no_bytes() {
    let (program, schedule) = lowered("cifar10-resnet50", Target::COMMON);
    let forecast = Forecast::of(&program, &schedule, Peaks::ASSUMED);
    // 512 × 512 weights of one live tap, as many biases as filters, a small image, and another in partial sums.
    let mut of_last = forecast
        .dispatches
        .iter()
        .filter(|one| one.makes == "layer4.2.conv2");
    let one = of_last.next().expect("the net has it");
    let images = (1 + 4) * 4 * 32 * 512;
    assert_eq!(one.bytes, 4 * 512 * (512 + 1) + images, "{}", one.kernel);
}

/// Whoever reads a convolution's partial sums adds them up, so only what reads each value once or twice may.
#[test]
fn convolutions_are_cut_into_partial_sums_where_norms_alone_read_them() {
    let (program, schedule) = lowered("cifar10-resnet50", Target::COMMON);
    let uses = Uses::of(&program);
    let mut cut = 0;
    for buffer in &schedule.buffers {
        let Layout::Partials { slices, .. } = buffer.layout else {
            continue;
        };
        assert!((2..=8).contains(&slices), "{slices}");
        let name = &program.tensor(buffer.tensor).name;
        for id in uses.readers(buffer.tensor) {
            let reader = &program.operation(*id).op;
            let adds =
                reader.cuts_off() || matches!(reader, Op::BatchNorm(_) | Op::BatchNormGrad(_));
            assert!(adds, "{name} is read by {reader}");
        }
        cut += 1;
    }
    // The third and the fourth stage have few positions and long sums.
    assert!(cut > 30, "{cut}");
}
