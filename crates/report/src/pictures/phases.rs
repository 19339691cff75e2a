//! Where the time of a run went: a row a phase, each beginning where the one before ended.

use laptime_measure::Run;
use laptime_results::{
    Record,
    number::{duration, percent},
    typical_run,
};

use super::{caption, figure};
use crate::html::{Html, number};

/// More epochs than this are not told apart in a row.
const MOST_EPOCHS: usize = 60;

struct Row {
    name: &'static str,
    seconds: f64,
    is_inside: bool,
}

/// The phases of the run with the median total.
pub fn phases(html: &mut Html, record: &Record) {
    let Some(run) = typical_run(&record.runs) else {
        return;
    };
    let rows = rows(record, run);
    let whole_s: f64 = rows.iter().map(|row| row.seconds).sum();
    if !(whole_s.is_finite() && whole_s > 0.0) {
        return;
    }
    figure(html, "Where the time goes", |html| {
        html.element("table", &[("class", "phases")], |html| {
            html.raw(
                "<thead><tr><th scope=\"col\">Phase</th><th scope=\"col\" class=\"wide\">When</th>\
                 <th scope=\"col\" class=\"num\">Time</th><th scope=\"col\" class=\"num\">Of the total</th></tr></thead>",
            );
            html.element("tbody", &[], |html| {
                let mut begin_s = 0.0;
                for row in &rows {
                    html.element("tr", &[], |html| draw(html, row, run, begin_s, whole_s));
                    begin_s += row.seconds;
                }
            });
        });
        let mut text = "The run with the median total.".to_owned();
        if rows.iter().any(|row| !row.is_inside) {
            text += " Hollow rows are outside the total.";
        }
        if (2..=MOST_EPOCHS).contains(&run.epochs.len()) {
            text += " The lines in the row of training are the ends of epochs.";
        }
        caption(html, &text);
    });
}

fn rows(record: &Record, run: &Run) -> Vec<Row> {
    let phases = &run.phases;
    // Only the first run loads.
    let load_s = record.runs.first().map_or(0.0, |first| first.phases.load_s);
    let row = |name, seconds, is_inside| Row {
        name,
        seconds,
        is_inside,
    };
    let all = [
        row("load", load_s, false),
        row("start", phases.start_s, false),
        row("trial", phases.trial_s, false),
        row("prepare", phases.prepare_s, true),
        row("compile", phases.compile_s, true),
        row("train", phases.train_s, true),
        row("test", phases.test_s, true),
        row("other", phases.other_s, true),
        row("checkpoint", phases.checkpoint_s, false),
    ];
    let is_there = |row: &Row| row.is_inside || row.seconds > 0.0;
    all.into_iter().filter(is_there).collect()
}

fn draw(html: &mut Html, row: &Row, run: &Run, begin_s: f64, whole_s: f64) {
    html.line("th", &[("scope", "row")], row.name);
    html.element("td", &[("class", "wide")], |html| {
        let svg = [("class", "bar-svg"), ("aria-hidden", "true")];
        html.element("svg", &svg, |html| {
            let place = |time_s: f64| format!("{}%", number(100.0 * time_s / whole_s));
            let (x, width) = (place(begin_s), place(row.seconds.max(0.003 * whole_s)));
            let class = match (row.is_inside, row.name) {
                (false, _) => "bar hollow",
                (true, "train") => "bar s1",
                (true, _) => "bar s2",
            };
            let box_of = [
                ("class", class),
                ("x", x.as_str()),
                ("y", "3"),
                ("width", width.as_str()),
                ("height", "16"),
            ];
            html.void("rect", &box_of);
            if row.name == "train" && run.epochs.len() <= MOST_EPOCHS {
                epochs(html, run, begin_s, whole_s);
            }
        });
    });
    let time = match row.seconds {
        0.0 => "0 s".to_owned(),
        seconds => duration(seconds),
    };
    html.line("td", &[("class", "num")], &time);
    let share = match row.is_inside {
        true => percent(row.seconds / run.total_s),
        false => "outside".into(),
    };
    html.line("td", &[("class", "num")], &share);
}

fn epochs(html: &mut Html, run: &Run, begin_s: f64, whole_s: f64) {
    let mut end_s = begin_s;
    let but_the_last = run.epochs.len().saturating_sub(1);
    for epoch in &run.epochs[..but_the_last] {
        end_s += epoch.train_s;
        let x = format!("{}%", number(100.0 * end_s / whole_s));
        let ends = [
            ("class", "cut"),
            ("x1", x.as_str()),
            ("x2", x.as_str()),
            ("y1", "3"),
            ("y2", "19"),
        ];
        html.void("line", &ends);
    }
}
