//! Names and values that were chosen to mislead: the terminal obeys none of them, and no message can be
//! forged.

#![cfg(unix)]

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt};

use crate::support::{Done, Home, done};

/// A file's name that takes the screen, and then says something of its own.
const NAME: &str = "a\u{1b}[2J\u{202e}\u{9b}31m\u{200b}\r\nerror: forged\u{7}";

fn assert_harmless(done: &Done, arguments: &[OsString]) {
    let text = format!("{}{}", done.stdout, done.stderr);
    let is_harmful = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    assert!(!text.contains(is_harmful), "{arguments:?}: {text:?}");
    let errors = text.lines().filter(|line| line.starts_with("error:"));
    let expected = usize::from(done.code != Some(0));
    assert_eq!(errors.count(), expected, "{arguments:?}: {text}");
    assert!(!text.lines().any(|line| line.starts_with("error: forged")));
}

#[test]
fn no_argument_is_obeyed_by_the_terminal() {
    let home = Home::new();
    fs::create_dir(home.path(NAME)).expect("it is a temporary folder");
    let named = laptime_workload::BUILTINS[0].text.replace(
        "name = \"fashion-mnist\"",
        "name = \"\\u001b[31m\\u202e\\nerror: forged\"",
    );
    assert!(named.contains("forged"), "the spec still has such a line");
    fs::write(home.path("named.toml"), named).expect("it is a temporary folder");
    let broken = format!("{NAME}/broken.toml");
    fs::write(home.path(&broken), "\u{1b}[31m = \"\u{202e}\"\n").expect("it can be written");
    let missing = format!("{NAME}.toml");
    let file = format!("{NAME}/no/where");
    // (arguments, whether it must fail)
    let table: &[(&[&str], bool)] = &[
        (&[NAME], true),
        (&["run", NAME], true),
        (&["run", &missing], true),
        (&["run", &broken], true),
        (&["run", "named.toml"], true),
        (&["run", "--export-json", &file], true),
        (&["run", "--save", NAME], true),
        (&["run", "--data-dir", &missing], true),
        (&["run", "--checkpoint", &broken], true),
        (&["run", "--device", NAME], true),
        (&["run", "--engine", NAME], true),
        (&["run", "--passes", NAME], true),
        (&["run", "--threads", NAME], true),
        (&["run", "--precision", NAME], true),
        (&["run", "--epochs", NAME], true),
        (&["run", "--data", NAME], true),
        (&["run", &format!("--{NAME}")], true),
        (&["run", &format!("--exports{NAME}")], true),
        (&["race", "--engines", NAME], true),
        (&["race", "--engines", &format!("laptime,{NAME}")], true),
        (
            &["race", "--engines", "laptime,jax", "--budget", NAME],
            true,
        ),
        (&["data", "list", "--data-dir", NAME], false),
        (&["data", "verify", "--data-dir", NAME], true),
        (&["data", "verify", NAME], true),
        (&["peers", "install", NAME], true),
        (&["peers", "install", "jax", "--python", NAME], true),
        (&["peers", "install", "jax", "--variant", NAME], true),
    ];
    for (arguments, fails) in table {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let mut command = home.command("");
        command.args(&arguments);
        let done = done(command);
        assert_eq!(
            done.code != Some(0),
            *fails,
            "{arguments:?}: {}",
            done.stderr
        );
        assert_harmless(&done, &arguments);
    }
    // What is not even text.
    let mut bytes = NAME.as_bytes().to_vec();
    bytes.extend(b"\xff\xfe.toml");
    for arguments in [
        vec!["run".into(), OsString::from_vec(bytes.clone())],
        vec!["run".into(), "--data-dir".into(), OsString::from_vec(bytes)],
    ] {
        let mut command = home.command("");
        command.args(&arguments);
        assert_harmless(&done(command), &arguments);
    }
}

#[test]
fn no_variable_is_obeyed_by_the_terminal() {
    let home = Home::new();
    let absolute = home.path(NAME).into_os_string();
    for (arguments, variable) in [
        ("peers list", "LAPTIME_PEER_JAX"),
        ("run --data synthetic --engine jax", "LAPTIME_PEER_JAX"),
        ("run --data synthetic", "LAPTIME_ISA"),
        ("data list", "XDG_CACHE_HOME"),
        ("data verify", "XDG_CACHE_HOME"),
        ("peers list", "XDG_DATA_HOME"),
    ] {
        let mut command = home.command(arguments);
        command.env(variable, &absolute);
        assert_harmless(&done(command), &[arguments.into(), variable.into()]);
    }
}

/// A peer that dies with a log made to mislead.
#[test]
fn no_log_of_a_peer_is_obeyed_by_the_terminal() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let python = home.path("python");
    let script =
        "#!/bin/sh\nprintf '\\033[2J\\nerror: forged\\n\\342\\200\\256x\\r\\n' >&2\nexit 3\n";
    fs::write(&python, script).expect("it is a temporary folder");
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let mut command = home.command("run --data synthetic --engine jax");
    command.env("LAPTIME_PEER_JAX", &python);
    let done = done(command);
    assert_ne!(done.code, Some(0));
    assert!(done.stderr.contains("\n  error: forged"), "{}", done.stderr);
    assert_harmless(&done, &[]);
}
