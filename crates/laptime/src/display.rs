//! Progress on standard error: one line that is drawn again and again, on a terminal only.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Instant,
};

use laptime_engine::{Job, Score};
use laptime_measure::{Stage, Watch};
use laptime_results::loss_text;
use laptime_workload::{MetricEntry, dataset::Progress, escaped};

use crate::{
    output::{say, shown_on, width},
    speed::Speed,
    ticker::{PERIOD, Ticker},
};

/// A line of standard error that shows what is going on; it is gone when this is dropped.
pub struct Line {
    is_shown: bool,
}

impl Line {
    /// A line that is only ever drawn where `is_shown`.
    pub fn new(is_shown: bool) -> Self {
        Self { is_shown }
    }

    /// Shows this text in place of the one before.
    pub fn show(&self, text: &str) {
        if self.is_shown {
            // One column less than there are: some terminals wrap a full line.
            let text = escaped(text);
            let text = shown_on(&io::stderr(), &text);
            let text: String = text.chars().take(width().saturating_sub(1)).collect();
            // Whoever can't see progress doesn't miss it.
            let _ = write!(io::stderr(), "\r\x1b[2K{text}");
            let _ = io::stderr().flush();
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[2K");
            let _ = io::stderr().flush();
        }
    }
}

/// A few lines of standard error that are drawn again and again; they are gone when this is dropped.
pub struct Lines {
    is_shown: bool,
    count: usize,
}

impl Lines {
    /// So many lines, which are only ever drawn where `is_shown`.
    pub fn new(is_shown: bool, count: usize) -> Self {
        if is_shown {
            // Scrolls, if need be, before the first line's place is taken for granted.
            let down = "\n".repeat(count);
            let _ = write!(io::stderr(), "\r{down}\x1b[{count}A");
        }
        Self { is_shown, count }
    }

    /// Shows these texts, a line each, in place of those before.
    pub fn show(&self, texts: &[String]) {
        if !self.is_shown {
            return;
        }
        let mut drawn = String::new();
        for text in texts.iter().take(self.count) {
            let text = escaped(text);
            let text = shown_on(&io::stderr(), &text);
            let text: String = text.chars().take(width().saturating_sub(1)).collect();
            drawn += &format!("\r\x1b[2K{text}\n");
        }
        drawn += &format!("\x1b[{}A", texts.len().min(self.count));
        let _ = write!(io::stderr(), "{drawn}");
        let _ = io::stderr().flush();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.is_shown {
            // From here to the end of the screen.
            let _ = write!(io::stderr(), "\r\x1b[J");
            let _ = io::stderr().flush();
        }
    }
}

/// What the display cannot see in the atomics.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// The epochs of the run.
    pub epochs: usize,
    /// The samples to train on in all epochs.
    pub samples: u64,
    /// Samples a step.
    pub batch_size: u64,
    /// Which run this is, from 1.
    pub run: u64,
    /// Of how many.
    pub runs: u64,
    /// What its scores are of.
    pub metrics: &'static [MetricEntry],
}

impl Plan {
    /// The plan of run `run` (from 1) of `runs`.
    pub fn of(job: &Job, max_steps: Option<u64>, run: u64, runs: u64) -> Self {
        let workload = &job.workload;
        let epoch_samples = workload.epoch_samples(job.dataset.train.count()) as u64;
        let batch_size = workload.batch_size as u64;
        let epoch_steps = epoch_samples.div_ceil(batch_size);
        let epochs = max_steps.map_or(workload.epochs, |steps| {
            workload.epochs.min(steps.div_ceil(epoch_steps) as usize)
        });
        let whole = epoch_samples * epochs as u64;
        Self {
            epochs,
            samples: max_steps.map_or(whole, |steps| whole.min(steps.saturating_mul(batch_size))),
            batch_size,
            run,
            runs,
            metrics: workload.loss.metrics(),
        }
    }
}

/// Shows a run while it goes on, where `is_shown`; dropping the ticker ends the display.
pub fn show_run(is_shown: bool, watch: Arc<Watch>, plan: Plan) -> Ticker {
    let line = Line::new(is_shown);
    let mut speed = Speed::default();
    Ticker::start(is_shown, move || {
        line.show(&progress(&watch, &mut speed, plan, width()));
    })
}

/// The line of the run that `watch` tells of.
pub fn progress(watch: &Watch, speed: &mut Speed, plan: Plan, width: usize) -> String {
    let (stage, score) = (watch.stage(), watch.progress.score());
    progress_text(stage, score, speed.seen(stage, score), plan, width)
}

/// The line of a run that trains so many samples a second, for a terminal of so many columns.
pub fn progress_text(
    stage: Stage,
    score: Score,
    speed: Option<f64>,
    plan: Plan,
    width: usize,
) -> String {
    let run = if plan.runs > 1 {
        format!("run {}/{} · ", plan.run, plan.runs)
    } else {
        String::new()
    };
    let (epoch, epoch_samples, samples_before) = match stage {
        Stage::Waiting | Stage::Compiling => return format!("{run}compiling …"),
        Stage::Testing => return format!("{run}testing …"),
        Stage::Repeating => return format!("{run}running …"),
        Stage::Training {
            epoch,
            epoch_samples,
            samples_before,
        } => (epoch, epoch_samples, samples_before),
    };
    let done = samples_before + score.samples;
    let epoch = format!("{run}epoch {}/{}", epoch + 1, plan.epochs);
    let step = format!(
        "step {}/{}",
        score.samples.div_ceil(plan.batch_size),
        epoch_samples.div_ceil(plan.batch_size),
    );
    // (what, how soon it gives way where there is no room)
    let mut parts = vec![(epoch, 0), (step, 1)];
    if score.samples > 0 {
        for (place, metric) in plan.metrics.iter().enumerate() {
            let mean = score.mean(place);
            let text = match metric.unit {
                "share" => format!("{:.1} %", 100.0 * mean),
                _ => format!("{} {}", metric.name, loss_text(mean)),
            };
            parts.push((text, if place == 0 { 2 } else { 3 }));
        }
    }
    if let Some(samples_per_s) = speed {
        let left_s = plan.samples.saturating_sub(done) as f64 / samples_per_s;
        parts.push((format!("{samples_per_s:.0} samples/s"), 4));
        parts.push((format!("{} left", clock(left_s)), 0));
    }
    let line = |parts: &[(String, u8)]| {
        let texts: Vec<&str> = parts.iter().map(|(text, _)| text.as_str()).collect();
        texts.join(" · ")
    };
    // A bar is only drawn where the longest line leaves room for it.
    if width >= 100 {
        let bar = bar(done as f64 / plan.samples.max(1) as f64);
        return format!("{} {bar} {}", parts[0].0, line(&parts[1..]));
    }
    for soon in [4, 3, 2, 1] {
        if line(&parts).chars().count() >= width {
            parts.retain(|(_, at)| *at != soon);
        }
    }
    line(&parts)
}

