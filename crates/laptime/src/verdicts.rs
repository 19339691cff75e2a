//! Verdicts of the gate that are remembered, so that the gate's seconds are spent once for every
//! Program, build and device.

use std::{
    env, fs,
    io::{self, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::UNIX_EPOCH,
};

use laptime_engine::{Device, Engine, EngineError, Job, gate};
use laptime_graph::{Mode, build};
use laptime_workload::{
    directories::{cache_dir, keep},
    hexadecimal,
};
use sha2::{Digest, Sha256};

use crate::interrupt;

/// Set for a process that is to end when its standard input does.
pub const ENDS_WITH_INPUT: &str = "LAPTIME_ENDS_WITH_INPUT";

/// The process that is asked now.
static ASKED: Mutex<Option<Child>> = Mutex::new(None);

/// The gate's verdict, and whether it was remembered. `again` are the arguments with which `laptime
/// verify` asks the same.
pub fn verdict(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    again: &[String],
) -> Result<(gate::Verdict, bool), EngineError> {
    if let Some(verdict) = remembered(engine, job, device) {
        return Ok((verdict, true));
    }
    let verdict = match in_a_process_of_its_own(again) {
        Some(verdict) => verdict,
        None => gate::verify(engine, job, device)?,
    };
    remember(engine, job, device, &verdict);
    Ok((verdict, false))
}

/// Asks `laptime verify`: the oracle takes several times the memory of the training, and a process
/// that has had it does not give all of it back, so that the peak told of the training would be the
/// oracle's. `None` where that fails in any way; then the gate is asked here, and says why.
fn in_a_process_of_its_own(again: &[String]) -> Option<gate::Verdict> {
    let mut verify = Command::new(env::current_exe().ok()?);
    verify
        .args(["verify", "--json"])
        .args(again)
        // The system closes it however this program ends.
        .env(ENDS_WITH_INPUT, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // Ctrl-C is for this program, which then ends the other.
        verify.process_group(0);
    }
    let mut child = verify.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    *asked() = Some(child);
    let mut text = Vec::new();
    let read = stdout.read_to_end(&mut text);
    asked().take()?.wait().ok()?;
    read.ok()?;
    serde_json::from_slice(&text).ok()
}

fn asked() -> MutexGuard<'static, Option<Child>> {
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the process that is asked, if one is; a framework that it runs ends with it. Who asked waits as
/// long as the guard is held.
pub fn end_asked() -> MutexGuard<'static, Option<Child>> {
    let mut asked = asked();
    if let Some(child) = asked.as_mut() {
        let _ = child.kill();
        let _ = child.wait();
    }
    asked
}

/// Has this process end when the one that asks it does.
pub fn end_with_input() {
    if env::var_os(ENDS_WITH_INPUT).is_some() {
        // Where there can be no thread, this process ends when it is done.
        let _ = thread::Builder::new().spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            interrupt::end("the program that asked has ended")
        });
    }
}

/// Keeps a good verdict. A failure is not kept, nor what time cut short: they are worth another look each
/// time. What cannot be
/// kept is asked again next time, so errors are of no interest.
pub fn remember(engine: &dyn Engine, job: &Job, device: &Device, verdict: &gate::Verdict) {
    if !verdict.is_verified() || gate::is_cut_short(verdict, job) {
        return;
    }
    if let Some(path) = path(engine, job, device) {
        let text = serde_json::to_vec(verdict).expect("a verdict is plain data");
        let _ = keep(&path, &text);
    }
}

/// What cannot be read, or makes no sense, is as good as nothing.
fn remembered(engine: &dyn Engine, job: &Job, device: &Device) -> Option<gate::Verdict> {
    let text = fs::read_to_string(path(engine, job, device)?).ok()?;
    let verdict: gate::Verdict = serde_json::from_str(&text).ok()?;
    verdict.is_verified().then_some(verdict)
}

/// The file of a verdict: named by the digest of all that it depends on.
fn path(engine: &dyn Engine, job: &Job, device: &Device) -> Option<PathBuf> {
    let workload = &job.workload;
    let program = build(workload, Mode::Training, workload.batch_size);
    let key = format!(
        "{} {} {} {:?}\n{}\nlast batch {}\n{}\n{device:?}\n{} threads\n{:?}",
        engine.name(),
        engine.version(),
        this_build()?,
        engine.choice(job, device),
        program.digest(),
        job.dataset.train.count() % workload.batch_size,
        workload.precision,
        job.threads,
        job.passes,
    );
    let digest = hexadecimal(&Sha256::digest(key.as_bytes()));
    Some(cache_dir().ok()?.join("verdicts").join(digest + ".json"))
}

/// What tells this build of the program from every other: a version or a commit would not, while
/// the program is being changed.
pub fn this_build() -> Option<String> {
    let metadata = fs::metadata(env::current_exe().ok()?).ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{} {}", metadata.len(), modified.as_nanos()))
}
