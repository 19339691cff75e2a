//! Schedules written by hand: right ones give what the Program gives, wrong ones do not.

mod common;

use common::{
    Case, case, case_of,
    net::{Net, square},
    schedule::{buffer, declare, schedule, store},
    tensor,
};
use laptime_graph::{
    Program, TensorId,
    schedule::{Arena, Buffer, Layout, Schedule},
};
use laptime_reference::Reference;
use laptime_workload::LayerKind;

/// Two layers, of which the first has 5 units: no multiple of any number of lanes.
fn small() -> Case {
    case(3, &[5, 4], 3)
}

const ONE_BY_ONE: &[&[&str]] = &[
    &["scale_pixels"],
    &["reshape"],
    &["dense"],
    &["bias"],
    &["relu"],
    &["dense"],
    &["bias"],
    &["softmax_cross_entropy"],
    &["softmax_cross_entropy_grad"],
    &["bias_grad"],
    &["dense_grad_input"],
    &["dense_grad_weight"],
    &["relu_grad"],
    &["bias_grad"],
    &["dense_grad_weight"],
    &["adam"],
    &["adam"],
    &["adam"],
    &["adam"],
];

/// As a backend would do it: little more than the hidden layer and its gradient reach memory.
const FUSED: &[&[&str]] = &[
    &["scale_pixels", "reshape"],
    &["dense", "bias", "relu"],
    &[
        "dense",
        "bias",
        "softmax_cross_entropy",
        "softmax_cross_entropy_grad",
    ],
    &["bias_grad"],
    &["dense_grad_input", "relu_grad"],
    &["dense_grad_weight"],
    &["bias_grad", "dense_grad_weight"],
    &["adam"],
    &["adam"],
    &["adam", "adam"],
];

/// Trains four steps with the Program and with the Schedule; whether all ended alike.
fn agrees(case: &Case, schedule: &Schedule) -> bool {
    let mut expected = Reference::of_program(&case.program);
    let mut found = Reference::of_schedule(&case.program, schedule);
    expected.set_state(&case.state);
    found.set_state(&case.state);
    (0..4).all(|_| {
        let steps = [&mut expected, &mut found].map(|one| one.step(&case.batch));
        steps[0] == steps[1]
            && expected.state() == found.state()
            && (0..case.program.tensors.len())
                .map(TensorId)
                .all(|id| expected.value(id) == found.value(id))
    })
}

#[test]
fn every_operation_on_its_own() {
    let case = small();
    let schedule = schedule(&case.program, ONE_BY_ONE);
    assert_eq!(schedule.check(&case.program), Ok(()));
    assert!(agrees(&case, &schedule));
}

#[test]
fn fused_operations_in_every_layout() {
    let case = small();
    let program = &case.program;
    let mut schedule = schedule(program, FUSED);
    let lanes = Layout::OutputLanes {
        columns: 9,
        lanes: 4,
    };
    for name in ["fc1.weight", "fc1.weight.m", "fc1.weight.v", "d.fc1.weight"] {
        store(&mut schedule, program, name, lanes, 1);
    }
    let wide = Layout::Rows {
        columns: 5,
        stride: 8,
    };
    store(&mut schedule, program, "relu1", wide, 2);
    store(&mut schedule, program, "fc2.weight", wide, 1);
    let partials = Layout::Partials {
        slices: 3,
        columns: 4,
        stride: 6,
    };
    store(&mut schedule, program, "d.fc2", partials, 1);
    let one_row = Layout::Rows {
        columns: 27,
        stride: 32,
    };
    store(&mut schedule, program, "flatten", one_row, 2);
    assert!(schedule.buffer(tensor(program, "fc1.product")).is_none());
    assert!(agrees(&case, &schedule));
}

/// A convolution and a batch norm, as a backend stores them: filters side by side in the weights,
/// samples side by side in the images.
#[test]
fn images_in_every_layout() {
    let workload = Net::new(4, 3, 2)
        .conv("conv", 5, square(3, 1, 1), true)
        .norm("norm")
        .relu("relu")
        .then("mean", LayerKind::GlobalAvgPool)
        .dense("fc", 3)
        .workload();
    let case = case_of(&workload, 3);
    let program = &case.program;
    let names: Vec<&str> = program.operations.iter().map(|one| one.op.name()).collect();
    let kernels: Vec<&[&str]> = names.chunks(1).collect();
    let mut schedule = schedule(program, &kernels);
    let filters = Layout::FilterLanes {
        inputs: 2,
        taps: 9,
        lanes: 4,
    };
    for name in ["conv.weight", "conv.weight.m", "d.conv.weight"] {
        store(&mut schedule, program, name, filters, 1);
    }
    let images = |channels| Layout::SampleLanes {
        positions: 12,
        channels,
        stride: 8,
    };
    for name in ["conv", "norm", "relu", "d.relu", "d.norm", "d.conv"] {
        store(&mut schedule, program, name, images(5), 1);
    }
    store(&mut schedule, program, "input", images(2), 2);
    assert!(agrees(&case, &schedule));
}

