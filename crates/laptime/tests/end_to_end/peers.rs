//! Frameworks are installed, listed and removed, from a Python that stands in for the system's.

#![cfg(unix)]

use std::{fs, path::Path, process::Command};

use crate::support::{Done, Home, PYTHON, done};

fn install(home: &Home, fake: &str) -> Done {
    let mut command = home.command(&format!("peers install jax --python {PYTHON}"));
    command.env("LAPTIME_FAKE", fake);
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
        assert!(!peers.join("jax/unpacked").exists());
    }
    let removed = home.laptime("peers remove jax");
    assert_eq!(removed.code, Some(0), "{}", removed.stderr);
    assert!(!is_installed(&home));
    assert_eq!(entries(&peers), [".jax.lock"]);
}

/// As where the system's Python was removed or renewed: an environment has a link to it.
#[test]
fn an_environment_whose_python_is_gone_is_told() {
    let home = Home::new();
    assert_eq!(install(&home, "works").code, Some(0));
    let python = home.path("data/laptime/peers/jax/bin/python");
    fs::remove_file(&python).expect("it is there");
    std::os::unix::fs::symlink("/no/python", &python).expect("it can be linked");
    let list = home.laptime("peers list");
    let says =
        "jax         not usable: its Python is gone; install it with `laptime peers install jax`";
    assert!(list.stdout.contains(says), "{}", list.stdout);
    let run = home.laptime("run --engine jax --data synthetic --max-steps 4");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(
        run.stderr.contains("is gone; install it with"),
        "{}",
        run.stderr
    );
    assert_eq!(install(&home, "works").code, Some(0));
    assert!(is_installed(&home));
}

/// A peer is started in a folder of its own, and its interpreter looked for in the user's.
#[test]
fn an_interpreter_may_be_named_from_the_users_folder() {
    let home = Home::new();
    fs::create_dir_all(home.path("venv/bin")).expect("it can be made");
    std::os::unix::fs::symlink(PYTHON, home.path("venv/bin/python")).expect("it can be linked");
    for python in ["venv/bin/python", "./venv/bin/python"] {
        let mut verify = home.command("verify --engine jax");
        verify.env("LAPTIME_PEER_JAX", python);
        let done = done(verify);
        assert!(
            !done.stderr.contains("cannot be started"),
            "{}",
            done.stderr
        );
        assert!(done.stdout.contains("failed: step 1"), "{}", done.stdout);
    }
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

/// Distributions' own Python is often newer than the wheels.
#[test]
fn a_python_that_has_wheels_is_found_beside_one_that_has_none() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let home = Home::new();
    let found = Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    let found = found.expect("there is a python3").stdout;
    let real = String::from_utf8(found).expect("its path is text");
    let folder = home.path("programs");
    fs::create_dir(&folder).expect("it can be made");
    let too_new = format!(
        "#!/bin/sh\ncase \"$1\" in -I) echo 3 99 ;; *) exec {} \"$@\" ;; esac\n",
        real.trim()
    );
    fs::write(folder.join("python3"), too_new).expect("it can be written");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.join("python3"), executable).expect("it can be changed");
    let mut install = home.command("peers install jax");
    install.env("PATH", &folder);
    let refused = done(install);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let told = "python3 is Python 3.99, for which no wheels of JAX are locked";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);

    symlink(PYTHON, folder.join("python3.11")).expect("it can be made");
    let mut install = home.command("peers install jax");
    install.env("PATH", &folder);
    let done = done(install);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("with Python 3.11"), "{}", done.stderr);
}
