//! Mistakes on the command line: exit code 2, nothing on standard output, and one message that
//! names what is wrong and what to do.

use crate::support::{self, Home};

#[test]
fn every_mistake_is_named_with_advice() {
    let home = Home::new();
    std::fs::write(home.path("broken.toml"), "name = \"x\"\nlayers = 3\n")
        .expect("it is a temporary folder");
    // (arguments, what the message says)
    let table: &[(&str, &[&str])] = &[
        ("", &["Usage: laptime [OPTIONS] <COMMAND>"]),
        ("child --help", &["child"]),
        ("run --color blue", &["--color", "auto, always, never"]),
        ("verfy", &["verfy", "'verify'"]),
        ("run --engien laptime", &["--engien", "--engine"]),
        (
            "run --engine tensorfow",
            &["--engine tensorfow", "known: laptime"],
        ),
        ("run --device tpu", &["--device", "known: auto, cpu, gpu"]),
        (
            "run fashion-mnits",
            &["fashion-mnits", "did you mean \"fashion-mnist\""],
        ),
        ("run mnist", &["\"mnist\"", "take \"fashion-mnist\""]),
        ("run cifar10", &["laptime calls it \"cifar10-resnet50\""]),
        ("run cifar100", &["laptime calls it \"cifar100-resnet50\""]),
        ("run resnet50", &["laptime calls it \"cifar10-resnet50\""]),
        (
            "run --engine tf",
            &["--engine tf", "laptime calls it \"tensorflow\""],
        ),
        ("verify --engine gpu", &["--engine gpu", "--device gpu"]),
        (
            "run nowhere.toml",
            &["nowhere.toml", "cannot be read", "built-in"],
        ),
        ("run broken.toml", &["broken.toml:2", "layers"]),
        ("run --batch-size 0", &["--batch-size 0", "at least 1"]),
        ("run --batch-size many", &["--batch-size", "many"]),
        ("run --epochs 0", &["--epochs 0", "at least 1"]),
        ("run --max-steps 0", &["--max-steps"]),
        ("run --runs 0", &["--runs"]),
        ("run --seed -1", &["'-1' for '--seed <N>'"]),
        ("run --epochs -1", &["'-1' for '--epochs <N>'"]),
        ("run --threads 0", &["--threads"]),
        ("run --precision fp64", &["--precision", "fp32"]),
        (
            "run --passes fast",
            &[
                "--passes fast",
                "known: all, none",
                "dead-taps",
                "border-positions",
            ],
        ),
        (
            "run --device gpu --passes product-epilogue,border-positions",
            &["--passes border-positions", "GPU", "--device cpu"],
        ),
        (
            "explain --device gpu:3 --passes dead-taps",
            &["--passes dead-taps", "GPU"],
        ),
        (
            "run --device cpu --passes matrix-units",
            &["--passes matrix-units", "processor", "--device gpu"],
        ),
        (
            "sweep --device gpu --threads 1..2",
            &["--threads", "CPU", "--device gpu"],
        ),
        (
            "run --passes no-winograd,norm-epilogue",
            &["--passes no-winograd,norm-epilogue: ", "not both"],
        ),
        (
            "run --passes all,none",
            &["--passes all,none: all stands alone"],
        ),
        ("explain --device gpu --threads 8", &["--threads", "CPU"]),
        ("explain --threads 0", &["--threads", "from 1"]),
        ("run --data fake", &["--data", "synthetic"]),
        (
            "run --data-dir nowhere",
            &["--data-dir nowhere", "no such folder"],
        ),
        (
            "run --data synthetic --export-json no/where.json",
            &["--export-json no/where.json", "create it"],
        ),
        ("run --data synthetic --save .", &["--save .", "folder"]),
        (
            "run --data synthetic --save -",
            &["--save -", "give a file"],
        ),
        (
            "run --data synthetic --export-json x --export-csv ./x",
            &["--export-csv ./x", "the file of --export-json too"],
        ),
        (
            "run --data synthetic --export-markdown broken.toml --save broken.toml",
            &["--save broken.toml", "the file of --export-markdown too"],
        ),
        ("run --resume", &["--resume", "add --checkpoint DIR"]),
        (
            "run --checkpoint-every 5",
            &["--checkpoint-every", "add --checkpoint DIR"],
        ),
        (
            "run --checkpoint kept --checkpoint-every 0",
            &["--checkpoint-every"],
        ),
        (
            "run --checkpoint kept --runs 2",
            &["--checkpoint", "--runs 2", "leave one"],
        ),
        (
            "run --export-json - --export-csv -",
            &["only one", "a file"],
        ),
        ("data verify imagenet", &["imagenet", "fashion-mnist"]),
        (
            "workloads --show fashion-mnits",
            &["did you mean \"fashion-mnist\""],
        ),
        ("workloads --show x --layers", &["cannot be used with"]),
        (
            "init fashion-mnist",
            &["built-in workload", "--show fashion-mnist"],
        ),
        (
            "init broken.toml",
            &["broken.toml: this file exists", "--force"],
        ),
        ("init no/where", &["no/where.toml: cannot be written"]),
        ("explain --passes fast", &["--passes fast"]),
        ("verify --engine x", &["--engine x"]),
        ("verify --epochs 3", &["--epochs"]),
        ("race", &["--engines"]),
        (
            "race --engines laptime",
            &["--engines laptime", "two engines"],
        ),
        (
            "race --engines laptime,jax,laptime",
            &["laptime is named twice"],
        ),
        (
            "race --engines laptime,torch",
            &[
                "--engines torch",
                "laptime calls it \"pytorch\"",
                "known: laptime, pytorch",
            ],
        ),
        (
            "race --engines laptime,jax --budget 90",
            &["--budget", "90s, 10m, 1h"],
        ),
        (
            "race --engines laptime,jax --runs 2 --budget 90s",
            &["--runs", "cannot be used with", "--budget"],
        ),
        ("race --engines laptime,jax --runs 0", &["--runs"]),
        (
            "run --engine jax --as-published",
            &["--as-published", "tensorflow"],
        ),
        ("compare", &["<RESULT>"]),
        ("compare nobody last", &["nobody: no such file", "Apple M1"]),
        (
            "compare last last~1 --fail-if-slower 0.03",
            &["--fail-if-slower", "3% or 2.5%"],
        ),
        ("compare last last~1", &["no record is stored yet"]),
        ("records export", &["--csv", "--jsonl"]),
        ("records check", &["<FILE>"]),
        ("peers install torch", &["torch", "pytorch"]),
        (
            "peers install jax --variant cuda",
            &["JAX (cuda)", "LAPTIME_PEER_JAX"],
        ),
        (
            "peers install jax --python nowhere",
            &["--python nowhere", "no Python that runs"],
        ),
    ];
    for (arguments, says) in table {
        let done = home.laptime(arguments);
        assert_eq!(done.code, Some(2), "{arguments}: {}", done.stderr);
        assert_eq!(done.stdout, "", "{arguments}");
        for words in *says {
            assert!(done.stderr.contains(words), "{arguments}: {}", done.stderr);
        }
        assert_eq!(
            done.stderr.matches("error:").count(),
            usize::from(!arguments.is_empty())
        );
    }
    assert!(home.records().is_empty());
}

