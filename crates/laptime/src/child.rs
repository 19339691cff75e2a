//! Other processes of this program, and how they are asked.
//!
//! A child gets what it is to do as data, on its standard input: everything parsed and resolved once, by
//! the process that the user started. So no file is read twice, and no command line is written anew.

use std::{
    env,
    ffi::OsString,
    io::{self, BufRead, Read, Seek, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use laptime_engine::{Device, Passes};
use laptime_measure::Ends;
use laptime_peers::Group;
use laptime_workload::{Workload, dataset::OwnFiles};
use serde::{Deserialize, Serialize};

use crate::{failure::Failure, given_weights::WeightsFile};

/// What a child is to do.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Ask the gate about an engine.
    Verify(GateJob),
    /// Choose the device of our own engine.
    ChooseDevice(DeviceWish),
    /// Look for graphics adapters: whether that can be done is all there is to say.
    FindAdapters,
    /// Train some steps with matrix units and without.
    TryMatrixUnits(GateJob),
    /// Train and test once.
    Run(RunJob),
    /// Measure what bounds a step.
    Analyse(GateJob),
}

/// All that a verdict of the gate depends on, or an analysis.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct GateJob {
    /// What is trained.
    pub workload: Workload,
    /// What it starts from, where that is a file.
    pub weights: Option<WeightsFile>,
    /// The name of the engine.
    pub engine: String,
    /// What it trains on.
    pub device: Device,
    /// Threads of a CPU.
    pub threads: usize,
    /// The optional passes of the compiler.
    pub passes: Passes,
    /// Samples of an epoch's last batch, where that is a short one; else 0.
    pub last_batch: usize,
}

/// All that the choice of a device depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceWish {
    /// What is to be trained.
    pub workload: Workload,
    /// The name of this machine's processor.
    pub cpu: String,
    /// Threads of a CPU.
    pub threads: usize,
    /// The optional passes of the compiler.
    pub passes: Passes,
}

/// All that a run depends on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct RunJob {
    /// What is trained.
    pub workload: Workload,
    /// What it starts from, where that is a file.
    pub weights: Option<WeightsFile>,
    /// The name of the engine.
    pub engine: String,
    /// What it trains on.
    pub device: Device,
    /// Threads of a CPU.
    pub threads: usize,
    /// The optional passes of the compiler.
    pub passes: Passes,
    /// Where the training ends.
    pub ends: Ends,
    /// Whether samples are made up; else they are the official ones, or well-formed.
    pub is_synthetic: bool,
    /// Where samples are looked for first.
    pub data_dir: Option<OsString>,
    /// Where samples of the user's own are.
    pub own_files: Option<Box<OwnFiles>>,
    /// Whether the machine is observed.
    pub telemetry: bool,
}

/// How a child ended, and what it said.
pub struct Answer {
    /// Its standard output.
    pub output: Vec<u8>,
    /// Its standard error.
    pub errors: String,
    /// What it ended with.
    pub status: ExitStatus,
}

impl Answer {
    /// How it ended, where it crashed or was ended.
    pub fn crashed(&self) -> Option<String> {
        // 0 to 2 are codes of `laptime`, which says why it fails; Windows ends processes with 1.
        let is_own = match self.status.code() {
            Some(1) => !self.errors.trim().is_empty(),
            code => matches!(code, Some(0 | 2)),
        };
        (!is_own).then(|| self.ending())
    }

    /// How it ended, with what it said last.
    pub fn ending(&self) -> String {
        format!("ended with {}: {}", self.status, self.last_words())
    }

    /// The last thing that it said of errors. Behind a panic stands a note on how to learn more.
    pub fn last_words(&self) -> &str {
        let mut lines = self.errors.lines().rev().map(str::trim);
        let last = lines.find(|line| !line.is_empty() && !line.starts_with("note: "));
        last.unwrap_or("it said nothing")
    }
}

/// For glibc's allocator: what is freed is used again. The oracle makes each tensor anew, and to get so many
/// pages from the system takes it a fifth of all processor time (ResNet20 at batch 128: 17 s of 74). It is
/// glibc's alone; elsewhere nobody reads it. 32 MiB is the most that it takes.
/// (glibc manual, "Memory Allocation Tunables")
const MEMORY_IS_KEPT: &str = "glibc.malloc.mmap_threshold=33554432:\
    glibc.malloc.trim_threshold=17179869184:glibc.malloc.hugetlb=1";

