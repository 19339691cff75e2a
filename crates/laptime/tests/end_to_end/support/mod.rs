//! Runs the program as a user would, away from the user's own files.

#![allow(dead_code, reason = "not every test needs everything")]

#[cfg(target_os = "linux")]
pub mod pty;
pub mod schema;

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use laptime_results::Record;
use serde_json::Value;
use tempfile::TempDir;

/// Stands in for a framework's Python, and for the system's.
pub const PYTHON: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/end_to_end/support/fake_framework.py"
);

/// A home of its own for one test.
pub struct Home {
    folder: TempDir,
}

/// Every record that a test has left is a good one, whatever the test looked at.
impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let is_record = |path: &PathBuf| path.extension().is_some_and(|end| end == "json");
            for path in self.records().into_iter().filter(is_record) {
                json(&path);
            }
        }
    }
}

/// What a finished program left behind.
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("there is a place for temporary files"),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with this home and arguments, its streams caught.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_laptime"));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_DATA_HOME", self.path("data"))
            // Else each run would be repeated for 20 s.
            .env("LAPTIME_RUNS", "1")
            .env("LAPTIME_NO_ANALYSIS", "1")
            .env_remove("COLUMNS")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(windows)]
        {
            use std::os::windows::process::CommandExt;
            use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;
            // For `interrupt`.
            command.creation_flags(CREATE_NEW_PROCESS_GROUP);
        }
        command
    }

    /// A shell with this home.
    pub fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("sh");
        let laptime = self.command("");
        shell.args(["-c", script]).current_dir(self.path(""));
        for (name, value) in laptime.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
    }

    pub fn laptime(&self, arguments: &str) -> Done {
        done(self.command(arguments))
    }

    /// The records in the store.
    pub fn records(&self) -> Vec<PathBuf> {
        let Ok(entries) = self.path("data/laptime/records").read_dir() else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        paths.collect()
    }
}

pub fn done(mut command: Command) -> Done {
    ended(command.output().expect("the program starts"))
}

pub fn ended(output: Output) -> Done {
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("it prints UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("it prints UTF-8"),
    }
}

/// Whether this is Wine without a console, whose events it cannot send then (docs/windows.md). Then the test
/// is skipped.
pub fn lacks_console() -> bool {
    let lacks = cfg!(windows) && std::env::var_os("WINEPREFIX").is_some();
    if lacks {
        eprintln!("skipped: Wine has no console to interrupt a program by");
    }
    lacks
}

/// Asks a program to end, as Ctrl-C does.
pub fn interrupt(child: &Child) {
    #[cfg(unix)]
    signal(child, "INT");
    #[cfg(windows)]
    {
        use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
        // One group of processes can be sent no other event.
        // SAFETY: both arguments are numbers.
        let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.id()) };
        let error = std::io::Error::last_os_error();
        assert_ne!(sent, 0, "{error}");
    }
}

/// Sends a signal.
#[cfg(unix)]
pub fn signal(child: &Child, signal: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &id]).status();
    assert!(sent.expect("there is a kill").success());
}

/// The JSON of a file. Records in it are checked on the way: they fit the schema, and are the same
/// when they have been read and written again.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the file is there");
    let value = serde_json::from_str(&text).expect("it is JSON");
    let all = match &value {
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    };
    let is_record = |it: &&Value| {
        let schema = it["schema"].as_str();
        schema.is_some_and(|name| name.starts_with("laptime.record."))
    };
    for record in all.into_iter().filter(is_record) {
        let schema = laptime_results::schema().to_value();
        let place = path.display().to_string();
        assert_eq!(schema::misfits(&schema, &schema, record, &place), [""; 0]);
        let read: Record = serde_json::from_value(record.clone()).expect("it is a record");
        let again = serde_json::to_value(read).expect("it has only strings for keys");
        assert_eq!(again, *record, "{place}");
    }
    value
}

/// The value of a metric of an epoch or a test.
pub fn metric<'a>(of: &'a Value, name: &str) -> &'a Value {
    let all = of["metrics"].as_array().expect("a list of metrics");
    let found = all.iter().find(|metric| metric["name"] == name);
    &found.unwrap_or_else(|| panic!("no {name} in {of}"))["value"]
}

/// A quick run that needs no network.
pub const SHORT: &str = "run --data synthetic --max-steps 4";

/// Waits long, because machines are busy.
pub fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let since = Instant::now();
    while !is_there() {
        assert!(since.elapsed() < Duration::from_secs(120), "no {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
