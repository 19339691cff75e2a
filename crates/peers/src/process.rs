//! A peer's process: spoken to line by line, and ended with all that it has started when it is dropped.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command as Program, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use laptime_engine::EngineError;
use laptime_workload::Shown;

use crate::{
    children::Group,
    compiled,
    folder::Folder,
    protocol::{Command, Event, VERSION},
    variables,
};

const MAIN: &str = include_str!("../adapters/main.py");
const JOB: &str = include_str!("../scripts/job.py");
const DROPOUT: &str = include_str!("../scripts/dropout.py");

/// How long a peer may say nothing, where `LAPTIME_PEER_TIMEOUT_S` does not say otherwise: a
/// compiler may need minutes for a large model.
const SILENCE: Duration = Duration::from_secs(600);
/// A peer that has closed its line is as good as gone.
const GRACE: Duration = Duration::from_secs(5);
/// How much of a log is worth reading, and worth showing.
const LOG_BYTES: u64 = 1 << 16;
const LOG_LINES: usize = 15;
/// The longest line of events: the seconds of a hundred million steps would not fit, an epoch's do.
const MAX_LINE_BYTES: u64 = 1 << 28;

/// What to start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start<'a> {
    /// What messages call it.
    pub(crate) title: &'a str,
    /// What speaks.
    pub(crate) speaker: Speaker<'a>,
    /// Processors that it may use.
    pub(crate) threads: usize,
    /// How long it may say nothing, where that is not the user's to decide.
    pub(crate) silence: Option<Duration>,
    /// Whether its compiler finds what earlier ones have compiled, and leaves what it does.
    pub(crate) shares_compiled: bool,
}

/// What speaks the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speaker<'a> {
    /// A framework's adapter.
    Adapter {
        /// The interpreter.
        python: &'a Path,
        /// The adapter's source.
        source: &'a str,
    },
    /// A program of the user's own, from the root.
    Program(&'a Path),
}

impl Speaker<'_> {
    /// How it is started, with what it needs in its folder.
    fn program(self, folder: &Path, threads: usize) -> io::Result<Program> {
        let threads = threads.to_string();
        match self {
            Self::Adapter { python, source } => {
                for (name, text) in [
                    ("main.py", MAIN),
                    ("job.py", JOB),
                    ("dropout.py", DROPOUT),
                    ("adapter.py", source),
                ] {
                    fs::write(folder.join(name), text)?;
                }
                let mut program = Program::new(python);
                // Isolated: neither the user's packages nor PYTHON* variables change what runs.
                program.arg("-I").arg(folder.join("main.py")).arg(threads);
                Ok(program)
            }
            Self::Program(path) => {
                let mut program = Program::new(path);
                let version = VERSION.to_string();
                program.args(["--protocol", &version, "--threads", &threads]);
                Ok(program)
            }
        }
    }

    /// The file that is started.
    fn file(&self) -> &Path {
        match self {
            Self::Adapter { python, .. } => python,
            Self::Program(path) => path,
        }
    }
}

/// A running peer.
pub(crate) struct PeerProcess {
    title: String,
    group: Group,
    stdin: ChildStdin,
    lines: Receiver<String>,
    folder: Folder,
    silence: Duration,
}

impl PeerProcess {
    pub(crate) fn start(start: Start) -> Result<Self, EngineError> {
        let title = start.title;
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            EngineError::Failed(format!("{title}: {what}: {error}"))
        };
        let silence = match start.silence {
            Some(silence) => silence,
            None => silence().map_err(EngineError::Unsupported)?,
        };
        let unwritable = |error| failed("no temporary folder can be made", &error);
        let folder = Folder::new().map_err(unwritable)?;
        let compiled = if start.shares_compiled {
            compiled::place().map_err(unwritable)?
        } else {
            folder.path().join("compiled")
        };
        let mut program = start
            .speaker
            .program(folder.path(), start.threads)
            .map_err(|error| failed("its folder cannot be written", &error))?;
        let log = fs::File::create(folder.path().join("log.txt"))
            .map_err(|error| failed("its log cannot be written", &error))?;
        let home = folder.path().join("home");
        fs::create_dir(&home).map_err(|error| failed("its home cannot be made", &error))?;
        variables::limit(&mut program, &home);
        program
            .current_dir(folder.path())
            // PyTorch's compiler and CUDA's keep what they made there.
            .env("TORCHINDUCTOR_CACHE_DIR", &compiled)
            .env("CUDA_CACHE_PATH", compiled.join("cuda"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut group = Group::spawn(&mut program).map_err(|error| {
            let file = Shown(start.speaker.file());
            EngineError::Unsupported(format!("{title}: {file} cannot be started: {error}"))
        })?;
        let (stdin, stdout) = (group.child.stdin.take(), group.child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            unreachable!("both are piped");
        };
        Ok(Self {
            title: title.to_owned(),
            group,
            stdin,
            lines: read_lines(stdout).map_err(|error| failed("no thread can read it", &error))?,
            folder,
            silence,
        })
    }

    /// A file or folder of this name among those that are exchanged; all are gone with the process.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends a command.
    pub(crate) fn send(&mut self, command: &Command) -> Result<(), EngineError> {
        let mut line = serde_json::to_vec(command)
            .map_err(|error| EngineError::Failed(format!("{}: {error}", self.title)))?;
        line.push(b'\n');
        let sent = self.stdin.write_all(&line);
        // A peer that has gone may have left word why.
        sent.map_err(|_| self.ended())
    }

    /// The next event; `None` where there was none for as long as `patience`. `since` is when the
    /// peer was last heard of.
    pub(crate) fn poll(
        &mut self,
        patience: Duration,
        since: Instant,
    ) -> Result<Option<Event>, EngineError> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => self.event(&line).map(Some),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
            Err(RecvTimeoutError::Timeout) if since.elapsed() >= self.silence => {
                let silence_s = self.silence.as_secs_f64();
                Err(self.failure(&format!(
                    "has said nothing for {silence_s:.0} s, and was ended \
                     (LAPTIME_PEER_TIMEOUT_S allows more)"
                )))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
        }
    }