/// The advice of a parser that takes a negative number for an option was about something else.
#[test]
fn a_negative_number_is_no_option() {
    let done = Home::new().laptime("run --seed -1");
    assert!(!done.stderr.contains("tip:"), "{}", done.stderr);
}

/// An empty variable is as good as none, as with NO_COLOR.
#[test]
fn an_empty_instruction_set_is_none() {
    let home = Home::new();
    let mut command = home.command("explain");
    command.env("LAPTIME_ISA", "");
    let done = support::done(command);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
}

/// Each thread takes room for its stack before it does anything.
#[cfg(target_os = "linux")]
#[test]
fn threads_that_cannot_be_started_are_told_by_their_option() {
    let home = Home::new();
    let program = home.command("");
    let mut command = std::process::Command::new("sh");
    let script = "ulimit -v 1500000; exec \"$0\" run --data synthetic --device cpu --threads 1000";
    command
        .args(["-c", script])
        .arg(program.get_program())
        .current_dir(home.path(""))
        .env("XDG_DATA_HOME", home.path("data"))
        .env("XDG_CACHE_HOME", home.path("cache"));
    let done = support::done(command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "error: --threads 1000: cannot start a thread";
    assert!(done.stderr.contains(says), "{}", done.stderr);
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused() {
    let home = Home::new();
    let mut command = home.command(support::SHORT);
    command.env("LAPTIME_ISA", "sse9");
    let done = support::done(command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr.contains("LAPTIME_ISA") && done.stderr.contains("portable"),
        "{}",
        done.stderr
    );
}

#[test]
fn what_is_asked_for_without_a_mistake_goes_to_standard_output() {
    let home = Home::new();
    for (arguments, says) in [
        ("--help", "laptime"),
        ("--version", env!("CARGO_PKG_VERSION")),
        ("workloads", "fashion-mnist"),
        ("workloads --layers", "dense units"),
        (
            "workloads --layers",
            "adam learning_rate beta1 beta2 epsilon",
        ),
        ("workloads --layers", "[above, below, left, right]"),
        (
            "workloads --show cifar10-resnet50",
            "name = \"cifar10-resnet50\"",
        ),
        ("init first", "laptime run first.toml"),
        ("init first --force", "laptime verify first.toml"),
        ("explain", "program training"),
        ("explain --passes none", "passes: none"),
        (
            "explain cifar10-resnet50",
            "dead-taps: leaves out 1207.960 of 14958.723 MFLOP in products and 6291456 weights",
        ),
        (
            "explain cifar10-resnet50 --passes dead-taps",
            "border-positions: not taken; would leave out 2312.798 of 14958.723 MFLOP",
        ),
        ("run --help", "border-positions"),
        ("run --help", "\nAdvanced:\n"),
        ("--version", ", "),
        ("completions bash", "verify"),
        ("man", ".TH laptime-run 1"),
        ("data list", "t10k-labels-idx1-ubyte.gz"),
        ("verify", "verified"),
        ("schema", "laptime.record.v2"),
    ] {
        let done = home.laptime(arguments);
        assert_eq!(done.code, Some(0), "{arguments}: {}", done.stderr);
        assert!(done.stdout.contains(says), "{arguments}: {}", done.stdout);
        assert_eq!(done.stderr, "", "{arguments}");
    }
}

#[test]
fn missing_datasets_are_listed_and_fail_to_verify() {
    let home = Home::new();
    let done = home.laptime("data verify fashion-mnist");
    assert_eq!(done.code, Some(1));
    assert_eq!(done.stdout.matches("missing").count(), 4, "{}", done.stdout);
    assert!(
        done.stderr.contains("laptime data fetch"),
        "{}",
        done.stderr
    );
}

#[cfg(not(feature = "download"))]
#[test]
fn a_build_without_downloads_says_so_in_one_line() {
    let home = Home::new();
    let done = home.laptime("data fetch fashion-mnist");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains("has no downloads"), "{}", done.stderr);
}
