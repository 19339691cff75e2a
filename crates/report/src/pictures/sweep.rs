//! Sweeps: the time of a step and the throughput over what differs from point to point, with fitted lines.

use laptime_results::{
    number::{duration, grouped},
    sweep::{Axis as Swept, Crossing, Point, Sweep},
};

use super::{caption, figure, unit};
use crate::{
    html::Html,
    svg::{Axis, Look, Plot, Scale, legend},
};

/// A place on the axis: what its points are called by.
fn place(axis: Swept, point: &Point) -> f64 {
    axis.value(point) as f64
}

/// Sweeps of one axis in one picture, each called by its name, and where the order of two of them turns.
pub fn sweeps(html: &mut Html, all: &[(&str, &Sweep)], crossing: Option<&Crossing>) {
    let Some((_, first)) = all.first() else {
        return;
    };
    let axis = first.axis;
    figure(html, "Time of a step", |html| {
        let times = all
            .iter()
            .flat_map(|(_, sweep)| &sweep.points)
            .map(Point::median_s);
        let (factor, symbol) = unit::of_time(times.fold(0.0, f64::max));
        let title = format!("step, {symbol}");
        let turn = crossing.and_then(|it| it.turn.as_ref()).map(|it| it.x);
        draw(
            html,
            all,
            turn.filter(|_| axis == Swept::BatchSize),
            &title,
            &|point| {
                let interval = point.ci95_s().map(|ends| ends.map(|end| end * factor));
                (point.median_s() * factor, interval)
            },
        );
        let mut text = "Whiskers are 95 % intervals; the lines are the fitted ones.".to_owned();
        if turn.is_some() && axis == Swept::BatchSize {
            text += " The upright line is where the order turns.";
        }
        caption(html, &text);
    });
    figure(html, "Throughput", |html| {
        draw(html, all, None, "samples/s", &|point| {
            (point.samples_per_s(), None)
        });
    });
}

/// Where a point lies, and its 95 % interval.
type Height = (f64, Option<[f64; 2]>);

fn draw(
    html: &mut Html,
    all: &[(&str, &Sweep)],
    turn: Option<f64>,
    title: &str,
    value: &dyn Fn(&Point) -> Height,
) {
    let axis = all[0].1.axis;
    let points = || all.iter().flat_map(|(_, sweep)| &sweep.points);
    let is_time = title != "samples/s";
    let mut plot = Plot::new(
        Axis {
            scale: Scale::log(points().map(|it| place(axis, it))),
            title: axis.name(),
            name: &unit::plain,
        },
        Axis {
            scale: match is_time {
                true => Scale::log(points().map(|it| value(it).0)),
                false => Scale::linear(points().map(|it| value(it).0), true),
            },
            title,
            name: &|value| match value {
                1000.0.. => unit::scaled(value, "").trim_end().to_owned(),
                _ => unit::plain(value),
            },
        },
    );
    if let Some(turn) = turn {
        plot.upright(turn, "turn");
    }
    for (series, (name, sweep)) in all.iter().enumerate() {
        let look = Look::of(series);
        // Through each point at least; where a line fits, it is the line.
        let fitted = sweep.line().filter(|_| is_time);
        let line: Vec<(f64, f64)> = sweep
            .points
            .iter()
            .map(|point| {
                let (measured, _) = value(point);
                let factor = measured / point.median_s();
                let height = fitted.as_ref().map_or(measured, |line| {
                    factor * (line.overhead_s + line.s_per_unit * axis.x(point))
                });
                (place(axis, point), height)
            })
            .collect();
        plot.line(look, if series % 2 == 1 { "dashed" } else { "" }, &line);
        for point in &sweep.points {
            let (height, interval) = value(point);
            if let Some(interval) = interval {
                plot.interval(look, place(axis, point), interval);
            }
            let text = format!(
                "{name}, {}: {} a step, {} samples/s",
                axis.label(point),
                duration(point.median_s()),
                grouped(point.samples_per_s().round() as u64)
            );
            plot.point(look, (place(axis, point), height), 4.5, &text);
        }
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let text = format!(
        "{title} over {} for {}; the table has the values.",
        axis.name(),
        names.join(" and ")
    );
    plot.draw(html, &text);
    if all.len() > 1 {
        let looks: Vec<(Look, &str)> = names
            .iter()
            .enumerate()
            .map(|(series, name)| (Look::of(series), *name))
            .collect();
        legend(html, &looks);
    }
}
