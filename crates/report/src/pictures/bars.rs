//! Times side by side: a bar each, from zero, with its interval.

use laptime_results::{seconds, seconds_between};

use super::caption;
use crate::html::{Html, number};

/// A time with what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Whose it is.
    pub name: String,
    /// What qualifies it: the engine, the gate's verdict, the source.
    pub detail: String,
    /// The time.
    pub total_s: f64,
    /// Its 95 % interval.
    pub ci95: Option<[f64; 2]>,
    /// Whether others published it.
    pub is_published: bool,
}

/// A published result may be as many times as long as the slowest measured one, or its bar is cut, so that
/// those that were measured can still be seen.
const LONGEST: f64 = 8.0;

/// The bars, the fastest first.
pub fn bars(html: &mut Html, all: &[Bar]) {
    let mut all: Vec<&Bar> = all.iter().filter(|it| it.total_s.is_finite()).collect();
    all.sort_by(|a, b| a.total_s.total_cmp(&b.total_s));
    let most_s = all.iter().fold(0.0, |most: f64, bar| {
        most.max(
            bar.ci95
                .map_or(bar.total_s, |[_, high]| high.max(bar.total_s)),
        )
    });
    if most_s <= 0.0 {
        return;
    }
    let measured = all.iter().filter(|bar| !bar.is_published);
    let room_s = LONGEST * measured.fold(0.0, |most: f64, bar| most.max(bar.total_s));
    let is_cut = room_s > 0.0 && most_s > 1.2 * room_s;
    let most_s = if is_cut { room_s } else { most_s };
    html.element("ol", &[("class", "bars")], |html| {
        for bar in &all {
            html.element("li", &[], |html| draw(html, bar, most_s));
        }
    });
    let mut notes = vec!["Shorter is faster."];
    if all.iter().any(|bar| bar.ci95.is_some()) {
        notes.push("The line at the end of a bar is the 95 % interval of the median.");
    }
    if all.iter().any(|bar| bar.is_published) {
        notes.push(
            "Hollow bars are published results: one run each, by others, on their own machines.",
        );
    }
    if is_cut {
        notes.push("A bar with a gap is longer than drawn.");
    }
    caption(html, &notes.join(" "));
}

fn draw(html: &mut Html, bar: &Bar, most_s: f64) {
    html.element("div", &[("class", "bar-name")], |html| {
        html.line("strong", &[], &bar.name);
        html.raw(" ");
        html.line("small", &[], &bar.detail);
    });
    let svg = [("class", "bar-svg"), ("aria-hidden", "true")];
    html.element("svg", &svg, |html| {
        let share = |time_s: f64| format!("{}%", number(99.0 * (time_s / most_s).clamp(0.0, 1.0)));
        let class = if bar.is_published {
            "bar hollow"
        } else {
            "bar s1"
        };
        // What is too small to be seen is a line.
        let width = format!(
            "{}%",
            number((99.0 * bar.total_s / most_s).clamp(0.4, 99.0))
        );
        let box_of = [
            ("class", class),
            ("x", "0.5"),
            ("y", "3"),
            ("width", width.as_str()),
            ("height", "16"),
        ];
        html.void("rect", &box_of);
        if bar.total_s > 1.001 * most_s {
            let gap = [
                ("class", "gap"),
                ("x1", "92%"),
                ("x2", "93%"),
                ("y1", "22"),
                ("y2", "0"),
            ];
            html.void("line", &gap);
        }
        if let Some([low, high]) = bar.ci95 {
            let (low, high) = (share(low), share(high));
            for [x1, x2, y1, y2] in [
                [low.as_str(), high.as_str(), "11", "11"],
                [low.as_str(), low.as_str(), "6", "16"],
                [high.as_str(), high.as_str(), "6", "16"],
            ] {
                let ends = [
                    ("class", "whisker"),
                    ("x1", x1),
                    ("x2", x2),
                    ("y1", y1),
                    ("y2", y2),
                ];
                html.void("line", &ends);
            }
        }
    });
    html.element("div", &[("class", "bar-value")], |html| {
        html.line("strong", &[], &seconds(bar.total_s));
        if let Some(ends) = bar.ci95 {
            html.raw(" ");
            html.line("small", &[], &seconds_between(ends, bar.total_s));
        }
    });
}
