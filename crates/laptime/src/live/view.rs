//! The picture: what there is to see of a training, laid out for any size of terminal.

use std::time::Duration;

use laptime_engine::Score;
use laptime_measure::{Stage, statistics::median, telemetry::Seen};
use laptime_results::loss_text;
use laptime_workload::escaped;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph, Sparkline},
};

use super::{Lane, Told, history::History};
use crate::{
    display::{clock, progress_text},
    speed::Speed,
};

/// Below these, the line that says how far it is takes all the room.
const LEAST_COLUMNS: u16 = 24;
const LEAST_ROWS: u16 = 4;

/// Two curves side by side are readable from here on.
const COLUMNS_FOR_TWO: u16 = 70;

/// All that one picture shows.
pub struct Picture<'a> {
    told: &'a Told,
    stage: Stage,
    score: Score,
    samples_per_s: Option<f64>,
    history: &'a History,
    seen: &'a Seen,
    elapsed: Duration,
    has_colour: bool,
}

impl<'a> Picture<'a> {
    pub fn of(
        told: &'a Told,
        (stage, score): (Stage, Score),
        speed: &mut Speed,
        history: &'a History,
        seen: &'a Seen,
        elapsed: Duration,
        has_colour: bool,
    ) -> Self {
        let samples_per_s = match stage {
            Stage::Training { samples_before, .. } => {
                speed.at(std::time::Instant::now(), samples_before + score.samples)
            }
            _ => None,
        };
        Self {
            told,
            stage,
            score,
            samples_per_s,
            history,
            seen,
            elapsed,
            has_colour,
        }
    }

    pub fn draw(&self, frame: &mut Frame) {
        let area = frame.area();
        if area.width < LEAST_COLUMNS || area.height < LEAST_ROWS {
            let text = self.headline(area.width.max(1));
            frame.render_widget(Paragraph::new(text), area);
            return;
        }
        let parts = self.parts(area);
        let sizes = parts.iter().map(|(_, size)| *size);
        let areas = Layout::vertical(sizes).split(area);
        for ((part, _), area) in parts.iter().zip(areas.iter()) {
            self.draw_part(frame, *part, *area);
        }
    }

    /// What there is room for, from top to bottom.
    fn parts(&self, area: Rect) -> Vec<(Part, Constraint)> {
        // (what, rows, from how many rows of the terminal on)
        let lanes = self.told.lanes.len() as u16;
        let marks = self.marks().len() as u16;
        let wanted = [
            (Part::Title, 1, 6),
            (Part::Headline, 1, 0),
            (Part::Track, 1, 0),
            (Part::Phases, 1, 9),
            (Part::Lanes, lanes, 0),
            (Part::Curves, 0, 13 + lanes),
            (Part::Throughput, 3, 18 + lanes),
            (Part::Marks, marks, 18 + lanes + marks),
            (Part::Machine, 1, 8),
        ];
        let mut parts: Vec<(Part, Constraint)> = wanted
            .into_iter()
            .filter(|(part, rows, least)| {
                area.height >= *least && (*rows > 0 || *part == Part::Curves)
            })
            .map(|(part, rows, _)| {
                let size = match part {
                    Part::Curves => Constraint::Fill(1),
                    _ => Constraint::Length(rows),
                };
                (part, size)
            })
            .collect();
        if !parts.iter().any(|(part, _)| *part == Part::Curves) {
            parts.push((Part::Nothing, Constraint::Fill(1)));
        }
        parts
    }

