//! Colours and progress on a terminal: shown where they belong, and nowhere else.

#![cfg(target_os = "linux")]

mod support;

use std::{
    fs::File,
    io::Read,
    process::{Child, Command, Stdio},
};
#[cfg(feature = "download")]
use std::{
    io::{BufRead, BufReader},
    sync::mpsc,
    thread,
    time::Duration,
};

use nix::pty::{Winsize, openpty};
use support::{Home, SHORT};

/// A program whose standard output and standard error are a terminal.
struct OnTerminal {
    child: Child,
    screen: File,
    shown: Vec<u8>,
}

fn on_terminal(mut command: Command, columns: u16) -> OnTerminal {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(Some(&size), None).expect("Linux has pseudo-terminals");
    let end = || Stdio::from(terminal.slave.try_clone().expect("it can be shared"));
    let child = command.stdout(end()).stderr(end()).spawn();
    // `command` and the slave end here: when the child's ends close too, the screen ends.
    OnTerminal {
        child: child.expect("the program starts"),
        screen: terminal.master.into(),
        shown: Vec::new(),
    }
}

impl OnTerminal {
    /// All that is shown until these words are, or the program ends.
    fn shown_until(&mut self, words: &str) -> String {
        let mut piece = [0; 4096];
        loop {
            let shown = String::from_utf8_lossy(&self.shown);
            if !words.is_empty() && shown.contains(words) {
                return shown.into_owned();
            }
            // A terminal that nobody writes to any more ends with an error.
            match self.screen.read(&mut piece) {
                Ok(read @ 1..) => self.shown.extend(&piece[..read]),
                _ => return String::from_utf8_lossy(&self.shown).into_owned(),
            }
        }
    }

    /// All that is shown, and the exit code.
    fn end(mut self) -> (String, Option<i32>) {
        let shown = self.shown_until("");
        (shown, self.child.wait().expect("it ends").code())
    }
}

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
    assert!(support::done(command).stdout.contains("28×28"));
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
