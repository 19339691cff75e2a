//! Tells the program what it is built for, and from which commit, where it is built from its own repository.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = env::var("TARGET").expect("cargo sets it");
    let commit = commit();
    let build: Vec<&str> = commit
        .iter()
        .map(String::as_str)
        .chain([&*target])
        .collect();
    println!("cargo:rustc-env=LAPTIME_BUILD={}", build.join(", "));
    if let Some(commit) = commit {
        println!("cargo:rustc-env=LAPTIME_COMMIT={commit}");
    }
}

/// Which commit of our own repository this is.
fn commit() -> Option<String> {
    // A published package may lie in somebody else's repository, whose commit says nothing.
    let is_ours = git(&["rev-parse", "--show-prefix"]).is_some_and(|it| it == "crates/laptime/");
    if !is_ours {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", file]) {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            if path.exists() {
                println!("cargo:rerun-if-changed={}", path.display());
            }
        }
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

/// What git prints; nothing where there is no git or it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