    fn draw_part(&self, frame: &mut Frame, part: Part, area: Rect) {
        match part {
            Part::Title => frame.render_widget(Paragraph::new(self.title(area.width)), area),
            Part::Headline => {
                frame.render_widget(Paragraph::new(self.headline(area.width)), area);
            }
            Part::Track => frame.render_widget(Paragraph::new(self.track(area.width)), area),
            Part::Phases => frame.render_widget(Paragraph::new(self.phases()), area),
            Part::Lanes => {
                let lanes = self.told.lanes.iter();
                let lines: Vec<Line> = lanes.map(|lane| self.lane(lane, area.width)).collect();
                frame.render_widget(Paragraph::new(lines), area);
            }
            Part::Curves => self.curves(frame, area),
            Part::Throughput => self.throughput(frame, area),
            Part::Marks => frame.render_widget(Paragraph::new(self.mark_lines(area.width)), area),
            Part::Machine => frame.render_widget(Paragraph::new(self.machine()), area),
            Part::Nothing => {}
        }
    }

    fn paint(&self, colour: Color) -> Style {
        match self.has_colour {
            true => Style::new().fg(colour),
            false => Style::new(),
        }
    }

    fn title(&self, width: u16) -> Line<'_> {
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

    fn headline(&self, width: u16) -> String {
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

    fn track(&self, width: u16) -> Line<'static> {
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

    fn phases(&self) -> Line<'static> {
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
    fn lane(&self, lane: &Lane, width: u16) -> Line<'static> {
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

    fn curves(&self, frame: &mut Frame, area: Rect) {
        let loss = self.history.loss.last();
        let right = self.history.accuracy.last();
        let loss_title = loss.map_or("Loss".into(), |(_, it)| format!("Loss {}", loss_text(*it)));
        let right_title = right.map_or("Accuracy".into(), |(_, it)| {
            format!("Accuracy {:.1} %", 100.0 * it)
        });
        let top = self
            .history
            .loss
            .iter()
            .map(|(_, loss)| *loss)
            .fold(0.0, f64::max);
        let top = if top > 0.0 { 1.05 * top } else { 1.0 };
        if area.width < COLUMNS_FOR_TWO {
            self.curve(
                frame,
                area,
                &loss_title,
                &self.history.loss,
                top,
                Color::Yellow,
            );
            return;
        }
        let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).split(area);
        self.curve(
            frame,
            halves[0],
            &loss_title,
            &self.history.loss,
            top,
            Color::Yellow,
        );
        self.curve(
            frame,
            halves[1],
            &right_title,
            &self.history.accuracy,
            1.0,
            Color::Green,
        );
    }

    fn curve(
        &self,
        frame: &mut Frame,
        area: Rect,
        title: &str,
        points: &[(f64, f64)],
        top: f64,
        colour: Color,
    ) {
        let epochs = self.told.plan.epochs.max(1) as f64;
        let data = Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(self.paint(colour))
            .data(points);
        let label = |value: f64| match top {
            1.0 => format!("{:.0} %", 100.0 * value),
            _ => format!("{value:.2}"),
        };
        let chart = Chart::new(vec![data])
            .block(Block::bordered().title(title.to_owned()))
            .x_axis(
                Axis::default()
                    .bounds([0.0, epochs])
                    .labels(["0".to_owned(), format!("{epochs:.0} epochs")]),
            )
            .y_axis(
                Axis::default()
                    .bounds([0.0, top])
                    .labels([label(0.0), label(top)]),
            );
        frame.render_widget(chart, area);
    }

    fn throughput(&self, frame: &mut Frame, area: Rect) {
        let room = usize::from(area.width.saturating_sub(2));
        let all = &self.history.samples_per_s;
        let latest: Vec<u64> = all
            .iter()
            .skip(all.len().saturating_sub(room))
            .copied()
            .collect();
        let title = match all.back() {
            Some(speed) => format!("Throughput {} samples/s", grouped(*speed)),
            None => "Throughput".into(),
        };
        let line = Sparkline::default()
            .block(Block::bordered().title(title))
            .style(self.paint(Color::Cyan))
            .data(&latest);
        frame.render_widget(line, area);
    }

