//! `--live`: the picture on the terminal's other screen, and the way back from it however the program ends.

#![cfg(target_os = "linux")]

use std::process::Command;

use crate::support::{Home, pty::on_terminal};

const ENTER: &str = "\u{1b}[?1049h";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

fn live(home: &Home, arguments: &str) -> Command {
    let mut command = home.command(&format!(
        "run --live --data synthetic --device cpu {arguments}"
    ));
    command
        .env("TERM", "xterm-256color")
        .env("LC_ALL", "C.UTF-8");
    command
}

#[test]
fn a_training_is_a_picture_and_then_a_block() {
    for columns in [20, 40, 80, 200] {
        let home = Home::new();
        let (shown, code) = on_terminal(live(&home, "--epochs 2"), columns).end();
        assert_eq!(code, Some(0), "{shown}");
        let (before, rest) = shown.split_once(ENTER).expect("the other screen is shown");
        let (picture, after) = rest.split_once(LEAVE).expect("and left");
        assert!(!before.contains("Total"), "{before}");
        if columns >= 80 {
            assert!(picture.contains("compile"), "{columns}: {picture}");
        }
        assert!(after.contains("Total"), "{after}");
        // What was said meanwhile is not lost with the other screen.
        assert!(after.contains("stored as"), "{after}");
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["INT", "TERM"] {
        let home = Home::new();
        let mut on = on_terminal(live(&home, "--epochs 1000"), 80);
        on.shown_until("epoch");
        let pid = on.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("there is a kill").success());
        let (shown, code) = on.end();
        assert_eq!(code, Some(130), "{shown}");
        assert_eq!(shown.matches(ENTER).count(), 1);
        let (_, after) = shown.split_once(LEAVE).expect("the screen is left");
        assert!(after.contains("interrupted"), "{after}");
    }
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let home = Home::new();
    let done = home.laptime("run --live --data synthetic --device cpu --epochs 3");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(!done.stderr.contains('\u{1b}'), "{:?}", done.stderr);
    assert!(done.stderr.contains("epoch 1/3"), "{}", done.stderr);
    assert!(done.stdout.contains("Total"), "{}", done.stdout);
}

#[test]
fn a_terminal_without_utf_8_gets_plain_lines() {
    let home = Home::new();
    let mut command = live(&home, "--epochs 2");
    command.env("LC_ALL", "C");
    let (shown, code) = on_terminal(command, 80).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains(ENTER), "{shown}");
    assert!(shown.contains("epoch 1/2"), "{shown}");
}
