//! Ctrl-C, SIGTERM and SIGHUP: the run ends behind the step it is in and reports what it did.

use std::{
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use laptime_measure::{Stage, Watch};
use laptime_workload::atomic_file::abandon_all;

use crate::{
    child,
    failure::{Failure, INTERRUPTED},
    output::{say, stderr_is_terminal},
};

/// Has signals stop the run that `watch` tells of. Before the run has begun there is nothing to
/// report, and a second signal means that the user does not want to wait for a report: then the
/// program ends at once.
pub fn listen(watch: Arc<Watch>) -> Result<(), Failure> {
    let handler = move || {
        let is_early = watch.stage() == Stage::Waiting;
        if is_early || watch.progress.is_stopped() {
            // Held to the end, so that nobody asks again.
            let _asked = child::end_asked();
            // Behind what the terminal shows of progress and of the keys.
            let newline = if stderr_is_terminal() { "\n" } else { "" };
            say(&format!("{newline}interrupted; nothing was recorded"));
            abandon_all();
            exit(INTERRUPTED.into());
        }
        watch.progress.stop();
    };
    set(handler)
}

/// Has signals be noted, for work that looks at the note and cleans up behind itself.
pub fn note() -> Result<Arc<AtomicBool>, Failure> {
    let is_stopped = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&is_stopped);
    set(move || noted.store(true, Ordering::Relaxed))?;
    Ok(is_stopped)
}

fn set(handler: impl FnMut() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::Failed(format!("signals cannot be listened to: {error}")))
}