fn bar(share: f64) -> String {
    const WIDTH: usize = 10;
    let done = (share.clamp(0.0, 1.0) * WIDTH as f64).round() as usize;
    "━".repeat(done) + &"─".repeat(WIDTH - done)
}

/// `7 s`, `3:07`, `1:02:03`
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Shows a download.
pub struct DownloadLine {
    is_shown: bool,
    line: Option<Line>,
    file: String,
    done_bytes: u64,
    total_bytes: u64,
    shown_at: Instant,
}

impl DownloadLine {
    /// Shows downloads where `is_shown`, and nothing otherwise.
    pub fn new(is_shown: bool) -> Self {
        Self {
            is_shown,
            line: None,
            file: String::new(),
            done_bytes: 0,
            total_bytes: 0,
            shown_at: Instant::now(),
        }
    }

    fn show(&mut self) {
        const MIB: f64 = 1048576.0;
        let (done, total) = (self.done_bytes as f64, self.total_bytes as f64);
        if let Some(line) = &self.line {
            line.show(&format!(
                "{} {} {:.1} of {:.1} MiB",
                self.file,
                bar(done / total.max(1.0)),
                done / MIB,
                total / MIB
            ));
        }
        self.shown_at = Instant::now();
    }
}

impl Progress for DownloadLine {
    fn begin(&mut self, file: &str, total_bytes: u64, done_bytes: u64) {
        self.line = Some(Line::new(self.is_shown));
        self.file = file.to_owned();
        (self.done_bytes, self.total_bytes) = (done_bytes, total_bytes);
        self.show();
    }

    fn advance(&mut self, bytes: u64) {
        self.done_bytes += bytes;
        if self.shown_at.elapsed() >= PERIOD {
            self.show();
        }
    }

    fn end(&mut self) {
        self.line = None;
    }

    fn waiting(&mut self) {
        // Also where no progress is shown: who is kept waiting for minutes should know why.
        say("another process is downloading the same dataset; waiting for it");
    }
}

#[cfg(test)]
mod tests {
    use laptime_workload::Loss;

    use super::*;

    #[test]
    fn the_line_tells_how_far_the_run_is() {
        let plan = Plan {
            epochs: 10,
            samples: 600_000,
            batch_size: 32,
            run: 1,
            runs: 1,
            metrics: Loss::SoftmaxCrossEntropy.metrics(),
        };
        let training = Stage::Training {
            epoch: 2,
            epoch_samples: 60_000,
            samples_before: 120_000,
        };
        let score = Score {
            samples: 30_000,
            sums: [9_372.0, 26_610.0],
        };
        let text = |stage, score, speed, width| progress_text(stage, score, speed, plan, width);
        assert_eq!(text(Stage::Compiling, score, None, 80), "compiling …");
        assert_eq!(
            text(training, score, Some(300_000.0), 100),
            "epoch 3/10 ━━━─────── step 938/1875 · loss 0.3124 · 88.7 % · 300000 samples/s · 2 s left"
        );
        assert_eq!(
            text(training, score, Some(300_000.0), 80),
            "epoch 3/10 · step 938/1875 · loss 0.3124 · 88.7 % · 300000 samples/s · 2 s left"
        );
        for (width, expected) in [
            (
                70,
                "epoch 3/10 · step 938/1875 · loss 0.3124 · 88.7 % · 2 s left",
            ),
            (60, "epoch 3/10 · step 938/1875 · loss 0.3124 · 2 s left"),
            (40, "epoch 3/10 · step 938/1875 · 2 s left"),
            (30, "epoch 3/10 · 2 s left"),
        ] {
            assert_eq!(text(training, score, Some(300_000.0), width), expected);
        }
        assert_eq!(
            text(training, Score::default(), None, 80),
            "epoch 3/10 · step 0/1875"
        );
        let diverged = Score {
            sums: [f64::NAN, 26_610.0],
            ..score
        };
        assert_eq!(
            text(training, diverged, None, 80),
            "epoch 3/10 · step 938/1875 · loss NaN · 88.7 %"
        );
        let third = Plan {
            run: 3,
            runs: 5,
            ..plan
        };
        let testing = progress_text(Stage::Testing, score, None, third, 80);
        assert_eq!(testing, "run 3/5 · testing …");
    }

    #[test]
    fn times_left_read_like_a_clock() {
        for (seconds, expected) in [
            (0.2, "1 s"),
            (59.0, "59 s"),
            (187.0, "3:07"),
            (3723.0, "1:02:03"),
        ] {
            assert_eq!(clock(seconds), expected);
        }
    }
}