    /// Totals to compare with: the runs that are done, and published results; name and seconds.
    fn marks(&self) -> Vec<(String, f64)> {
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

    fn mark_lines(&self, width: u16) -> Vec<Line<'static>> {
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

    fn machine(&self) -> Line<'static> {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Title,
    Headline,
    Track,
    Phases,
    Lanes,
    Curves,
    Throughput,
    Marks,
    Machine,
    Nothing,
}

/// A whole number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;
    use crate::display::Plan;

    fn told() -> Told {
        Told {
            title: "fashion-mnist · fp32 · batch 32 · 10 epochs".into(),
            trained_by: "laptime 0.1.0 · AMD EPYC · 2 threads".into(),
            plan: Plan {
                epochs: 10,
                samples: 600_000,
                batch_size: 32,
                run: 1,
                runs: 1,
            },
            totals_s: vec![1.95, 1.97, 2.1],
            marks: vec![("Apple M1".into(), 6.7), ("RTX 2080 Ti".into(), 7.78)],
            lanes: Vec::new(),
        }
    }

    fn drawn(told: &Told, columns: u16, rows: u16) -> String {
        let mut history = History::default();
        for step in 0..100 {
            let x = f64::from(step) / 10.0;
            history.loss.push((x, 1.0 / (1.0 + x)));
            history.accuracy.push((x, 1.0 - 0.5 / (1.0 + x)));
            history
                .samples_per_s
                .push_back(300_000 + 1_000 * u64::from(step as u16 % 7));
        }
        let seen = Seen {
            cores: vec![1.0, 0.5],
            temperature_c: Some(61.6),
            power_w: None,
            gpus: Vec::new(),
        };
        let stage = Stage::Training {
            epoch: 4,
            epoch_samples: 60_000,
            samples_before: 240_000,
        };
        let score = Score {
            samples: 30_000,
            loss_sum: 9_372.0,
            correct: 26_610,
        };
        let picture = Picture {
            told,
            stage,
            score,
            samples_per_s: Some(300_000.0),
            history: &history,
            seen: &seen,
            elapsed: Duration::from_secs(61),
            has_colour: true,
        };
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| picture.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| {
            (0..columns)
                .map(|x| buffer[(x, y)].symbol())
                .collect::<String>()
        };
        (0..rows)
            .map(|y| format!("{}\n", row(y).trim_end()))
            .collect()
    }

    #[test]
    fn a_large_terminal_shows_everything() {
        let text = drawn(&told(), 100, 30);
        for part in [
            "fashion-mnist · fp32",
            "laptime 0.1.0",
            "epoch 5/10",
            "✓ compile   ▸ train   · test   1:01 in all",
            "Loss 0.0",
            "Accuracy 9",
            "10 epochs",
            "Throughput 301,000 samples/s",
            "median of 3 runs",
            "Apple M1",
            "cores █▅ 75 % · 62 °C",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn any_size_shows_how_far_it_is() {
        for columns in [1, 5, 20, 24, 40, 69, 70, 200] {
            for rows in [1, 2, 3, 4, 6, 8, 12, 13, 18, 24, 60] {
                let text = drawn(&told(), columns, rows);
                let begins = text.trim_start().chars().next();
                assert!(begins.is_some(), "{columns} × {rows}:\n{text}");
                if columns >= 20 {
                    assert!(text.contains("epoch 5/10"), "{columns} × {rows}:\n{text}");
                }
            }
        }
    }

    #[test]
    fn a_race_has_a_lane_for_each_engine() {
        let lane = |name, is_running, is_done| Lane {
            name,
            text: "0.677 s in 3 runs · verified".into(),
            is_running,
            is_done,
        };
        let race = Told {
            lanes: vec![lane("laptime", false, true), lane("jax", true, false)],
            ..told()
        };
        let text = drawn(&race, 80, 24);
        assert!(text.contains("  laptime     ━━━━━"), "{text}");
        assert!(text.contains("▸ jax         ━━━━━"), "{text}");
        assert!(text.contains("in 3 runs"), "{text}");
        assert!(!text.contains("Apple M1"), "{text}");
    }

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1234567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
