//! Golden digests of whole Programs and Schedules: what slices touch, and where every byte lies, which
//! `explain`'s golden files do not show of each. After a change that means to move them:
//! `UPDATE_EXPECTED=1 cargo test --workspace --test schedules`.

mod common;

use std::{env, fs, path::Path};

use common::{dense_net, image_net, in_bf16, net, planted};
use laptime_cpu::{Isa, Target, lower};
use laptime_engine::Passes;
use laptime_graph::{Mode, Program, Role, Tensor, build, pass_names, schedule::Schedule};
use laptime_workload::{BUILTINS, Overrides, Spec, Workload, hexadecimal};
use sha2::{Digest, Sha256};

const SGD: &str = "kind = \"sgd\"\nlearning_rate = 0.01\nmomentum = 0.9\n";

fn workloads() -> Vec<(String, Workload)> {
    let mut workloads = Vec::new();
    let mut add = |name: &str, workload: Workload| {
        workloads.push((format!("{name} bf16"), in_bf16(workload.clone())));
        workloads.push((format!("{name} fp32"), workload));
    };
    // The third is the second but for its last layer, and would take as long again.
    for builtin in &BUILTINS[..2] {
        let workload = builtin.spec().resolve(&Overrides::default());
        add(builtin.name, workload.expect("it is built in"));
    }
    for name in ["mlp", "small-cnn", "vgg", "mobilenet-block"] {
        let file = format!("../workload/workloads/examples/{name}.toml");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let spec = Spec::read(&path).expect("it is in the repository");
        let workload = spec.resolve(&Overrides::default());
        add(name, workload.expect("it is sound"));
    }
    add("images", image_net(20));
    add("deep", dense_net(&[40, 30, 1, 70], 5));
    for (number, layers) in planted::NETS.iter().enumerate() {
        add(&format!("planted {number}"), net(layers, SGD, 11));
    }
    workloads
}

/// All passes, none, and all but each.
fn passes() -> Vec<Passes> {
    let names = || pass_names().into_iter().map(String::from);
    let but = |left_out: &str| Passes::Only(names().filter(|name| name != left_out).collect());
    let each = pass_names().into_iter().map(but);
    [Passes::All, Passes::Only(Vec::new())]
        .into_iter()
        .chain(each)
        .collect()
}

/// The tensors as they were listed before their axes had names, moments said which they are, and inputs were
/// columns, so that digests stay.
fn tensors(program: &Program) -> String {
    let tensors = program.tensors.iter().map(|one| {
        let Tensor {
            name, shape, role, ..
        } = one;
        let role = match role {
            Role::Moment { of, .. } => format!("Moment {{ of: {of:?} }}"),
            Role::Input { column: 0 } => "Pixels".to_owned(),
            Role::Input { .. } => "Labels".to_owned(),
            other => format!("{other:?}"),
        };
        format!("Tensor {{ name: {name:?}, shape: {shape:?}, role: {role} }}")
    });
    format!("[{}]", tensors.collect::<Vec<_>>().join(", "))
}

/// A few nets, whose kernels are cut otherwise for many threads.
const ON_MANY: [&str; 7] = [
    "fashion-mnist fp32",
    "cifar10-resnet50 bf16",
    "cifar10-resnet50 fp32",
    "mlp fp32",
    "small-cnn fp32",
    "mobilenet-block fp32",
    "planted 1 fp32",
];

/// The digest of a workload's Schedules for 64 threads.
fn digest_on_many(workload: &Workload) -> String {
    let mut all = Sha256::new();
    let isa = Isa::available()[0];
    for mode in [Mode::Training, Mode::Evaluation] {
        let program = build(workload, mode, workload.batch_size);
        let schedule = Schedule {
            target: String::new(),
            ..lower(&program, Target { isa, threads: 64 }, &Passes::All)
        };
        all.update(format!("{schedule:?}\n"));
    }
    hexadecimal(&all.finalize())
}

/// The digest of all Programs and Schedules of a workload; of one instruction set, as all are lowered alike.
fn digest(workload: &Workload) -> String {
    let mut all = Sha256::new();
    let isa = Isa::available()[0];
    for mode in [Mode::Training, Mode::Evaluation] {
        for batch_size in [workload.batch_size, 3] {
            let program = build(workload, mode, batch_size);
            all.update(format!("{program}\n{}\n", tensors(&program)));
            for passes in passes() {
                let schedule = Schedule {
                    target: String::new(),
                    ..lower(&program, Target { isa, threads: 2 }, &passes)
                };
                all.update(format!("{schedule:?}\n"));
            }
        }
    }
    hexadecimal(&all.finalize())
}

#[test]
fn programs_and_schedules_are_the_golden_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schedules.txt");
    let workloads = workloads();
    let on_two = workloads.iter();
    let on_two = on_two.map(|(name, workload)| format!("{name} {}", digest(workload)));
    let on_many = ON_MANY.map(|name| {
        let found = workloads.iter().find(|(one, _)| one == name);
        let (_, workload) = found.expect("it is one of them");
        format!("{name} on 64 threads {}", digest_on_many(workload))
    });
    let found: Vec<String> = on_two.chain(on_many).collect();
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, found.join("\n") + "\n").expect("the source can be written");
    }
    let golden = fs::read_to_string(&path).expect("it is in the repository");
    assert_eq!(found, golden.lines().collect::<Vec<_>>());
}
