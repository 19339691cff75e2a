//! The curves of the picture: loss, accuracy, throughput.

use laptime_results::{loss_text, number::grouped};
use laptime_workload::MetricEntry;
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

impl<'a> Curve<'a> {
    /// That of a metric.
    fn of(metric: &MetricEntry, points: &'a [(f64, f64)]) -> Self {
        let now = points.last().map(|(_, now)| *now);
        let mut title = metric.name[..1].to_uppercase() + &metric.name[1..];
        match metric.unit {
            "share" => {
                title.extend(now.map(|now| format!(" {:.1} %", 100.0 * now)));
                Self {
                    title,
                    points,
                    bounds: [around(points)[0], 1.0],
                    label: |share| format!("{:.0} %", 100.0 * share),
                    colour: Color::Green,
                }
            }
            _ => {
                title.extend(now.map(|now| format!(" {}", loss_text(now))));
                Self {
                    title,
                    points,
                    bounds: around(points),
                    label: |loss| format!("{loss:.2}"),
                    colour: Color::Yellow,
                }
            }
        }
    }
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
        let metrics = self.told.plan.metrics.iter();
        let curves = metrics.zip(&self.history.metrics);
        let mut curves: Vec<Curve> = curves.map(|(it, points)| Curve::of(it, points)).collect();
        if area.width < COLUMNS_FOR_TWO {
            curves.truncate(1);
        }
        let shares = curves.iter().map(|_| Constraint::Fill(1));
        let areas = Layout::horizontal(shares).split(area);
        for (curve, area) in curves.into_iter().zip(areas.iter()) {
            self.curve(frame, *area, curve);
        }
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
