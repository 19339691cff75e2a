//! Verdicts of the gate that are remembered, so that the gate's seconds are spent once for every
//! workload, build and device.

use std::{fs, io, path::PathBuf, sync::OnceLock};

use laptime_engine::{Device, Engine, EngineError, Job, gate};
use laptime_peers::have_ended;
use laptime_workload::{
    Workload,
    directories::{cache_dir, keep},
    hexadecimal, own_file,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    child::{self, GateJob, Request},
    engines,
    given_weights::WeightsFile,
};

/// A verdict with what was judged: neither is believed without the other.
#[derive(Serialize, Deserialize)]
pub struct Judged {
    /// The [`subject`].
    pub subject: Option<String>,
    /// The word on it.
    pub verdict: gate::Verdict,
}

/// The gate's verdict, and whether it was remembered. `before_asking` is called where it was not.
///
/// # Errors
/// As of [`gate::verify`].
pub fn verdict(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
    before_asking: impl FnOnce(),
) -> Result<(gate::Verdict, bool), EngineError> {
    if let Some(verdict) = remembered(engine, job, device) {
        return Ok((verdict, true));
    }
    before_asking();
    Ok((ask_anew(engine, job, device)?, false))
}

/// The gate's verdict, asked for whatever is remembered; it is remembered from now on.
///
/// # Errors
/// As of [`gate::verify`].
pub fn ask_anew(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
) -> Result<gate::Verdict, EngineError> {
    let verdict = match in_a_child(engine, job, device)? {
        Some(verdict) => verdict,
        None => gate::verify(engine, job, device)?,
    };
    remember(engine, job, device, &verdict);
    Ok(verdict)
}

/// Asks a child: the oracle takes several times the memory of the training, and a process that has had
/// it does not give all of it back, so that the peak told of the training would be the oracle's. `None`
/// where that fails, or where something else was judged than is trained here; then the gate is asked here, and says
/// why.
///
/// # Errors
/// Where the child was ended or crashed: to ask here could crash this process, too.
fn in_a_child(
    engine: &dyn Engine,
    job: &Job,
    device: &Device,
) -> Result<Option<gate::Verdict>, EngineError> {
    let request = Request::Verify(GateJob {
        workload: Workload::clone(&job.workload),
        weights: WeightsFile::of(&job.workload),
        engine: engines::address(engine),
        device: device.clone(),
        threads: job.threads,
        passes: job.passes.clone(),
        last_batch: last_batch(job),
    });
    let answer = child::ask(&request);
    if have_ended() {
        return Err(EngineError::Failed("the gate was ended".into()));
    }
    let Ok(answer) = answer else {
        return Ok(None);
    };
    // A driver may crash at the end of a process that has answered.
    if let Ok(judged) = serde_json::from_slice::<Judged>(&answer.output) {
        // Only now: a framework may have chosen its way to train while it was judged.
        let subject = subject(engine, job, device);
        let is_same = judged.subject.is_some() && judged.subject == subject;
        return Ok(is_same.then_some(judged.verdict));
    }
    match answer.crashed() {
        None => Ok(None),
        Some(how) => Err(EngineError::Failed(format!("the gate's process {how}"))),
    }
}

/// Keeps a good verdict. A failure is not kept: it is worth another look each time. What cannot be kept is
/// asked again next time, so errors are of no interest. Nor is that of a program of the user's own, which is
/// being written: neither its file nor what it says of itself tells whether it is still the same.
fn remember(engine: &dyn Engine, job: &Job, device: &Device, verdict: &gate::Verdict) {
    if !verdict.is_verified() || engines::is_own_program(engine) {
        return;
    }
    let subject = subject(engine, job, device);
    if let Some(path) = subject.as_deref().and_then(path) {
        let verdict = verdict.clone();
        let text = serde_json::to_vec(&Judged { subject, verdict }).expect("plain data");
        let _ = keep(&path, &text);
    }
}

/// What cannot be read, makes no sense or is of something else is as good as nothing.
fn remembered(engine: &dyn Engine, job: &Job, device: &Device) -> Option<gate::Verdict> {
    if engines::is_own_program(engine) {
        return None;
    }
    let subject = subject(engine, job, device)?;
    let text = own_file::read(&path(&subject)?).ok()?;
    let judged: Judged = serde_json::from_slice(&text).ok()?;
    let is_good = judged.subject? == subject && judged.verdict.is_verified();
    is_good.then_some(judged.verdict)
}

fn path(subject: &str) -> Option<PathBuf> {
    let digest = hexadecimal(&Sha256::digest(subject.as_bytes()));
    Some(cache_dir().ok()?.join("verdicts").join(digest + ".json"))
}

/// All that a verdict depends on, as text; `None` where this build cannot be told from others.
pub fn subject(engine: &dyn Engine, job: &Job, device: &Device) -> Option<String> {
    // The gate has its own seed, and no step knows how many will follow.
    let workload = Workload {
        epochs: 0,
        seed: 0,
        overrides: Vec::new(),
        ..Workload::clone(&job.workload)
    };
    Some(format!(
        "{} {} {} {:?}\n{}\nlast batch {}\n{device:?}\n{} threads\n{:?}",
        engine.name(),
        engine.version(),
        this_build()?,
        engine.choice(job, device),
        serde_json::to_string(&workload).expect("a workload has only strings for keys"),
        last_batch(job),
        job.threads,
        job.passes,
    ))
}

/// Samples of an epoch's last batch, where that is a short one; else 0.
fn last_batch(job: &Job) -> usize {
    let samples = job.workload.epoch_samples(job.dataset.train.count());
    samples % job.workload.batch_size
}

/// What tells this build of the program from every other: what is in its file. A version or a commit
/// would not, while the program is being changed; size and time would not where builds are made to be
/// reproducible.
pub fn this_build() -> Option<&'static str> {
    static BUILD: OnceLock<Option<String>> = OnceLock::new();
    BUILD
        .get_or_init(|| digest_of_this_program().ok())
        .as_deref()
}

fn digest_of_this_program() -> io::Result<String> {
    let program = fs::read(child::this_program()?)?;
    Ok(hexadecimal(&Sha256::digest(program)))
}
