use laptime_graph::{
    Mode, Op, OpId, build,
    schedule::{Explained, Kernel, Part, Split, Stage},
};
use laptime_workload::{Builtin, Overrides, Precision, Spec};

use super::*;

fn lowered(name: &str, mode: Mode, passes: &Passes, precision: Precision) -> (Program, Schedule) {
    let spec = Builtin::find(name).unwrap().spec();
    let mut workload = spec.resolve(&Overrides::default()).unwrap();
    workload.precision = precision;
    let program = build(&workload, mode, 32);
    let schedule = lower(
        &program,
        Target {
            isa: Isa::portable(),
            threads: 2,
        },
        passes,
    );
    (program, schedule)
}

fn fashion_mnist(mode: Mode, passes: &Passes) -> (Program, Schedule) {
    lowered("fashion-mnist", mode, passes, Precision::Fp32)
}

fn resnet50(precision: Precision) -> (Program, Schedule) {
    lowered("cifar10-resnet50", Mode::Training, &Passes::All, precision)
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

/// Every kernel of ResNet50 with the stage it is in, that has an operation of this kind.
fn kernels_with(
    program: &Program,
    schedule: &Schedule,
    wanted: impl Fn(&Op) -> bool,
) -> Vec<(usize, Kernel)> {
    let stages = schedule.stages.iter().enumerate();
    let all = stages.flat_map(|(number, stage)| {
        let kernels = stage.kernels.iter();
        kernels.map(move |kernel| (number, kernel.clone()))
    });
    let has = |id: &OpId| wanted(&program.operation(*id).op);
    all.filter(|(_, kernel)| kernel.operations.iter().any(has))
        .collect()
}

#[test]
fn resnet50_has_one_kernel_for_each_convolution_and_direction() {
    for precision in [Precision::Fp32, Precision::Bf16] {
        let (program, schedule) = resnet50(precision);
        assert_eq!(schedule.check(&program), Ok(()));
        let count = |wanted: fn(&Op) -> bool| kernels_with(&program, &schedule, wanted).len();
        assert_eq!(count(|op| matches!(op, Op::Conv2d(_))), 53);
        assert_eq!(count(|op| matches!(op, Op::Conv2dGradInput(_))), 52);
        assert_eq!(count(|op| matches!(op, Op::Conv2dGradWeight(_))), 53);
        // A gradient that its kernel uses up never reaches memory.
        for (_, kernel) in kernels_with(&program, &schedule, |op| {
            matches!(op, Op::Conv2dGradWeight(_))
        }) {
            let gradient = program.operation(kernel.operations[0]).outputs[0];
            assert!(schedule.buffer(gradient).is_none());
        }
        let barriers = schedule.stages.iter().filter(|stage| stage.barrier).count();
        assert!(barriers <= 53 + 52 + 10, "{barriers} barriers");
    }
}

/// Each barrier of ResNet50's step keeps something apart that the check sees, and so do most accesses.
#[test]
fn mistakes_planted_into_resnet50_do_not_pass_the_check() {
    let (program, sound) = resnet50(Precision::Fp32);
    let is_caught = |what: &str, plant: &dyn Fn(&mut Schedule)| {
        let mut schedule = sound.clone();
        plant(&mut schedule);
        assert!(schedule.check(&program).is_err(), "{what}");
    };
    let is_update = |op: &Op| matches!(op, Op::Conv2dGradWeight(_));
    let updates = kernels_with(&program, &sound, is_update);
    for (stage, kernel) in updates.iter().step_by(8) {
        let weights = program.operation(kernel.operations[1]).outputs[0];
        let name = &program.tensor(weights).name;
        let before = (0..*stage)
            .rev()
            .find(|number| sound.stages[*number].barrier);
        if let Some(before) = before {
            is_caught(&format!("no barrier before the update of {name}"), &|s| {
                s.stages[before].barrier = false;
            });
        }
        let of_kernel = |s: &mut Schedule, change: &dyn Fn(&mut Kernel)| {
            let mut kernels = s.stages[*stage].kernels.iter_mut();
            change(kernels.find(|one| *one == kernel).expect("it is there"));
        };
        for access in 0..kernel.accesses.len() {
            is_caught(
                &format!("access {access} of {name}'s update left out"),
                &|s| {
                    of_kernel(s, &|kernel| {
                        kernel.accesses.remove(access);
                    });
                },
            );
        }
        is_caught(
            &format!("{name}'s sum over samples and positions cut"),
            &|s| {
                of_kernel(s, &|kernel| {
                    kernel.accesses[0].part = Part::Along {
                        axes: laptime_graph::CHANNELS,
                        width: LANES,
                    };
                });
            },
        );
        is_caught(&format!("a slice of {name} left out"), &|s| {
            s.stages[*stage].slices -= 1;
        });
    }
    for (stage, kernel) in kernels_with(&program, &sound, |op| matches!(op, Op::Conv2d(_)))
        .iter()
        .step_by(8)
    {
        let what = program.describe(program.operation(kernel.operations[0]));
        is_caught(&format!("{what}: channels summed over left out"), &|s| {
            let mut kernels = s.stages[*stage].kernels.iter_mut();
            let found = kernels.find(|one| *one == kernel).expect("it is there");
            found.accesses[0].part = Part::Along {
                axes: laptime_graph::CHANNELS,
                width: LANES,
            };
        });
    }
}

/// The VGG example is cut into tiles, forward, in both gradients and in what is done value by value.
#[test]
fn mistakes_planted_into_tiles_do_not_pass_the_check() {
    let text = include_str!("../../../workload/workloads/examples/vgg.toml");
    let spec = Spec::parse(text, "vgg.toml").unwrap();
    let workload = spec.resolve(&Overrides::default()).unwrap();
    let program = build(&workload, Mode::Training, 32);
    let isa = Isa::portable();
    let sound = lower(&program, Target { isa, threads: 2 }, &Passes::All);
    let is_tile = |part: Part| matches!(part, Part::Tile { .. });
    let has_tiles = |stage: &Stage| {
        let kernels = stage.kernels.iter();
        kernels
            .flat_map(|kernel| &kernel.accesses)
            .any(|access| access.write && is_tile(access.part))
    };
    let mut tiled = 0;
    for (number, stage) in sound.stages.iter().enumerate() {
        let mut schedule = sound.clone();
        if stage.barrier {
            schedule.stages[number].barrier = false;
            assert!(
                schedule.check(&program).is_err(),
                "no barrier behind {number}"
            );
        }
        if has_tiles(stage) {
            tiled += 1;
            let mut schedule = sound.clone();
            schedule.stages[number].slices -= 1;
            assert!(
                schedule.check(&program).is_err(),
                "a tile of {number} left out"
            );
        }
        // What follows without a barrier has the same tiles.
        for (place, kernel) in stage.kernels.iter().enumerate().skip(1) {
            let other = |part: &mut Part| match part {
                Part::Tile { pieces, .. } => *pieces /= 2,
                _ => unreachable!("it is a tile"),
            };
            for access in 0..kernel.accesses.len() {
                if is_tile(kernel.accesses[access].part) {
                    let mut schedule = sound.clone();
                    let kernel = &mut schedule.stages[number].kernels[place];
                    other(&mut kernel.accesses[access].part);
                    assert!(schedule.check(&program).is_err(), "other tiles in {number}");
                }
            }
        }
    }
    assert!(tiled > 10, "{tiled} stages with tiles");
}

#[test]
fn explain_leaves_dead_taps_out_and_names_the_passes() {
    let (program, schedule) = resnet50(Precision::Fp32);
    let text = Explained::new(&program, &schedule).to_string();
    let mut lines = text.lines().skip_while(|line| {
        // The last stage has maps of one position.
        !line.contains("layer4.1.conv2.product (32, 1, 1, 512) = conv2d(")
    });
    assert!(
        lines.next().is_some()
            && lines.next().is_some_and(|line| {
                line.contains("1 of 9 taps ever meet the image; at all positions together, 1 of 9")
            })
    );
    let before = text
        .find("layer4.1.conv2.product (32, 1, 1, 512) = conv2d(")
        .unwrap();
    let kernel = text[..before].lines().rev().nth(1).unwrap();
    // One tap of 512 × 512 weights; images of 512 channels in, out, and normalised; a bias, and the norm's
    // scale, shift, two statistics of the batch and two that move.
    let bytes = 4 * (512 * 512 + 3 * 512 * 32 + 7 * 512);
    let passes = "norm-at-product, norm-epilogue, product-epilogue";
    assert!(
        kernel.contains(&format!("{bytes} bytes  [{passes}]")),
        "{kernel}"
    );
}

mod many_threads;
