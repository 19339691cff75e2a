//! A record as a row of a table, and what the columns are.

use laptime_results::{
    Record,
    number::{counted, grouped, percent, three_digits},
    seconds, seconds_between, typical_run,
};

use super::listing::Listing;
use crate::html::{Html, number};

/// How a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Number,
    Text,
    Not,
}

struct Column {
    head: &'static str,
    sort: Sort,
    cell: fn(&mut Html, &Listing, room_s: f64),
}

const COLUMNS: [Column; 10] = [
    Column {
        head: "Machine",
        sort: Sort::Text,
        cell: machine,
    },
    Column {
        head: "Engine",
        sort: Sort::Text,
        cell: engine,
    },
    Column {
        head: "Total",
        sort: Sort::Number,
        cell: total,
    },
    Column {
        head: "Relative",
        sort: Sort::Not,
        cell: bar,
    },
    Column {
        head: "Samples/s",
        sort: Sort::Number,
        cell: speed,
    },
    Column {
        head: "Accuracy",
        sort: Sort::Number,
        cell: accuracy,
    },
    Column {
        head: "Power",
        sort: Sort::Number,
        cell: power,
    },
    Column {
        head: "Gate",
        sort: Sort::Text,
        cell: gate,
    },
    Column {
        head: "Made",
        sort: Sort::Text,
        cell: made,
    },
    Column {
        head: "More",
        sort: Sort::Not,
        cell: links,
    },
];

/// The heads of the columns.
pub fn head(html: &mut Html) {
    html.element("tr", &[], |html| {
        for column in &COLUMNS {
            let sort = match column.sort {
                Sort::Number => "number",
                Sort::Text => "text",
                Sort::Not => "",
            };
            let class = if column.sort == Sort::Number {
                "num"
            } else {
                ""
            };
            let mut attributes = vec![("scope", "col"), ("class", class)];
            if !sort.is_empty() {
                attributes.push(("data-sort", sort));
            }
            // As the rows stand in the file.
            if column.head == "Total" {
                attributes.push(("aria-sort", "ascending"));
            }
            html.line("th", &attributes, column.head);
        }
    });
}

/// A row; `room_s` is the time for which its bar has room.
pub fn row(html: &mut Html, listing: &Listing, room_s: f64) {
    let engine = &listing.record.engine.name;
    html.element("tr", &[("data-engine", engine)], |html| {
        for column in &COLUMNS {
            (column.cell)(html, listing, room_s);
        }
    });
}

/// A cell with a value that it is sorted by.
fn sorted(html: &mut Html, value: Option<f64>, text: &str, small: &str) {
    let value = value
        .filter(|it| it.is_finite())
        .map(|it| format!("{it:e}"));
    let value = value.unwrap_or_default();
    let attributes = [("class", "num"), ("data-value", value.as_str())];
    html.element("td", &attributes, |html| with_small(html, text, small));
}

fn with_small(html: &mut Html, text: &str, small: &str) {
    html.text(text);
    if !small.is_empty() {
        html.line("small", &[], small);
    }
}

fn machine(html: &mut Html, listing: &Listing, _: f64) {
    let Record {
        device, machine, ..
    } = listing.record;
    let mut small: Vec<String> = Vec::new();
    small.extend(device.threads.map(|it| counted(it, "thread")));
    small.extend(device.isa.clone());
    small.push(machine.os.clone());
    html.element(
        "th",
        &[("scope", "row"), ("data-value", &device.name)],
        |html| {
            with_small(html, &device.name, &small.join(" · "));
        },
    );
}

fn engine(html: &mut Html, listing: &Listing, _: f64) {
    let engine = &listing.record.engine;
    html.element("td", &[], |html| {
        with_small(html, &engine.name, &engine.version)
    });
}

fn total(html: &mut Html, listing: &Listing, _: f64) {
    let total = listing.total();
    let mut small = match total.ci95 {
        Some(ends) => seconds_between(ends, total.median),
        None => "no interval".into(),
    };
    if listing.is_extrapolated() {
        small += ", extrapolated";
    }
    sorted(html, Some(total.median), &seconds(total.median), &small);
}

