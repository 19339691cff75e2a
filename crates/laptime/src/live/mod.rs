//! `--live`: a training, or a race, as a picture that is drawn again and again on the terminal's other screen.
//!
//! It is drawn by a thread of its own from what the training tells in atomics, so that nothing waits for the
//! terminal. Where there is no terminal, there are plain lines.

mod history;
mod plain;
pub mod told;
mod view;

use std::{
    io::{self, Stderr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use laptime_measure::{
    Watch,
    telemetry::{Glance, ROOT, Seen},
};
use ratatui::{Terminal, backend::CrosstermBackend};

use crate::{
    ascii::has_utf8,
    display::Plan,
    output::{stderr_is_terminal, style},
    screen,
    speed::Speed,
    ticker::Ticker,
};
use history::History;
use view::Picture;

/// Looks between two pictures: five pictures a second are as fast as one can read, and ten looks give the
/// curves of a short training their shape.
const LOOKS_A_PICTURE: u32 = 2;

/// What the picture shows beside what the watch tells.
#[derive(Debug, Clone)]
pub struct Told {
    /// What is trained.
    pub title: String,
    /// What trains it, and on what.
    pub trained_by: String,
    /// How much there is to train.
    pub plan: Plan,
    /// The totals of the runs that are done.
    pub totals_s: Vec<f64>,
    /// Published results for this workload, name and total: marks to beat.
    pub marks: Vec<(String, f64)>,
    /// The engines of a race.
    pub lanes: Vec<Lane>,
}

/// An engine of a race.
#[derive(Debug, Clone)]
pub struct Lane {
    /// Its name.
    pub name: &'static str,
    /// What it has done so far.
    pub text: String,
    /// Whether it runs now.
    pub is_running: bool,
    /// Whether it has run in this round.
    pub is_done: bool,
}

/// A live view, as long as this lives.
pub struct Live {
    told: Arc<Mutex<Told>>,
    // Dropped before the screen is left: it draws no more by then.
    ticker: Option<Ticker>,
}

impl Live {
    /// Shows the training that `watch` tells of.
    pub fn start(watch: &Arc<Watch>, told: Told) -> Self {
        let told = Arc::new(Mutex::new(told));
        let (watch, shared) = (Arc::clone(watch), Arc::clone(&told));
        let ticker = match terminal() {
            Some(terminal) => {
                screen::enter();
                let mut show = Show::new(terminal);
                Ticker::start(true, move || show.look(&watch, &shared))
            }
            None => {
                let mut lines = plain::Lines::default();
                Ticker::start(true, move || lines.look(&watch, &lock(&shared)))
            }
        };
        Self {
            told,
            ticker: Some(ticker),
        }
    }

    /// Changes what is shown.
    pub fn tell(&self, change: impl FnOnce(&mut Told)) {
        change(&mut lock(&self.told));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.ticker.take());
        screen::leave();
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The terminal to draw on, where there is one that can show the picture.
fn terminal() -> Option<Terminal<CrosstermBackend<Stderr>>> {
    if !stderr_is_terminal() || !has_utf8() {
        return None;
    }
    Terminal::new(CrosstermBackend::new(io::stderr())).ok()
}

/// Draws.
struct Show {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    begin: Instant,
    history: History,
    speed: Speed,
    glance: Glance,
    seen: Seen,
    looks: u32,
    has_colour: bool,
}

impl Show {
    fn new(terminal: Terminal<CrosstermBackend<Stderr>>) -> Self {
        Self {
            terminal,
            begin: Instant::now(),
            history: History::default(),
            speed: Speed::default(),
            glance: Glance::begin(ROOT),
            seen: Seen::default(),
            looks: 0,
            has_colour: style(&io::stderr()).colour,
        }
    }

    fn look(&mut self, watch: &Watch, told: &Mutex<Told>) {
        let now = Instant::now();
        let (stage, score) = (watch.stage(), watch.progress.score());
        self.history.look(now, stage, score);
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS_A_PICTURE) {
            return;
        }
        // The clock of the cores ticks a hundred times a second: a second shows them to a percent.
        if self.looks % (5 * LOOKS_A_PICTURE) == LOOKS_A_PICTURE {
            self.seen = self.glance.look();
        }
        let told = lock(told).clone();
        let picture = Picture::of(
            &told,
            (stage, score),
            &mut self.speed,
            &self.history,
            &self.seen,
            self.begin.elapsed(),
            self.has_colour,
        );
        // Whoever can't see it doesn't miss it.
        let _ = self.terminal.draw(|frame| picture.draw(frame));
    }
}
