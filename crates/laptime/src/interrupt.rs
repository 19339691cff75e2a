//! Ctrl-C, SIGTERM and SIGHUP: the run ends behind the step it is in and reports what it did.

use std::{process::exit, sync::Arc};

use laptime_measure::{Stage, Watch};

use crate::{
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
            // Behind what the terminal shows of progress and of the keys.
            let newline = if stderr_is_terminal() { "\n" } else { "" };
            say(&format!("{newline}interrupted; nothing was recorded"));
            exit(INTERRUPTED.into());
        }
        watch.progress.stop();
    };
    ctrlc::set_handler(handler)
        .map_err(|error| Failure::Failed(format!("signals cannot be listened to: {error}")))
}