#[test]
fn memory_may_be_used_again() {
    let case = small();
    let mut schedule = schedule(&case.program, ONE_BY_ONE);
    // The product is dead once the bias is added; the gradient comes long after.
    let offset_bytes = buffer(&mut schedule, &case.program, "fc1.product").offset_bytes;
    buffer(&mut schedule, &case.program, "d.relu1").offset_bytes = offset_bytes;
    assert!(agrees(&case, &schedule));
}

#[test]
fn memory_used_again_too_early_changes_the_result() {
    let case = small();
    let mut schedule = schedule(&case.program, ONE_BY_ONE);
    // The hidden layer is still needed for the gradient of the second layer's weights.
    let offset_bytes = buffer(&mut schedule, &case.program, "relu1").offset_bytes;
    buffer(&mut schedule, &case.program, "d.relu1").offset_bytes = offset_bytes;
    assert!(!agrees(&case, &schedule));
}

#[test]
fn weights_of_another_layer_in_the_same_place_change_the_result() {
    let case = small();
    let mut schedule = schedule(&case.program, ONE_BY_ONE);
    buffer(&mut schedule, &case.program, "fc2.bias.m").offset_bytes -= 4;
    assert!(!agrees(&case, &schedule));
}

/// What goes wrong with a Schedule of single operations after `change`, as the panic's message.
fn message(change: impl FnOnce(&mut Schedule, &Program)) -> String {
    let case = small();
    let mut schedule = schedule(&case.program, ONE_BY_ONE);
    change(&mut schedule, &case.program);
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| agrees(&case, &schedule)));
    match result {
        Ok(agrees) => format!("agrees: {agrees}"),
        Err(panic) => *panic.downcast::<String>().expect("a formatted message"),
    }
}

#[test]
fn an_operation_left_out() {
    let message = message(|schedule, _| {
        schedule.stages.pop();
    });
    assert!(message.starts_with("no kernel does `fc"), "{message}");
}

#[test]
fn an_operation_too_early() {
    let message = message(|schedule, _| schedule.stages.swap(4, 5));
    assert_eq!(
        message,
        "the kernel 5 of stage 4 reads `relu1` before it is written"
    );
}

#[test]
fn an_update_too_early_changes_the_result() {
    // The second layer's weights are updated before the gradient of the first flows through them.
    let message = message(|schedule, program| {
        let stage = |schedule: &Schedule, wanted: &str, reads: &str| {
            let found = schedule.stages.iter().position(|stage| {
                let operation = program.operation(stage.kernels[0].operations[0]);
                operation.op.name() == wanted && operation.inputs.contains(&tensor(program, reads))
            });
            found.expect("a stage")
        };
        let gradient = stage(schedule, "dense_grad_weight", "d.fc2");
        let moved = schedule.stages.remove(gradient);
        let before = stage(schedule, "dense_grad_input", "d.fc2");
        schedule.stages.insert(before, moved);
        let update = stage(schedule, "adam", "fc2.weight");
        let moved = schedule.stages.remove(update);
        schedule.stages.insert(before + 1, moved);
    });
    assert_eq!(message, "agrees: false");
}

#[test]
fn a_tensor_without_a_buffer() {
    let message = message(|schedule, program| {
        let id = tensor(program, "fc1.product");
        schedule.buffers.retain(|buffer| buffer.tensor != id);
        declare(program, schedule);
    });
    assert!(
        message.ends_with("does not say that it reads `fc1.product`"),
        "{message}"
    );
}

#[test]
fn padding_that_is_overwritten() {
    let message = message(|schedule, program| {
        let wide = Layout::Rows {
            columns: 5,
            stride: 8,
        };
        store(schedule, program, "relu1", wide, 1);
        let place = buffer(schedule, program, "relu1");
        let hole = place.offset_bytes + 4 * 5;
        buffer(schedule, program, "loss_sum").offset_bytes = hole;
    });
    assert!(
        message.ends_with("reads `relu1`, whose padding something else has overwritten"),
        "{message}"
    );
}

#[test]
fn buffers_that_cannot_be() {
    let message_of = |name: &str, change: fn(&mut Buffer)| {
        message(|schedule, program| change(buffer(schedule, program, name)))
    };
    for (name, change, expected) in [
        (
            "relu1",
            (|buffer| buffer.bytes -= 4) as fn(&mut Buffer),
            "`relu1` needs 60 bytes and has a buffer of 56",
        ),
        (
            "fc1.weight",
            |buffer| buffer.arena = Arena::Step,
            "`fc1.weight` is in the wrong arena, Step",
        ),
        (
            "fc1.weight",
            |buffer| buffer.copies = 2,
            "`fc1.weight` has 2 copies",
        ),
        (
            "relu1",
            |buffer| buffer.offset_bytes += 2,
            "`relu1` does not lie on whole values",
        ),
    ] {
        assert!(message_of(name, change).contains(expected), "{expected}");
    }
}