fn bar(html: &mut Html, listing: &Listing, room_s: f64) {
    let total = listing.total();
    html.element("td", &[], |html| {
        let svg = [("class", "bar-svg"), ("aria-hidden", "true")];
        html.element("svg", &svg, |html| {
            let place =
                |time_s: f64| format!("{}%", number(98.0 * (time_s / room_s).clamp(0.0, 1.0)));
            let width = place(total.median);
            let class = if listing.is_extrapolated() {
                "bar hollow"
            } else {
                "bar s1"
            };
            let box_of = [
                ("class", class),
                ("x", "1"),
                ("y", "5"),
                ("width", width.as_str()),
                ("height", "11"),
            ];
            html.void("rect", &box_of);
            if total.median > 1.001 * room_s {
                let gap = [
                    ("class", "gap"),
                    ("x1", "88%"),
                    ("x2", "91%"),
                    ("y1", "20"),
                    ("y2", "0"),
                ];
                html.void("line", &gap);
            }
            if let Some([low, high]) = total.ci95 {
                let (low, high) = (place(low), place(high));
                let ends = [
                    ("class", "whisker"),
                    ("x1", low.as_str()),
                    ("x2", high.as_str()),
                    ("y1", "10.5"),
                    ("y2", "10.5"),
                ];
                html.void("line", &ends);
            }
        });
    });
}

fn speed(html: &mut Html, listing: &Listing, _: f64) {
    let summary = &listing.record.summary;
    let share = summary.model_flops_utilization;
    let small = share.map_or_else(String::new, |share| {
        format!("{:.0} % of peak", 100.0 * share)
    });
    let text = grouped(summary.samples_per_s.round() as u64);
    sorted(html, Some(summary.samples_per_s), &text, &small);
}

fn accuracy(html: &mut Html, listing: &Listing, _: f64) {
    let test = typical_run(&listing.record.runs).and_then(|run| run.test.as_ref());
    let share = test.and_then(|test| test.metrics.accuracy());
    match share.filter(|_| !listing.is_extrapolated()) {
        Some(share) => sorted(html, Some(share), &percent(share), ""),
        None => sorted(html, None, "–", ""),
    }
}

/// The mean power of the processor while it trained.
pub fn power_w(record: &Record) -> Option<f64> {
    let summary = &record.summary;
    let power_w = summary.energy_per_sample_j? * summary.samples_per_s;
    power_w.is_finite().then_some(power_w)
}

fn power(html: &mut Html, listing: &Listing, _: f64) {
    match power_w(listing.record) {
        Some(power_w) => sorted(
            html,
            Some(power_w),
            &format!("{} W", three_digits(power_w)),
            "",
        ),
        None => sorted(html, None, "–", ""),
    }
}

fn gate(html: &mut Html, listing: &Listing, _: f64) {
    let record = listing.record;
    let small = match &record.summary.conditions {
        Some(it) if it.disturbed + it.throttled > 0 => {
            format!(
                "{} of {} runs disturbed",
                it.disturbed + it.throttled,
                it.runs
            )
        }
        Some(it) if it.not_measured < it.runs => "machine clean".into(),
        _ => "machine not observed".into(),
    };
    html.element("td", &[], |html| {
        with_small(html, &record.gate.to_string(), &small)
    });
}

fn made(html: &mut Html, listing: &Listing, _: f64) {
    let record = listing.record;
    let day = record.created.split('T').next().unwrap_or_default();
    let by = format!("laptime {}", record.laptime.version);
    let attributes = [("class", "day"), ("data-value", record.created.as_str())];
    html.element("td", &attributes, |html| with_small(html, day, &by));
}

fn links(html: &mut Html, listing: &Listing, _: f64) {
    html.element("td", &[], |html| both_links(html, listing));
}

/// The report and the record. What they are of is said for who hears the links alone.
pub fn both_links(html: &mut Html, listing: &Listing) {
    let of = format!("{}, {}", listing.record.device.name, listing.record.created);
    for (path, name) in [
        (listing.report_path(), "Report"),
        (listing.record_path(), "Record"),
    ] {
        let (address, label) = (format!("../{path}"), format!("{name}: {of}"));
        html.line("a", &[("href", &address), ("aria-label", &label)], name);
        html.raw(" ");
    }
}
