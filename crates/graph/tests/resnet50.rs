//! The Programs of ResNet50: sizes and costs to the last one, names, and what holds of any Program.

use std::collections::{BTreeMap, BTreeSet};

use laptime_graph::{
    Conv2d, FusionKind, Mode, Op, OpId, Program, Role, Simplification, TensorId, build,
    window::live_taps,
};
use laptime_workload::{Builtin, Overrides};

fn program(mode: Mode) -> Program {
    let builtin = Builtin::find("cifar10-resnet50").expect("built in");
    let workload = builtin.spec().resolve(&Overrides::default());
    build(&workload.expect("resolves"), mode, 32)
}

fn is_update(op: &Op) -> bool {
    op.definition().is_update()
}

fn statistics(program: &Program) -> Vec<&str> {
    let is_statistic = |role: &Role| matches!(role, Role::Statistic(_));
    let tensors = program.tensors.iter();
    let found = tensors.filter(|tensor| is_statistic(&tensor.role));
    found.map(|tensor| tensor.name.as_str()).collect()
}

/// As Keras counts them.
#[test]
fn parameters() {
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = program(mode);
        assert_eq!(program.parameter_count(), 23_555_082);
        let of_statistics: usize = program
            .tensors
            .iter()
            .filter(|tensor| matches!(tensor.role, Role::Statistic(_)))
            .map(|tensor| tensor.elements())
            .sum();
        assert_eq!(of_statistics, 53_120);
        assert_eq!(program.parameter_count() + of_statistics, 23_608_202);
    }
}

/// As torchvision names them, but that all convolutions here have a bias.
#[test]
fn names_and_shapes() {
    let program = program(Mode::Training);
    let shape = |name: &str| {
        let found = program.tensors.iter().find(|tensor| tensor.name == name);
        found.unwrap_or_else(|| panic!("no `{name}`")).shape.clone()
    };
    for (name, expected) in [
        ("conv1.weight", &[64, 3, 7, 7][..]),
        ("conv1.bias", &[64]),
        ("bn1.weight", &[64]),
        ("bn1.running_var", &[64]),
        ("layer1.0.conv1.weight", &[64, 64, 1, 1]),
        ("layer1.0.conv2.weight", &[64, 64, 3, 3]),
        ("layer1.0.conv3.weight", &[256, 64, 1, 1]),
        ("layer1.0.downsample.0.weight", &[256, 64, 1, 1]),
        ("layer1.0.downsample.1.running_mean", &[256]),
        ("layer2.3.bn3.bias", &[512]),
        ("layer3.5.conv1.weight", &[256, 1024, 1, 1]),
        ("layer4.0.downsample.0.weight", &[2048, 1024, 1, 1]),
        ("layer4.2.conv2.weight", &[512, 512, 3, 3]),
        ("fc.weight", &[10, 2048]),
        ("fc.bias", &[10]),
    ] {
        assert_eq!(shape(name), expected, "{name}");
    }
    assert_eq!(program.parameters().count(), 2 * (53 + 53 + 1));
    assert_eq!(statistics(&program).len(), 2 * 53);
    let names: BTreeSet<&str> = program
        .tensors
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names.len(), program.tensors.len(), "names are unique");
}

/// 15.0 GFLOP a step as the literature counts, 13.8 without dead taps, 11.4 where something other than
/// padding is met.
#[test]
fn costs() {
    let program = program(Mode::Training);
    assert_eq!(program.model_flops(), 14_958_723_072);
    let executed = |taken: &[Simplification]| program.executed_flops(taken);
    assert_eq!(executed(&[]), program.model_flops());
    assert_eq!(executed(&[Simplification::DeadTaps]), 13_750_763_520);
    assert_eq!(executed(&[Simplification::BorderPositions]), 12_645_924_864);
    assert_eq!(executed(&Simplification::OF_PADDING), 11_437_965_312);
    let total: u64 = (0..program.operations.len())
        .map(|number| program.flops(OpId(number), &Simplification::OF_PADDING))
        .sum();
    assert!(total > executed(&Simplification::OF_PADDING));
}

/// On the 1×1 maps of the last stage 8 of the 9 taps of its three 3×3 kernels.
#[test]
fn weights_behind_dead_taps() {
    let program = program(Mode::Training);
    let mut dead = 0;
    for operation in &program.operations {
        if let Op::Conv2d(Conv2d { window }) = &operation.op {
            let shape = |id: TensorId| &program.tensor(id).shape;
            let (x, y) = (shape(operation.inputs[0]), shape(operation.outputs[0]));
            let live = live_taps(window, [x[1], x[2]], [y[1], y[2]]);
            let of_tap = program.tensor(operation.inputs[1]).elements() / live.len();
            dead += of_tap * live.iter().filter(|&&live| !live).count();
        }
    }
    assert_eq!(dead, 3 * 8 * 512 * 512);
}

