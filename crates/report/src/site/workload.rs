//! The page of a workload and a precision.

use laptime_results::{
    DatasetSource, Record,
    number::{counted, grouped},
    published::{self, Published},
    seconds, seconds_between,
};

use super::{
    listing::{Listing, Page, Training},
    row::{both_links, head, row},
};
use crate::{
    html::Html,
    page::{Script, page as framed},
    table::{fold, scrolled},
    warnings::sentence,
};

/// The page.
pub fn page(page: &Page) -> String {
    let name = page.name();
    let count = counted(page.listed() as u64, "result");
    let description = format!("{count} of {name}, measured by laptime.");
    framed(
        &format!("{name} · laptime"),
        &description,
        Script::Table,
        |html| {
            html.element("nav", &[], |html| {
                html.line("a", &[("href", "../index.html")], "← All workloads");
            });
            html.element("header", &[], |html| {
                html.raw("<p class=\"eyebrow\">laptime results</p>");
                html.line("h1", &[], &name);
                html.line("p", &[("class", "below")], &fastest(page));
            });
            html.element("main", &[], |html| {
                tools(html, page);
                for training in &page.trainings {
                    table(html, training);
                }
                if page.trainings.is_empty() {
                    html.raw("<p>There is no result that may be listed.</p>");
                }
                apart(html, page);
            });
        },
    )
}

/// The first of the largest table, in a sentence.
pub fn fastest(page: &Page) -> String {
    let count = counted(page.listed() as u64, "result");
    let Some(first) = page.trainings.first().and_then(|it| it.listings.first()) else {
        return format!("{count}.");
    };
    let record = first.record;
    let interval = match first.total().ci95 {
        Some(ends) => format!(
            "95 % interval {}",
            seconds_between(ends, first.total().median)
        ),
        None => "no interval".into(),
    };
    let extrapolated = if first.is_extrapolated() {
        "extrapolated, "
    } else {
        ""
    };
    format!(
        "{count}; the fastest: {} on {} in {} ({extrapolated}{interval}).",
        record.engine.name,
        record.device.name,
        seconds(first.total().median)
    )
}

/// What only a script can do, and is shown by it.
fn tools(html: &mut Html, page: &Page) {
    let mut engines: Vec<&str> = page
        .all()
        .map(|it| it.record.engine.name.as_str())
        .collect();
    engines.sort_unstable();
    engines.dedup();
    html.raw("<div class=\"tools\" hidden><label>Filter <input type=\"search\" placeholder=\"machine, system, version\"/></label><label>Engine <select><option value=\"\">all</option>");
    for engine in engines {
        html.line("option", &[("value", engine)], engine);
    }
    html.raw(
        "</select></label><output></output><button type=\"button\" hidden>Show all</button></div>",
    );
}

fn table(html: &mut Html, training: &Training) {
    let record = training.listings[0].record;
    let title = described(record);
    let room_s = room_s(training);
    html.element("section", &[], |html| {
        html.line("h2", &[], &title);
        scrolled(html, &title, |html| {
            html.element("table", &[("class", "results")], |html| {
                html.element("thead", &[], head);
                html.element("tbody", &[], |html| {
                    for listing in &training.listings {
                        row(html, listing, room_s);
                    }
                });
            });
        });
        published_beside(html, record);
    });
}

/// A bar may be as many times as long as the shortest, or it is cut, so that others can be seen.
const LONGEST: f64 = 10.0;

/// The time for which a table's bars have room.
fn room_s(training: &Training) -> f64 {
    let high = |it: &Listing| it.total().ci95.map_or(it.total().median, |[_, high]| high);
    let most_s = training.listings.iter().map(high).fold(0.0, f64::max);
    // They are in this order.
    most_s.min(LONGEST * training.listings[0].total().median)
}

/// What tells a training from others of its workload.
fn described(record: &Record) -> String {
    let workload = &record.workload;
    let mut parts = vec![
        format!("batch {}", grouped(workload.batch_size)),
        counted(workload.epochs, "epoch"),
        format!("{} samples", grouped(record.dataset.train_samples)),
    ];
    if record.dataset.source == DatasetSource::Unverified {
        parts.push("not the official ones".into());
    }
    parts.extend(workload.overrides.iter().cloned());
    let digest = workload
        .digest
        .strip_prefix("sha256:")
        .unwrap_or(&workload.digest);
    parts.push(format!(
        "training {}",
        digest.chars().take(8).collect::<String>()
    ));
    parts.join(" · ")
}

fn published_beside(html: &mut Html, record: &Record) {
    let found = published::beside(record);
    if found.is_empty() {
        return;
    }
    fold(html, "Published by others for this training", |html| {
        html.element("ul", &[], |html| {
            for it in found {
                html.line("li", &[], &sentence(&of_published(it.published)));
            }
        });
    });
}

fn of_published(it: &Published) -> String {
    format!(
        "{} s: {}, {}. {}",
        it.total_s, it.machine, it.engine, it.source
    )
}

fn apart(html: &mut Html, page: &Page) {
    if page.apart.is_empty() {
        return;
    }
    html.element("section", &[("id", "apart")], |html| {
        html.line("h2", &[], "Listed apart");
        html.raw("<p>These records do not stand beside the others, for the reasons given.</p>");
        html.element("ul", &[("class", "apart")], |html| {
            for listing in &page.apart {
                let record = listing.record;
                html.element("li", &[], |html| {
                    let who = format!(
                        "{} on {}, {}: ",
                        record.engine.name, record.device.name, record.created
                    );
                    html.line("strong", &[], &who);
                    html.text(&sentence(&listing.apart.join("; ")));
                    html.raw(" ");
                    both_links(html, listing);
                });
            }
        });
    });
}
