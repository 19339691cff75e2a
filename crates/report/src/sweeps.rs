//! Sweeps: pictures, sentences, and a table of the points.

use laptime_results::{
    Tone, crossing_sentence,
    number::{duration, grouped, percent, three_digits},
    sweep::{Axis, Crossing, Sweep, crossing, published},
    sweep_remarks, trained_by,
};

use crate::{
    html::Html,
    pictures,
    table::{fold, table},
    warnings::{self, sentence},
};

/// A short name for each, no two alike.
pub fn names(all: &[Sweep]) -> Vec<String> {
    let parts = |sweep: &Sweep| -> [String; 4] {
        let threads = sweep.device.threads.filter(|_| sweep.axis != Axis::Threads);
        [
            sweep.device.name.clone(),
            sweep.engine.name.clone(),
            threads.map_or_else(String::new, |it| {
                laptime_results::number::counted(it, "thread")
            }),
            sweep.precision.clone(),
        ]
    };
    let all: Vec<[String; 4]> = all.iter().map(parts).collect();
    let differs = |place: usize| all.iter().any(|it| it[place] != all[0][place]);
    let mut names: Vec<String> = Vec::new();
    for (number, parts) in (1..).zip(&all) {
        let told: Vec<&str> = (0..4)
            .filter(|place| (*place == 0 || differs(*place)) && !parts[*place].is_empty())
            .map(|place| parts[place].as_str())
            .collect();
        let name = told.join(", ");
        names.push(match names.contains(&name) || name.is_empty() {
            true => format!("{name} #{number}").trim_start().to_owned(),
            false => name,
        });
    }
    names
}

/// All sweeps, those of one axis and workload in one picture.
pub fn sweeps(html: &mut Html, all: &[Sweep], is_alone: bool) {
    let names = names(all);
    let mut left: Vec<(&str, &Sweep)> = names.iter().map(String::as_str).zip(all).collect();
    while let Some((_, first)) = left.first().copied() {
        let is_alike =
            |(_, it): &(&str, &Sweep)| it.axis == first.axis && it.workload == first.workload;
        let (group, others) = left.into_iter().partition::<Vec<_>, _>(is_alike);
        left = others;
        section(html, &group, is_alone && group.len() == all.len());
    }
}

fn section(html: &mut Html, group: &[(&str, &Sweep)], is_alone: bool) {
    html.element("section", &[("class", "record")], |html| {
        let first = group[0].1;
        let title = format!("{} by {}", first.workload, first.axis.name());
        html.line("h2", &[], &title);
        let found = match group {
            [(_, one), (_, other)] => crossing(one, other),
            _ => None,
        };
        if let (Some(found), [(one, _), (other, _)]) = (&found, group) {
            crossing_of(html, found, [one, other], is_alone);
        }
        for (name, sweep) in group {
            said(html, (group.len() > 1).then_some(*name), sweep);
        }
        html.element("div", &[("class", "figures")], |html| {
            pictures::sweeps(html, group, found.as_ref());
        });
        for (name, sweep) in group {
            fold(html, &format!("All points: {name}"), |html| {
                points(html, name, sweep);
            });
            references(html, sweep);
        }
    });
}

fn crossing_of(html: &mut Html, found: &Crossing, names: [&str; 2], is_alone: bool) {
    // Else it stands at the top of the page.
    if !is_alone || !found.reasons.is_empty() {
        let said = crossing_sentence(found, names);
        html.line("p", &[("class", "verdict")], &said);
    }
    let reasons: Vec<(Tone, String)> = found
        .reasons
        .iter()
        .map(|reason| (Tone::Warning, format!("compared anyway: {reason}")))
        .collect();
    warnings::show(html, &reasons);
}

fn said(html: &mut Html, name: Option<&str>, sweep: &Sweep) {
    let by = trained_by(&sweep.engine, &sweep.device).join(" · ");
    html.line("p", &[("class", "by")], &by);
    let (bad, plain): (Vec<_>, Vec<_>) = sweep_remarks(sweep)
        .into_iter()
        .partition(|it| matches!(it.tone, Tone::Warning | Tone::Bad));
    let plain: Vec<String> = plain.iter().map(|it| sentence(&it.text)).collect();
    html.element("p", &[("class", "notes")], |html| {
        if let Some(name) = name {
            html.line("strong", &[], &format!("{name}: "));
        }
        html.text(&plain.join(" "));
    });
    let bad: Vec<(Tone, String)> = bad.into_iter().map(|it| (it.tone, it.text)).collect();
    warnings::show(html, &bad);
}

/// What others published of the same net.
fn references(html: &mut Html, sweep: &Sweep) {
    for found in published::beside(&[sweep]) {
        let engine = &found.published.engine;
        fold(html, &format!("Published sweeps: {engine}"), |html| {
            html.line("p", &[("class", "notes")], published::TITLE);
            let sizes: Vec<String> = found.batch_size.iter().map(|it| grouped(*it)).collect();
            let heads: Vec<&str> = ["batch"]
                .into_iter()
                .chain(sizes.iter().map(String::as_str))
                .collect();
            let row = |name: &str, times: &[f64]| {
                let times = times.iter().map(|it| three_digits(*it));
                [name.to_owned()].into_iter().chain(times).collect()
            };
            let mut rows = vec![row("this sweep", &found.own_epoch_s[0])];
            rows.extend(found.epoch_s.iter().map(|(name, times)| row(name, times)));
            table(html, engine, &heads, rows);
            html.line("p", &[("class", "notes")], &found.note());
        });
    }
}

fn points(html: &mut Html, name: &str, sweep: &Sweep) {
    let line = sweep.line();
    let heads = [
        sweep.axis.name(),
        "step",
        "95 % interval",
        "samples/s",
        "overhead",
        "gate",
    ];
    let rows = sweep.points.iter().map(|point| {
        let interval = point.ci95_s().map_or_else(
            || "none".to_owned(),
            |[low, high]| format!("{} to {}", duration(low), duration(high)),
        );
        let overhead = line.as_ref().map_or_else(
            || "unknown".to_owned(),
            |line| {
                let whole = line.overhead_s + line.s_per_unit * sweep.axis.x(point);
                percent(line.overhead_s / whole)
            },
        );
        vec![
            grouped(sweep.axis.value(point)),
            duration(point.median_s()),
            interval,
            grouped(point.samples_per_s().round() as u64),
            overhead,
            point.gate.to_string(),
        ]
    });
    table(html, name, &heads, rows.collect());
}
