//! The curves of the picture: loss, accuracy, throughput.

use laptime_results::{loss_text, number::grouped};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Color,
    symbols::Marker,
    widgets::{Axis, Block, Chart, Dataset, GraphType, Sparkline},
};

use super::Picture;

/// Two curves side by side are readable from here on.
const COLUMNS_FOR_TWO: u16 = 70;

/// A curve over the epochs.
struct Curve<'a> {
    title: String,
    points: &'a [(f64, f64)],
    bounds: [f64; 2],
    label: fn(f64) -> String,
    colour: Color,
}

/// Bounds in which the values fill a chart, with a little room.
fn around(points: &[(f64, f64)]) -> [f64; 2] {
    let values = || points.iter().map(|(_, value)| *value);
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    match low < high {
        true => [
            (low - 0.05 * (high - low)).max(0.0),
            high + 0.05 * (high - low),
        ],
        false => [0.0, 1.0],
    }
}

impl Picture<'_> {
    pub(super) fn curves(&self, frame: &mut Frame, area: Rect) {
        let (loss, right) = (&self.history.loss, &self.history.accuracy);
        let loss = Curve {
            title: loss.last().map_or("Loss".into(), |(_, now)| {
                format!("Loss {}", loss_text(*now))
            }),
            points: loss,
            bounds: around(loss),
            label: |loss| format!("{loss:.2}"),
            colour: Color::Yellow,
        };
        let right = Curve {
            title: right.last().map_or("Accuracy".into(), |(_, now)| {
                format!("Accuracy {:.1} %", 100.0 * now)
            }),
            points: right,
            bounds: [around(right)[0], 1.0],
            label: |share| format!("{:.0} %", 100.0 * share),
            colour: Color::Green,
        };
        if area.width < COLUMNS_FOR_TWO {
            self.curve(frame, area, loss);
            return;
        }
        let halves = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).split(area);
        self.curve(frame, halves[0], loss);
        self.curve(frame, halves[1], right);
    }

    fn curve(&self, frame: &mut Frame, area: Rect, curve: Curve) {
        let epochs = self.told.plan.epochs.max(1) as f64;
        let data = Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(self.paint(curve.colour))
            .data(curve.points);
        let chart = Chart::new(vec![data])
            .block(Block::bordered().title(curve.title))
            .x_axis(
                Axis::default()
                    .bounds([0.0, epochs])
                    .labels(["0".to_owned(), format!("{epochs:.0} epochs")]),
            )
            .y_axis(
                Axis::default()
                    .bounds(curve.bounds)
                    .labels(curve.bounds.map(curve.label)),
            );
        frame.render_widget(chart, area);
    }

    pub(super) fn throughput(&self, frame: &mut Frame, area: Rect) {
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
}
