//! Frameworks are installed, listed and removed, from a Python that stands in for the system's.

#![cfg(unix)]

mod support;

use std::{fs, path::Path};

use support::{Done, Home, done};

const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/fake_framework.py"
);

fn install(home: &Home, fake: &str) -> Done {
    let mut command = home.command(&format!("peers install jax --python {PYTHON}"));
    command.env("FAKE", fake);
    done(command)
}

fn is_installed(home: &Home) -> bool {
    let list = home.laptime("peers list");
    assert_eq!(list.code, Some(0), "{}", list.stderr);
    let line = list.stdout.lines().find(|line| line.starts_with("jax"));
    !line.expect("JAX is listed").contains("not installed")
}

/// What lies beside the environments.
fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("it can be read").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// An install once swept away what it had just made, as what an earlier one had left.
#[test]
fn an_environment_is_installed_again_and_removed() {
    let home = Home::new();
    let peers = home.path("data/laptime/peers");
    assert!(!is_installed(&home));
    fs::create_dir_all(peers.join(".jax-unfinished-killed/lib")).expect("it can be made");
    for _ in 0..2 {
        let done = install(&home, "works");
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert!(done.stdout.starts_with("JAX "), "{}", done.stdout);
        assert!(is_installed(&home));
        assert_eq!(entries(&peers), [".jax.lock", "jax"]);
    }
    let removed = home.laptime("peers remove jax");
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    assert!(!is_installed(&home));
    assert_eq!(entries(&peers), [".jax.lock"]);
}

#[test]
fn a_failed_install_leaves_what_was_there() {
    let home = Home::new();
    let failed = install(&home, "no_network");
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(
        failed
            .stderr
            .contains("the package index cannot be reached"),
        "{}",
        failed.stderr
    );
    assert!(!is_installed(&home));
    assert_eq!(install(&home, "works").code, Some(0));
    assert_eq!(install(&home, "no_network").code, Some(1));
    assert!(is_installed(&home));
    let peers = home.path("data/laptime/peers");
    assert_eq!(entries(&peers), [".jax.lock", "jax"]);
}

#[test]
fn two_installs_at_once_do_not_disturb_each_other() {
    let home = Home::new();
    let peers = home.path("data/laptime/peers");
    let under_way = peers.join(".jax-unfinished-other");
    fs::create_dir_all(&under_way).expect("it can be made");
    let lock = fs::File::create(peers.join(".jax.lock")).expect("it can be made");
    lock.lock().expect("nobody else has it");
    for done in [install(&home, "works"), home.laptime("peers remove jax")] {
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(done.stderr.contains("another process"), "{}", done.stderr);
    }
    assert!(under_way.exists());
}