/// Asks a child, and waits for its answer.
///
/// # Errors
/// Where none can be started or listened to.
pub fn ask(request: &Request) -> io::Result<Answer> {
    let mut request = serde_json::to_vec(request)?;
    request.push(b'\n');
    // A file and not a pipe: nobody need read it while the child writes.
    let mut errors = tempfile::tempfile()?;
    let mut command = Command::new(this_program()?);
    command
        .arg("child")
        .env("GLIBC_TUNABLES", MEMORY_IS_KEPT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(errors.try_clone()?);
    let mut group = Group::spawn(&mut command)?;
    let stdin = group.child.stdin.take();
    let stdout = group.child.stdout.take();
    // Open until the child has answered: where its standard input ends before, so does it.
    let written = stdin.map(|mut stdin| stdin.write_all(&request).map(|()| stdin));
    let mut output = Vec::new();
    let read = stdout.map(|mut stdout| stdout.read_to_end(&mut output));
    let status = group.wait()?;
    // Who ends before it has read all tells by its status why.
    match written.transpose() {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => drop(written?),
    }
    read.transpose()?;
    errors.rewind()?;
    let mut said = Vec::new();
    errors.read_to_end(&mut said)?;
    Ok(Answer {
        output,
        errors: String::from_utf8_lossy(&said).into_owned(),
        status,
    })
}

/// What this process, a child, is asked. `end` is called when its standard input ends: the system closes
/// that however the one that asks ends.
///
/// # Errors
/// Where this is no child of this program.
pub fn request(end: fn() -> !) -> Result<Request, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    let request = read.and_then(|_| Ok(serde_json::from_str(&line)?));
    let request = request.map_err(|error| {
        Failure::Usage(format!(
            "child: this is for laptime itself: {error}; use `laptime run` or `laptime verify`"
        ))
    })?;
    // Where there can be no thread, this process ends when it is done.
    let _ = thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        end()
    });
    Ok(request)
}

/// The file of this program. Where an update has put another one in its place since the start, Linux
/// still has the one that runs.
pub fn this_program() -> io::Result<PathBuf> {
    let running = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && running.exists() {
        return Ok(running.into());
    }
    env::current_exe()
}

#[cfg(test)]
mod tests {
    use laptime_engine::DeviceKind;
    use laptime_workload::{BUILTINS, Overrides, Precision};

    use super::*;

    #[test]
    fn a_job_arrives_as_it_was_sent() {
        let changed = Overrides {
            batch_size: Some(7),
            epochs: Some(3),
            seed: Some(u64::MAX),
            precision: Some(Precision::Bf16),
            width: None,
        };
        for (builtin, overrides) in BUILTINS.iter().zip([Overrides::default(), changed]) {
            let request = Request::Verify(GateJob {
                workload: builtin.spec().resolve(&overrides).expect("it is sound"),
                weights: None,
                engine: "laptime".into(),
                device: Device {
                    kind: DeviceKind::Cpu,
                    name: "a \"processor\"\n\u{202e}".into(),
                    threads: Some(2),
                    isa: Some("avx2".into()),
                    driver: None,
                    software: false,
                },
                threads: 2,
                passes: Passes::Only(vec!["relu".into()]),
                last_batch: 3,
            });
            let text = serde_json::to_string(&request).expect("plain data");
            assert!(!text.contains('\n'), "a request is one line");
            let read: Request = serde_json::from_str(&text).expect("it reads back");
            assert_eq!(read, request);
        }
    }

    #[cfg(unix)]
    #[test]
    fn crashes_are_told_from_failures() {
        use std::os::unix::process::ExitStatusExt;

        let crashed = |wait_status: i32, errors: &str| {
            let answer = Answer {
                output: Vec::new(),
                errors: errors.into(),
                status: ExitStatus::from_raw(wait_status),
            };
            answer.crashed()
        };
        let why = "error: no such thing\n";
        let are_own = [0, 1 << 8, 2 << 8]
            .into_iter()
            .all(|status| crashed(status, why).is_none());
        assert!(are_own);
        let killed = crashed(9, why).expect("it was killed");
        assert!(
            killed.contains("signal: 9") && killed.ends_with(": error: no such thing"),
            "{killed}"
        );
        // As Windows ends a process.
        assert!(crashed(1 << 8, "").is_some_and(|told| told.ends_with("it said nothing")));
        let panic = "thread 'main' panicked at src/x.rs:1:2:\nindex out of bounds\n\
                     note: run with `RUST_BACKTRACE=1`\n\n";
        let panicked = crashed(101 << 8, panic).expect("it panicked");
        assert!(panicked.ends_with(": index out of bounds"), "{panicked}");
    }
}
