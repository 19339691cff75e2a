//! Colours and progress on a terminal: shown where they belong, and nowhere else.

#![cfg(target_os = "linux")]

#[cfg(feature = "download")]
use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::support::{
    Home, SHORT,
    pty::{on_terminal, on_terminal_of},
};

/// The text without its control sequences (ECMA-48: `ESC [`, parameters, a letter), and the letters
/// of these.
fn parted(shown: &str) -> (String, String) {
    let (mut text, mut letters) = (String::new(), String::new());
    let mut rest = shown.split("\u{1b}[");
    text += rest.next().unwrap_or_default();
    for piece in rest {
        let end = piece.find(|c: char| c.is_ascii_alphabetic());
        let (sequence, after) = piece.split_at(end.map_or(piece.len(), |end| end + 1));
        letters.extend(sequence.chars().last());
        text += after;
    }
    (text, letters)
}

#[test]
fn colours_follow_the_terminal_and_progress_follows_quiet() {
    // (arguments, variable, is coloured, is redrawn)
    let table = [
        ("", ("NO_COLOR", None), true, true),
        ("", ("NO_COLOR", Some("1")), false, true),
        // no-color.org: an empty value does not count.
        ("", ("NO_COLOR", Some("")), true, true),
        ("", ("TERM", Some("dumb")), false, false),
        ("--color never", ("NO_COLOR", None), false, true),
        ("--color always", ("NO_COLOR", Some("1")), true, true),
        ("--quiet", ("NO_COLOR", None), true, false),
    ];
    for (arguments, (variable, value), is_coloured, is_redrawn) in table {
        let home = Home::new();
        let mut command = home.command(&format!("{SHORT} {arguments}"));
        command.env("TERM", "xterm");
        if let Some(value) = value {
            command.env(variable, value);
        }
        let (shown, code) = on_terminal(command, 80).end();
        let case = format!("{arguments} {variable}={value:?}: {shown:?}");
        assert_eq!(code, Some(0), "{case}");
        assert!(shown.contains("Total"), "{case}");
        let (_, letters) = parted(&shown);
        // m is for colours; K and J wipe a line and a screen.
        assert_eq!(letters.contains('m'), is_coloured, "{case}");
        assert_eq!(letters.contains(['K', 'J']), is_redrawn, "{case}");
    }
}

#[test]
fn a_narrow_terminal_is_kept_to() {
    let home = Home::new();
    let mut command = home.command("run --data synthetic --epochs 1");
    command.env("TERM", "xterm");
    let (shown, code) = on_terminal(command, 40).end();
    assert_eq!(code, Some(0), "{shown}");
    let (text, _) = parted(&shown);
    let block = text.lines().take_while(|line| !line.contains("stored as"));
    for line in block.flat_map(|line| line.split('\r')) {
        assert!(line.chars().count() <= 40, "{line:?} in {shown:?}");
    }
}

#[test]
fn a_terminal_without_utf_8_gets_ascii() {
    let home = Home::new();
    for (locale, is_ascii) in [("C", true), ("C.UTF-8", false)] {
        let mut command = home.command(&format!("{SHORT} --quiet"));
        command.env("LC_ALL", locale).env("TERM", "xterm");
        let (shown, code) = on_terminal(command, 80).end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("SYNTHETIC"), "{shown}");
        assert_eq!(shown.contains('┏'), !is_ascii, "{locale}: {shown}");
        assert_eq!(shown.contains("+==="), is_ascii, "{locale}: {shown}");
    }
    // What a program reads is UTF-8 everywhere.
    let mut command = home.command("workloads");
    command.env("LC_ALL", "C");
    assert!(crate::support::done(command).stdout.contains("28×28"));
}

/// The cache's lock, which another process holds while it fills the cache, so that two that need the
/// same files download them once; and a command that will ask for it.
#[cfg(feature = "download")]
fn being_filled(home: &Home, arguments: &str) -> (File, Command) {
    let folder = home.path("cache/laptime/datasets/fashion-mnist");
    std::fs::create_dir_all(&folder).expect("it is a temporary folder");
    let other = File::create(folder.join(".lock")).expect("it is a temporary folder");
    other.lock().expect("nobody else has it");
    let mut command = home.command(arguments);
    command
        .env("TERM", "xterm")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy");
    // Nobody listens there: what comes behind the wait needs no network to fail.
    for variable in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env(variable, "http://127.0.0.1:9");
    }
    (other, command)
}

#[cfg(feature = "download")]
#[test]
fn who_finds_the_cache_being_filled_says_so_and_waits() {
    let home = Home::new();
    let (other, command) = being_filled(&home, "data fetch fashion-mnist");
    let mut waiting = on_terminal(command, 80);
    let shown = waiting.shown_until("waiting for it");
    assert!(shown.contains("another process is downloading"), "{shown}");
    assert!(waiting.child.try_wait().expect("it runs").is_none());
    drop(other);
    let (shown, code) = waiting.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("error: "), "{shown}");
}

#[cfg(feature = "download")]
#[test]
fn who_waits_for_the_cache_says_so_without_a_terminal_and_with_quiet_too() {
    let home = Home::new();
    let (other, mut command) = being_filled(&home, "run --data official --quiet");
    let mut child = command.spawn().expect("the program starts");
    let stderr = child.stderr.take().expect("it is piped");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines() {
            tell.send(line.expect("it prints UTF-8")).ok();
        }
    });
    // If nothing is said, the test must not wait as long as the program.
    let line = told.recv_timeout(Duration::from_secs(60));
    drop(other);
    let line = line.expect("it says that it waits");
    assert!(line.contains("waiting for it"), "{line}");
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn the_first_run_is_shown_while_it_is_repeated() {
    let home = Home::new();
    let mut command = home.command("run --data synthetic --device cpu --epochs 1 --runs 2");
    command.env("TERM", "xterm");
    let (shown, code) = on_terminal_of(command, 80, 50).end();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("  Total ").count(), 2, "{shown}");
    let (first, last) = shown
        .split_once("first, cold run; it is repeated")
        .expect("it is said");
    assert!(!first.contains("median of 2 runs"), "{first}");
    // Taken back before the final block.
    assert!(last.contains("\u{1b}[J"), "{last:?}");
    assert!(last.contains("median of 2 runs"), "{last}");
}
