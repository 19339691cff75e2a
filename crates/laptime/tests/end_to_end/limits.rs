//! Limits that a system sets to a process: too few threads, too little memory. Never a panic, never an
//! abort.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use crate::support::{Done, Home, SHORT, done};

/// A stack that no address space holds: no thread but the first can start.
fn without_threads(home: &Home, arguments: &str) -> Done {
    let mut command = home.command(arguments);
    command.env("RUST_MIN_STACK", "1000000000000000");
    done(command)
}

#[test]
fn what_needs_no_threads_does_without() {
    let home = Home::new();
    for arguments in [
        &format!("{SHORT} --device cpu --threads 1"),
        "verify --device cpu --threads 1",
        "workloads",
    ] {
        let done = without_threads(&home, arguments);
        assert_eq!(done.code, Some(0), "{arguments}: {}", done.stderr);
        assert_eq!(
            done.stderr.matches("panicked").count(),
            0,
            "{}",
            done.stderr
        );
    }
}

#[test]
fn threads_that_cannot_start_are_told_in_one_line() {
    let home = Home::new();
    let done = without_threads(&home, &format!("{SHORT} --quiet --device cpu --threads 2"));
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    let says = "error: --threads 2: cannot start a thread";
    assert!(done.stderr.starts_with(says), "{}", done.stderr);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
}

fn limited(home: &Home, kib: u64, arguments: &str) -> Done {
    let program = home.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("ulimit -v {kib}; exec \"$0\" \"$@\"")])
        .arg(program.get_program())
        .args(program.get_args())
        .envs(
            program
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .stdin(Stdio::null());
    done(shell)
}

#[test]
fn memory_that_is_not_given_is_told_in_one_line() {
    let home = Home::new();
    let mut refused = 0;
    for (kib, threads) in [(60_000, 1), (100_000, 1), (200_000, 1), (200_000, 2)] {
        let arguments = format!("{SHORT} --quiet --device cpu --threads {threads}");
        let done = limited(&home, kib, &arguments);
        if done.code == Some(0) {
            continue;
        }
        refused += 1;
        assert!(matches!(done.code, Some(1 | 2)), "{kib}: {}", done.stderr);
        assert!(done.stderr.starts_with("error: "), "{kib}: {}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 1, "{kib}: {}", done.stderr);
    }
    assert!(
        refused > 0,
        "the samples alone take more than the least of them"
    );
}
