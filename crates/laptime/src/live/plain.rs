//! A training without a terminal: a line for each epoch, and at least one every ten seconds.

use std::time::{Duration, Instant};

use laptime_measure::{Stage, Watch};

use super::Told;
use crate::{display::progress, output::say, speed::Speed};

/// A reader of a log wants to know that it goes on.
const LONGEST_SILENCE: Duration = Duration::from_secs(10);

/// Wide enough for all that a line has to say, and too narrow for a bar.
const COLUMNS: usize = 99;

#[derive(Default)]
pub struct Lines {
    speed: Speed,
    said: Option<(Place, Instant)>,
    last: Option<(Place, String)>,
}

/// Where a training is, as far as it is worth a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Epoch(usize),
    Elsewhere,
}

impl Lines {
    /// Says what there is to say now.
    pub fn look(&mut self, watch: &Watch, told: &Told) {
        let place = match watch.stage() {
            Stage::Training { epoch, .. } => Place::Epoch(epoch),
            _ => Place::Elsewhere,
        };
        let text = progress(watch, &mut self.speed, told.plan, COLUMNS);
        // Behind its last look an epoch is as good as done.
        if let Some((last, text)) = self.last.take()
            && last != place
            && last != Place::Elsewhere
        {
            say(&text);
            self.said = Some((place, Instant::now()));
        }
        let is_silent = |at: Instant| at.elapsed() >= LONGEST_SILENCE;
        let (_, at) = *self.said.get_or_insert((place, Instant::now()));
        if is_silent(at) {
            say(&text);
            self.said = Some((place, Instant::now()));
        }
        self.last = Some((place, text));
    }
}