#[test]
fn every_parameter_has_a_gradient_and_one_update() {
    let program = program(Mode::Training);
    for (parameter, tensor) in program.parameters() {
        let name = &tensor.name;
        let mut updates = program
            .operations
            .iter()
            .filter(|one| is_update(&one.op) && one.outputs[0] == parameter);
        let update = updates.next().unwrap_or_else(|| panic!("{name}"));
        assert!(updates.next().is_none(), "{name}");
        let gradient = program.tensor(update.inputs[0]);
        assert_eq!(gradient.role, Role::Gradient { of: parameter }, "{name}");
        assert_eq!(gradient.shape, tensor.shape, "{name}");
    }
    let zeros = program
        .operations
        .iter()
        .filter(|one| matches!(one.op, Op::Zeros(_)));
    assert_eq!(zeros.count(), 53, "every convolution stands before a norm");
}

/// Whoever reads a tensor comes after whoever computes it, and before whoever updates it.
#[test]
fn operations_are_in_order() {
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = program(mode);
        let mut written: Vec<bool> = program
            .tensors
            .iter()
            .map(|one| one.role.is_persistent() || matches!(one.role, Role::Input { .. }))
            .collect();
        let mut updated = BTreeSet::new();
        for operation in &program.operations {
            let what = program.describe(operation);
            for input in &operation.inputs {
                assert!(written[input.0], "{what}: not yet");
                assert!(!updated.contains(input), "{what}: no longer");
            }
            for output in &operation.outputs {
                written[output.0] = true;
                if program.tensor(*output).role.is_persistent() {
                    updated.insert(*output);
                }
            }
        }
        assert!(
            written.iter().all(|&written| written),
            "a tensor no one computes"
        );
    }
}

/// Which group each operation is in when all candidates are taken: the first operation of it.
fn groups(program: &Program) -> Vec<usize> {
    let mut groups: Vec<usize> = (0..program.operations.len()).collect();
    for fusion in &program.fusions {
        if matches!(
            fusion.kind,
            FusionKind::NormAtProduct | FusionKind::NormGradientAtProduct
        ) {
            let joined: Vec<usize> = fusion.operations.iter().map(|id| groups[id.0]).collect();
            let first = fusion.operations[0].0;
            let of_joined = |group: &&mut usize| joined.contains(group);
            groups
                .iter_mut()
                .filter(of_joined)
                .for_each(|group| *group = first);
        } else if fusion.kind != FusionKind::PixelsAtFirstRead {
            for id in &fusion.operations {
                assert_eq!(groups[id.0], id.0, "{} is in two fusions", id.0);
                groups[id.0] = fusion.operations[0].0;
            }
        }
    }
    groups
}

#[test]
fn fusions_are_disjoint_and_in_order() {
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = program(mode);
        groups(&program);
        for fusion in &program.fusions {
            assert!(fusion.operations.len() > 1);
            assert!(fusion.operations.is_sorted(), "{fusion:?}");
        }
    }
}

/// With all candidates taken there is still an order of the kernels: what a kernel reads is ready
/// before any of its operations, and what it updates has no reader left.
#[test]
fn fusions_leave_an_order() {
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = program(mode);
        let groups = groups(&program);
        let mut before: BTreeMap<usize, BTreeSet<usize>> = groups
            .iter()
            .map(|group| (*group, BTreeSet::new()))
            .collect();
        for (OpId(later), operation) in program.operations_by_id() {
            for earlier in 0..later {
                let one = &program.operations[earlier];
                let reads = operation.inputs.iter().any(|id| one.outputs.contains(id));
                let updates = operation.outputs.iter().any(|id| one.inputs.contains(id));
                if (reads || updates) && groups[earlier] != groups[later] {
                    let waits = before.get_mut(&groups[later]).expect("a group");
                    waits.insert(groups[earlier]);
                }
            }
        }
        while !before.is_empty() {
            let ready: Vec<usize> = before
                .iter()
                .filter(|(_, waits)| waits.iter().all(|one| !before.contains_key(one)))
                .map(|(group, _)| *group)
                .collect();
            assert!(!ready.is_empty(), "these wait for each other: {before:?}");
            ready.iter().for_each(|group| drop(before.remove(group)));
        }
    }
}

/// Large gradients need never reach memory.
#[test]
fn every_convolutions_update_may_be_fused_with_its_gradient() {
    let program = program(Mode::Training);
    let gradients = program
        .operations_by_id()
        .filter(|(_, one)| matches!(one.op, Op::Conv2dGradWeight(_)));
    for (id, operation) in gradients {
        let fusion = program.fusions.iter().find(|one| one.operations[0] == id);
        let fusion = fusion.unwrap_or_else(|| panic!("{}", program.describe(operation)));
        assert_eq!(fusion.kind, FusionKind::UpdateAtGradient);
        assert!(is_update(&program.operation(fusion.operations[1]).op));
    }
}
