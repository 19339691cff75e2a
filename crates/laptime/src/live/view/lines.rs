//! What the picture says in single lines.

use laptime_measure::{Stage, statistics::median};
use laptime_workload::escaped;
use ratatui::{
    style::{Color, Modifier, Style},
    text::{Line, Span},
};

use super::Picture;
use crate::{
    display::{clock, progress_text},
    live::Lane,
};

impl Picture<'_> {
    pub(super) fn title(&self, width: u16) -> Line<'_> {
        let (title, by) = (escaped(&self.told.title), escaped(&self.told.trained_by));
        let mut spans = vec![Span::styled(
            title.to_string(),
            Style::new().add_modifier(Modifier::BOLD),
        )];
        if title.chars().count() + by.chars().count() + 3 <= usize::from(width) {
            spans.push(Span::styled(
                format!(" · {by}"),
                Style::new().add_modifier(Modifier::DIM),
            ));
        }
        Line::from(spans)
    }

    pub(super) fn headline(&self, width: u16) -> String {
        // A bar is drawn below.
        let columns = usize::from(width).min(99);
        let text = progress_text(
            self.stage,
            self.score,
            self.samples_per_s,
            self.told.plan,
            columns,
        );
        let text = match self.stage {
            Stage::Repeating => format!("run {} …", self.told.totals_s.len() + 1),
            _ => text,
        };
        text.chars().take(usize::from(width)).collect()
    }

    /// The share of the run that is done.
    fn share(&self) -> f64 {
        match self.stage {
            Stage::Training { samples_before, .. } => {
                let done = (samples_before + self.score.samples) as f64;
                (done / self.told.plan.samples.max(1) as f64).min(1.0)
            }
            Stage::Testing => 1.0,
            Stage::Waiting | Stage::Compiling | Stage::Repeating => 0.0,
        }
    }

    pub(super) fn track(&self, width: u16) -> Line<'static> {
        self.bar(self.share(), width)
    }

    fn bar(&self, share: f64, width: u16) -> Line<'static> {
        let done = (share.clamp(0.0, 1.0) * f64::from(width)).round() as usize;
        Line::from(vec![
            Span::styled("━".repeat(done), self.paint(Color::Cyan)),
            Span::styled(
                "─".repeat(usize::from(width) - done),
                Style::new().add_modifier(Modifier::DIM),
            ),
        ])
    }

    pub(super) fn phases(&self) -> Line<'static> {
        let now = match self.stage {
            Stage::Waiting | Stage::Compiling => 0,
            Stage::Training { .. } => 1,
            Stage::Testing => 2,
            Stage::Repeating => 3,
        };
        let mut spans = Vec::new();
        for (number, name) in ["compile", "train", "test"].into_iter().enumerate() {
            let (mark, style) = match number.cmp(&now) {
                std::cmp::Ordering::Less => ("✓", self.paint(Color::Green)),
                std::cmp::Ordering::Equal => ("▸", Style::new().add_modifier(Modifier::BOLD)),
                std::cmp::Ordering::Greater => ("·", Style::new().add_modifier(Modifier::DIM)),
            };
            spans.push(Span::styled(format!("{mark} {name}   "), style));
        }
        spans.push(Span::raw(format!(
            "{} in all",
            clock(self.elapsed.as_secs_f64())
        )));
        Line::from(spans)
    }

    /// An engine's lane: the track of this round, and what it has done so far.
    pub(super) fn lane(&self, lane: &Lane, width: u16) -> Line<'static> {
        const NAME: usize = 12;
        let share = match (lane.is_running, lane.is_done) {
            (true, _) => self.share(),
            (false, true) => 1.0,
            (false, false) => 0.0,
        };
        let mark = if lane.is_running { '▸' } else { ' ' };
        let name = format!("{mark} {:<NAME$}", lane.name);
        let room = usize::from(width).saturating_sub(name.chars().count());
        let track = (room / 2).min(40);
        let text: String = lane
            .text
            .chars()
            .take(room.saturating_sub(track + 2))
            .collect();
        let mut line = Line::from(name);
        line.extend(self.bar(share, track as u16));
        line.push_span(Span::raw(format!("  {text}")));
        line
    }

    /// Totals to compare with: the runs that are done, and published results; name and seconds.
    pub(super) fn marks(&self) -> Vec<(String, f64)> {
        if !self.told.lanes.is_empty() {
            return Vec::new();
        }
        let mut marks = Vec::new();
        if let Some(middle) = median(&self.told.totals_s) {
            let count = self.told.totals_s.len();
            let runs = if count == 1 {
                "1 run".into()
            } else {
                format!("median of {count} runs")
            };
            marks.push((runs, middle));
        }
        marks.extend(self.told.marks.iter().cloned());
        marks
    }

    pub(super) fn mark_lines(&self, width: u16) -> Vec<Line<'static>> {
        let marks = self.marks();
        let longest = marks
            .iter()
            .map(|(_, total_s)| *total_s)
            .fold(0.0, f64::max);
        let names = marks
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        let names = names.min(usize::from(width) / 3);
        let room = usize::from(width).saturating_sub(names + 14);
        marks
            .iter()
            .enumerate()
            .map(|(place, (name, total_s))| {
                let columns = (total_s / longest.max(1e-9) * room as f64).round() as usize;
                let own = place == 0 && !self.told.totals_s.is_empty();
                let colour = if own { Color::Cyan } else { Color::DarkGray };
                let name: String = escaped(name).chars().take(names).collect();
                Line::from(vec![
                    Span::raw(format!("{name:<names$}  {total_s:>8.2} s  ")),
                    Span::styled("▇".repeat(columns.max(1)), self.paint(colour)),
                ])
            })
            .collect()
    }

    pub(super) fn machine(&self) -> Line<'static> {
        const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        let level = |share: &f64| LEVELS[((share * 8.0) as usize).min(7)];
        let cores: String = self.seen.cores.iter().map(level).collect();
        let busy: f64 = self.seen.cores.iter().sum();
        let mut parts = Vec::new();
        if !cores.is_empty() {
            let mean = 100.0 * busy / self.seen.cores.len() as f64;
            parts.push(format!("cores {cores} {mean:.0} %"));
        }
        let gpus = self.seen.gpus.iter();
        parts.extend(gpus.map(|share| format!("GPU {} {:.0} %", level(share), 100.0 * share)));
        parts.extend(
            self.seen
                .temperature_c
                .map(|celsius| format!("{celsius:.0} °C")),
        );
        parts.extend(self.seen.power_w.map(|watts| format!("{watts:.0} W")));
        Line::from(parts.join(" · "))
    }
}
