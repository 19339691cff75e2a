//! Golden outputs of `laptime explain`: every moved barrier, every kernel fused otherwise and every byte laid
//! elsewhere shows in a diff. After a change that means to move them: `UPDATE_EXPECTED=1 cargo test --workspace
//! --test end_to_end explain`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::{Home, done};

const EXAMPLES: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../workload/workloads/examples"
);

/// Whether a golden file has all that is printed, or the stages with their kernels alone: of deep networks
/// the whole is long, and says the same many times over.
#[derive(Clone, Copy, PartialEq)]
enum Shows {
    All,
    Stages,
}

/// The schedules of a network on an instruction set, or nothing where this processor has not got it.
fn explained(home: &Home, network: &str, more: &str, isa: &str) -> Option<String> {
    // Whatever this machine has; the prediction that comes with it is in another test.
    let mut command = home.command(&format!("explain {network} --threads 2 {more}"));
    command.env("LAPTIME_ISA", isa);
    let done = done(command);
    if done.code == Some(2) && done.stderr.contains("LAPTIME_ISA") {
        return None;
    }
    assert_eq!(done.code, Some(0), "{network} {more}: {}", done.stderr);
    // All instruction sets have one layout and one order of sums; the name alone differs.
    let text = done.stdout.replace(&format!("cpu {isa}"), "cpu");
    let mut is_predicted = false;
    let lines = text.lines().filter(|line| {
        is_predicted |= line.starts_with("on 2 threads: counted");
        let stays = !is_predicted;
        is_predicted &= !line.starts_with("  on 128 threads");
        stays
    });
    Some(lines.map(|line| format!("{line}\n")).collect())
}

fn shown(text: &str, shows: Shows) -> String {
    let is_kernel = |line: &str| {
        let name = line.strip_prefix("  ").and_then(|it| it.chars().next());
        name.is_some_and(|it| it.is_ascii_lowercase())
    };
    let lines = text.lines().filter(|line| {
        shows == Shows::All
            || line.starts_with("schedule")
            || line.starts_with("stage")
            || is_kernel(line)
    });
    lines.map(|line| format!("{line}\n")).collect()
}

fn golden(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/explain");
    folder.join(format!("{name}.txt"))
}

#[track_caller]
fn is_golden(golden: &Path, text: &str, on: &str) {
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(golden, text).expect("it can be written");
    }
    let expected = fs::read_to_string(golden).expect("UPDATE_EXPECTED=1 writes it");
    let mut lines = text.lines().zip(expected.lines());
    let different = lines.find(|(one, other)| one != other);
    assert!(
        text == expected,
        "{on}: not as in {}; the first difference:\n{different:?}",
        golden.display()
    );
}

/// Where a GPU has what, in both precisions; for one that need not be here.
#[test]
fn schedules_of_a_gpu_are_the_golden_ones() {
    let home = Home::new();
    for precision in ["fp32", "bf16"] {
        let network = format!("{EXAMPLES}/small-cnn.toml");
        let explain = format!("explain {network} --device gpu --precision {precision}");
        let mut command = home.command(&explain);
        command.args(["--peaks", "13.4T,616G,68"]);
        let done = done(command);
        assert_eq!(done.code, Some(0), "{precision}: {}", done.stderr);
        is_golden(
            &golden(&format!("small-cnn-gpu-{precision}")),
            &done.stdout,
            precision,
        );
    }
}

#[test]
fn schedules_are_the_golden_ones_on_every_instruction_set() {
    let home = Home::new();
    let example = |name: &str| format!("{EXAMPLES}/{name}.toml");
    // (golden file, network, more arguments, what the file has)
    let table = [
        ("fashion-mnist", "fashion-mnist".to_owned(), "", Shows::All),
        (
            "fashion-mnist-bf16",
            "fashion-mnist".to_owned(),
            "--precision bf16",
            Shows::Stages,
        ),
        (
            "fashion-mnist-no-passes",
            "fashion-mnist".to_owned(),
            "--passes none",
            Shows::Stages,
        ),
        ("mlp", example("mlp"), "", Shows::Stages),
        ("small-cnn", example("small-cnn"), "", Shows::All),
        (
            "small-cnn-no-passes",
            example("small-cnn"),
            "--passes none",
            Shows::Stages,
        ),
        ("vgg", example("vgg"), "", Shows::Stages),
        ("resnet50", "cifar10-resnet50".to_owned(), "", Shows::Stages),
    ];
    for (name, network, more, shows) in table {
        let golden = golden(name);
        for isa in ["portable", "avx2", "avx512", "neon"] {
            let Some(text) = explained(&home, &network, more, isa) else {
                assert_ne!(isa, "portable", "every processor has that");
                continue;
            };
            is_golden(&golden, &shown(&text, shows), isa);
        }
    }
}

#[test]
fn a_step_on_threads_that_are_not_here_is_counted() {
    let home = Home::new();
    let text = home.laptime("explain fashion-mnist --threads 64").stdout;
    let counted = text
        .lines()
        .position(|line| line.starts_with("on 64 threads: counted, not measured"));
    assert!(counted.is_some(), "{text}");
    for line in ["a step: barriers 5, efficiency", "  on 128 threads"] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let once = text.matches("counted, not measured").count();
    assert_eq!(once, 1, "evaluation is not balanced");
}

#[test]
fn a_step_on_a_card_that_is_not_here_is_predicted_beside_what_others_measured() {
    let home = Home::new();
    let explain = |more: &str| {
        let mut command = home.command("explain cifar10-resnet50 --device gpu");
        command.args(["--peaks", more]);
        // A driver that may be here has no say in it.
        command.env("VK_DRIVER_FILES", "/nowhere");
        done(command)
    };
    let by_name = explain("RTX 2080 Ti");
    assert_eq!(by_name.code, Some(0), "{}", by_name.stderr);
    for words in [
        "forecast for RTX 2080 Ti, which need not be here",
        "predicted, not measured, from 13400.0 GFLOP/s, 616.0 GB/s",
        "68 multiprocessors",
        "at best",
        "factor of two",
        "not comparable",
        "RTX 2080 Ti: 418.73 s for 10 epochs, 26.79 ms for each of 15630 steps",
        "GPU utilisation 65 to 75 %",
        "Apple M1: 2286.16 s",
    ] {
        let wrapped = by_name
            .stdout
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        assert!(
            wrapped.contains(words),
            "{words} is not in:\n{}",
            by_name.stdout
        );
    }
    let forecast = |text: &str| {
        let line = text.lines().find(|line| line.contains("  modelled "));
        line.map(str::to_owned)
    };
    let by_figures = explain("13.4T,616G,68");
    assert!(forecast(&by_name.stdout).is_some());
    assert_eq!(forecast(&by_figures.stdout), forecast(&by_name.stdout));

    let unknown = explain("RTX 9999");
    assert_eq!(unknown.code, Some(2), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("H100 PCIe"), "{}", unknown.stderr);
    let on_cpu = home.laptime("explain --peaks 1T,1G,1");
    assert_eq!(on_cpu.code, Some(2), "{}", on_cpu.stderr);
    assert!(
        on_cpu.stderr.contains("add --device gpu"),
        "{}",
        on_cpu.stderr
    );
}
