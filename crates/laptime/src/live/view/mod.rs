//! The picture: what there is to see of a training, laid out for any size of terminal.

mod charts;
mod lines;
#[cfg(test)]
mod tests;

use std::time::Duration;

use laptime_engine::Score;
use laptime_measure::{Stage, telemetry::Seen};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Style},
    text::Line,
    widgets::Paragraph,
};

use super::{Told, history::History};
use crate::speed::Speed;

/// Below these, the line that says how far it is takes all the room.
const LEAST_COLUMNS: u16 = 24;
const LEAST_ROWS: u16 = 4;

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
        Self {
            told,
            stage,
            score,
            samples_per_s: speed.seen(stage, score),
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