    /// Waits for an event.
    pub(crate) fn wait(&mut self) -> Result<Event, EngineError> {
        let since = Instant::now();
        loop {
            if let Some(event) = self.poll(Duration::from_millis(100), since)? {
                return Ok(event);
            }
        }
    }

    /// Whether the process ends by itself in this time, once its standard input is closed.
    pub(crate) fn ends_with_input(self, patience: Duration) -> bool {
        let Self {
            mut group,
            stdin,
            folder: _folder,
            ..
        } = self;
        drop(stdin);
        let since = Instant::now();
        while since.elapsed() < patience {
            if matches!(group.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// Waits for an event, be it that of an error.
    pub(crate) fn wait_raw(&mut self) -> Result<Event, EngineError> {
        match self.lines.recv_timeout(self.silence) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(event) => Ok(event),
                Err(_) => self.event(&line),
            },
            Err(_) => Err(self.ended()),
        }
    }

    /// Waits for the end of a command that gives nothing back.
    pub(crate) fn wait_done(&mut self) -> Result<(), EngineError> {
        match self.wait()? {
            Event::Done => Ok(()),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The event makes no sense here.
    pub(crate) fn unexpected(&mut self, event: &Event) -> EngineError {
        self.failure(&format!("said what was not asked for: {event:?}"))
    }

    /// The error of a peer that has misbehaved, with the end of its log.
    fn failure(&mut self, what: &str) -> EngineError {
        let end = log_end(&self.path("log.txt")).unwrap_or_default();
        let title = &self.title;
        if end.is_empty() {
            return EngineError::Failed(format!("{title} {what}"));
        }
        EngineError::Failed(format!("{title} {what}; the end of its log:\n{end}"))
    }

    fn event(&mut self, line: &str) -> Result<Event, EngineError> {
        match serde_json::from_str(line) {
            Ok(Event::Error {
                message,
                is_unsupported: true,
            }) => {
                let title = &self.title;
                Err(EngineError::Unsupported(format!("{title}: {message}")))
            }
            Ok(Event::Error { message, .. }) => Err(self.failure(&format!("failed: {message}"))),
            Ok(event) => Ok(event),
            Err(_) => {
                let start: String = line.chars().take(60).collect();
                Err(self.failure(&format!("does not speak the protocol: {start:?}")))
            }
        }
    }

    /// Why a peer that has closed its line is gone.
    fn ended(&mut self) -> EngineError {
        // Its last words may still be in the line.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
            if let Err(error) = self.event(&line) {
                return error;
            }
        }
        let since = Instant::now();
        let status = loop {
            match self.group.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if since.elapsed() < GRACE => thread::sleep(Duration::from_millis(10)),
                _ => break None,
            }
        };
        let how = status.map_or("went silent".into(), how_it_ended);
        self.failure(&how)
    }
}

/// A thread that hands on what the peer says, until it says no more.
fn read_lines(stdout: ChildStdout) -> io::Result<Receiver<String>> {
    let (sender, lines) = channel();
    thread::Builder::new().spawn(move || {
        let mut reader = BufReader::new(stdout);
        loop {
            let mut line = Vec::new();
            let read = reader
                .by_ref()
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut line);
            if !matches!(read, Ok(1..)) {
                return;
            }
            if sender
                .send(String::from_utf8_lossy(&line).into_owned())
                .is_err()
            {
                return;
            }
        }
    })?;
    Ok(lines)
}

fn silence() -> Result<Duration, String> {
    let Some(text) = env::var_os("LAPTIME_PEER_TIMEOUT_S") else {
        return Ok(SILENCE);
    };
    let seconds = text.to_str().and_then(|text| text.parse::<f64>().ok());
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("LAPTIME_PEER_TIMEOUT_S={text:?}: give a number of seconds"))
}

fn how_it_ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt;
        match status.signal() {
            Some(9) => return "was killed, perhaps because memory ran out".into(),
            Some(signal) => return format!("was ended by signal {signal}"),
            None => {}
        }
    }
    match status.code() {
        Some(code) => format!("ended with code {code}"),
        None => "ended".into(),
    }
}

/// The last lines of a log, whatever bytes are in it and however long it is.
fn log_end(path: &Path) -> io::Result<String> {
    let mut log = fs::File::open(path)?;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    Ok(lines[lines.len().saturating_sub(LOG_LINES)..].join("\n"))
}
