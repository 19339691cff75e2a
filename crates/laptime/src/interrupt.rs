//! Ctrl-C, SIGTERM, SIGQUIT and SIGHUP: what was done is reported, and nothing that was started is left.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use laptime_measure::{Stage, Watch};
use laptime_peers::{end_children, have_ended};

use crate::{ending::end, finished::Finished, signals};

/// How long a program that was asked twice to stop may take to report what it has.
const LAST_GRACE: Duration = Duration::from_secs(2);

/// What a signal does. Handed from `main` to the verbs, each of which says what suits it.
#[derive(Default)]
pub struct Interrupt {
    answer: Mutex<Answer>,
}

/// What a signal does now.
#[derive(Default, Clone)]
enum Answer {
    /// Ends the program.
    #[default]
    End,
    /// Ends what the program has started, so that it fails and cleans up behind itself.
    EndChildren,
    /// Stops a training, which then reports what it did.
    Stop(Training),
}

#[derive(Clone)]
struct Training {
    watch: Arc<Watch>,
    finished: Arc<Finished>,
    /// How long an engine in another process may take to stop: a step, or what is left of compiling.
    patience: Duration,
}

/// Has signals end the program from now on. Where there can be no thread to hear them they end it all
/// the same, without a word.
pub fn listen() -> Arc<Interrupt> {
    let interrupt = Arc::new(Interrupt::default());
    let heard = Arc::clone(&interrupt);
    signals::call(move || heard.hear());
    interrupt
}

impl Interrupt {
    /// Has the first signal end all children, and the second the program.
    pub fn ends_children(&self) {
        self.answers(Answer::EndChildren);
    }

    /// Has the first signal stop the runs that `watch` tells of, and the second end the program with no
    /// more than a record of what is finished. An engine in another process that has not stopped after
    /// `patience` is ended: it may hang, or be stopped itself. Before the first run has begun there is
    /// nothing to report, and the first signal ends the program.
    pub fn stops(&self, watch: &Arc<Watch>, finished: &Arc<Finished>, patience: Duration) {
        self.answers(Answer::Stop(Training {
            watch: Arc::clone(watch),
            finished: Arc::clone(finished),
            patience,
        }));
    }

    fn answers(&self, answer: Answer) {
        *self.answer() = answer;
    }

    fn answer(&self) -> MutexGuard<'_, Answer> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self) {
        let answer = self.answer().clone();
        match answer {
            Answer::End => end("interrupted"),
            Answer::EndChildren if have_ended() => {
                end("interrupted; what is left of it is removed by the next `laptime peers`")
            }
            Answer::EndChildren => drop(end_children()),
            Answer::Stop(training) => training.hear(),
        }
    }
}

impl Training {
    fn hear(&self) {
        let progress = &self.watch.progress;
        if self.watch.stage() == Stage::Waiting {
            end("interrupted; nothing was recorded");
        } else if progress.is_stopped() {
            drop(end_children());
            thread::sleep(LAST_GRACE);
            self.finished.end();
        } else if self.watch.stage() == Stage::Repeating {
            // That run counts for nothing unless it is whole.
            progress.stop();
            drop(end_children());
        } else {
            progress.stop();
            let patience = self.patience;
            let waits = thread::Builder::new().spawn(move || {
                thread::sleep(patience);
                drop(end_children());
            });
            if waits.is_err() {
                drop(end_children());
            }
        }
    }
}
