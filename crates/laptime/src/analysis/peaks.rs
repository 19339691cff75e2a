//! What a device reaches at best: the best of all trials of a week, because drivers, clocks and neighbours
//! change.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use laptime_engine::{Device, Engine, EngineError, Peaks};
use laptime_workload::{
    Precision,
    directories::{cache_dir, keep},
    hexadecimal, own_file,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::verdicts::this_build;

/// How long peaks are believed.
const EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);
/// So often they are measured the first time, and so far apart: a neighbour that takes the machine for a
/// moment must not lower them. Each later use adds a trial.
const FIRST_TRIALS: usize = 3;
const APART: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Remembered {
    subject: String,
    /// When the first trial was made, in seconds since 1970.
    measured_at_s: u64,
    peaks: Peaks,
}

/// The peaks of a device with so many threads; `None` where the engine cannot measure them.
///
/// # Errors
/// Where the device cannot be used.
pub fn peaks(
    engine: &dyn Engine,
    device: &Device,
    threads: usize,
    precision: Precision,
) -> Result<Option<Peaks>, EngineError> {
    let subject =
        this_build().map(|build| format!("{build}\n{device:?}\n{threads} threads\n{precision}"));
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_s = now_s.map_or(0, |since| since.as_secs());
    let Some(mut best) = engine.peaks(device, threads, precision)? else {
        return Ok(None);
    };
    let mut first_s = now_s;
    if let Some(before) = subject.as_deref().and_then(|it| remembered(it, now_s)) {
        best.better(&before.peaks);
        first_s = before.measured_at_s;
    } else {
        for _ in 1..FIRST_TRIALS {
            std::thread::sleep(APART);
            if let Some(again) = engine.peaks(device, threads, precision)? {
                best.better(&again);
            }
        }
    }
    if let Some(subject) = subject
        && let Some(path) = path(&subject)
    {
        let remembered = Remembered {
            subject,
            measured_at_s: first_s,
            peaks: best.clone(),
        };
        let text = serde_json::to_vec(&remembered).expect("plain data");
        // What cannot be kept is measured again.
        let _ = keep(&path, &text);
    }
    Ok(Some(best))
}

fn remembered(subject: &str, now_s: u64) -> Option<Remembered> {
    let text = own_file::read(&path(subject)?).ok()?;
    let found: Remembered = serde_json::from_slice(&text).ok()?;
    let age_s = now_s.checked_sub(found.measured_at_s)?;
    let is_good = found.subject == subject
        && age_s <= EXPIRY.as_secs()
        && found.peaks.flops.is_finite()
        && found.peaks.flops > 0.0;
    is_good.then_some(found)
}

fn path(subject: &str) -> Option<PathBuf> {
    let digest = hexadecimal(&Sha256::digest(subject.as_bytes()));
    Some(cache_dir().ok()?.join("peaks").join(digest + ".json"))
}
