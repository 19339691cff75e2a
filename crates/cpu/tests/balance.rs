//! What slices allow on more threads than this machine has: a golden table of the built-in workloads and
//! examples. After a change that means to move it: `UPDATE_EXPECTED=1 cargo test -p laptime-cpu --test balance`.

use std::{env, fmt::Write, fs, path::Path};

use laptime_cpu::{Isa, Target, lower};
use laptime_engine::Passes;
use laptime_graph::{
    Mode, build,
    schedule::{Balance, Core},
};
use laptime_workload::{BUILTINS, Overrides, Spec, Workload};

const THREADS: [usize; 7] = [2, 4, 8, 16, 32, 64, 128];

/// The built-in workloads, and the examples by name.
fn workloads() -> Vec<(String, Workload)> {
    // The third of those that are built in is the second but for its last layer.
    let mut specs: Vec<(String, Spec)> = BUILTINS[..2]
        .iter()
        .map(|one| (one.name.into(), one.spec()))
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workload/workloads/examples");
    let files = fs::read_dir(folder).expect("it is in the repository");
    let mut files: Vec<_> = files
        .map(|file| file.expect("it is readable").path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_stem().expect("it has a name").to_string_lossy();
        specs.push((name.into(), Spec::read(&file).expect("it is an example")));
    }
    let resolved = specs.into_iter().map(|(name, spec)| {
        let workload = spec.resolve(&Overrides::default());
        (name, workload.expect("it is sound"))
    });
    resolved.collect()
}

fn balance(workload: &Workload, threads: usize) -> Balance {
    let program = build(workload, Mode::Training, workload.batch_size);
    let isa = Isa::portable();
    let schedule = lower(&program, Target { isa, threads }, &Passes::All);
    Balance::of(&program, &schedule, Core::ASSUMED, threads)
}

#[test]
fn efficiency_on_more_threads_is_that_of_the_table() {
    let mut table =
        String::from("efficiency by slices / with barriers, in percent, at so many threads\n");
    write!(table, "{:<20}", "").expect("a string");
    for threads in THREADS {
        write!(table, "{threads:>14}").expect("a string");
    }
    table.push('\n');
    for (name, workload) in workloads() {
        write!(table, "{name:<20}").expect("a string");
        let alone = balance(&workload, 1);
        for threads in THREADS {
            let balance = balance(&workload, threads).beside(&alone);
            let (slices, all) = (balance.efficiency_of_slices(), balance.efficiency());
            write!(table, "{:>7.1}/{:>6.1}", 100.0 * slices, 100.0 * all).expect("a string");
        }
        table.push('\n');
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/balance.txt");
    if env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&file, &table).expect("the repository is writable");
    }
    let expected = fs::read_to_string(&file).expect("it is in the repository");
    assert_eq!(table, expected.replace("\r\n", "\n"));
}

#[test]
fn one_thread_does_all_work_and_nothing_else() {
    for (name, workload) in workloads().into_iter().take(1) {
        let one = balance(&workload, 1);
        assert!((one.efficiency() - 1.0).abs() < 1e-9, "{name}");
        let two = balance(&workload, 2);
        assert!(
            two.step_s() < one.step_s() && two.efficiency() < 1.0,
            "{name}"
        );
    }
}
