use laptime_graph::{Mode, build, schedule::Split};
use laptime_workload::{Builtin, Overrides};

use super::*;

fn fashion_mnist(mode: Mode, passes: &Passes) -> (Program, Schedule) {
    let spec = Builtin::find("fashion-mnist").unwrap().spec();
    let program = build(&spec.resolve(&Overrides::default()).unwrap(), mode, 32);
    let schedule = lower(&program, Target { isa: Isa::Portable }, passes);
    (program, schedule)
}

#[test]
fn a_step_of_fashion_mnist_has_one_barrier_and_weights_stay_in_their_slice() {
    let (_, schedule) = fashion_mnist(Mode::Training, &Passes::All);
    let barriers: Vec<bool> = schedule.stages.iter().map(|stage| stage.barrier).collect();
    assert_eq!(barriers, [true, false]);
    assert!(schedule.stages.iter().all(|stage| stage.slices == 8));
}

#[test]
fn without_passes_every_operation_is_a_kernel_of_its_own() {
    let (program, schedule) = fashion_mnist(Mode::Training, &Passes::Only(Vec::new()));
    let kernels = schedule.stages.iter().flat_map(|stage| &stage.kernels);
    assert_eq!(kernels.count(), program.operations.len());
}

#[test]
fn what_lives_inside_a_kernel_has_no_buffer() {
    let (program, schedule) = fashion_mnist(Mode::Training, &Passes::All);
    for (index, tensor) in program.tensors.iter().enumerate() {
        let stored = schedule.buffer(laptime_graph::TensorId(index)).is_some();
        let inside = [
            "fc1.product",
            "fc1",
            "fc2.product",
            "d.relu",
            "d.fc1.weight",
        ];
        if inside.contains(&tensor.name.as_str()) {
            assert!(!stored, "{} is stored", tensor.name);
        }
    }
}

#[test]
fn planted_mistakes_do_not_pass_the_check() {
    let (program, sound) = fashion_mnist(Mode::Training, &Passes::All);
    assert_eq!(sound.check(&program), Ok(()));
    type Plant = dyn Fn(&mut Schedule);
    let planted: [(&str, &Plant); 6] = [
        ("no barrier", &|s| s.stages[0].barrier = false),
        ("one copy of the partial sums", &|s| {
            s.buffers.iter_mut().for_each(|buffer| buffer.copies = 1);
        }),
        ("a kernel forgotten", &|s| drop(s.stages[1].kernels.pop())),
        ("a kernel twice", &|s| {
            let kernel = s.stages[1].kernels[0].clone();
            s.stages[1].kernels.push(kernel);
        }),
        ("the update before the input's gradient", &|s| {
            s.stages[1].kernels.reverse()
        }),
        ("two tensors in one place", &|s| {
            let activations = s.buffers.iter_mut().filter(|buffer| buffer.bytes == 16384);
            activations.for_each(|buffer| buffer.offset_bytes = 0);
        }),
    ];
    for (name, plant) in planted {
        let mut schedule = sound.clone();
        plant(&mut schedule);
        assert!(schedule.check(&program).is_err(), "{name}");
    }
}

#[test]
fn an_evaluation_scores_and_updates_nothing() {
    let (program, schedule) = fashion_mnist(Mode::Evaluation, &Passes::All);
    let mut accesses = schedule
        .stages
        .iter()
        .flat_map(|stage| &stage.kernels)
        .filter(|kernel| kernel.split != Split::EachThread)
        .flat_map(|kernel| &kernel.accesses);
    assert!(
        accesses.all(|access| !access.write || !program.tensor(access.tensor).role.is_persistent())
    );
}
