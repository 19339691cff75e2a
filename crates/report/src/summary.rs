//! The top of a report: what it says in one sentence, and what that rests on.

use laptime_results::{
    Record, beside_published, crossing_sentence, headline, suite, sweep::crossing, sweep_remarks,
    training,
};

use crate::{Input, group::Group, html::Html, record::tiles, sweeps::names, warnings};

/// What a report says first.
pub struct Told {
    /// Of the page, short.
    pub title: String,
    /// The sentence to quote.
    pub headline: String,
    /// What is said below it.
    pub below: Vec<String>,
}

/// What a report says first.
pub fn told(input: &Input, groups: &[Group]) -> Told {
    let Some(record) = input.records.first() else {
        return of_sweeps(input);
    };
    let mut below: Vec<String> = Vec::new();
    if groups.len() == 1 {
        below.push(training(&record.workload).join(" · "));
    }
    let title = |what: &str| format!("{what} · laptime");
    if let [group] = groups
        && let [first, others @ ..] = group.said.sentences.as_slice()
        && input.records.len() > 1
    {
        below.extend_from_slice(others);
        // Names leave out what all have in common.
        let device = &record.device.name;
        if input.records.iter().all(|it| it.device.name == *device) {
            below.push(format!("All on {device}."));
        }
        let names: Vec<&str> = group
            .records
            .iter()
            .map(|(_, label)| label.as_str())
            .collect();
        return Told {
            title: title(&names.join(" and ")),
            headline: first.clone(),
            below,
        };
    }
    if let [record] = input.records {
        below.extend(beside_published(record));
        let (name, device) = (&record.workload.name, &record.device.name);
        return Told {
            title: title(&format!("{name} on {device}")),
            headline: headline(record),
            below,
        };
    }
    let is_suite =
        input.records.iter().all(|it| it.suite == record.suite) && record.suite.is_some();
    if let Some(mean) = suite_mean(input.records).filter(|_| is_suite) {
        below.extend(input.records.iter().map(headline));
        return Told {
            title: title(&format!("{} on {}", suite::SUITE.name, record.device.name)),
            headline: mean,
            below,
        };
    }
    below.extend(input.records.iter().map(headline));
    Told {
        title: title(&format!("{} results", input.records.len())),
        headline: match groups.len() {
            1 => format!(
                "{} results of {}.",
                input.records.len(),
                record.workload.name
            ),
            count => format!("{} results of {count} trainings.", input.records.len()),
        },
        below,
    }
}

fn suite_mean(records: &[Record]) -> Option<String> {
    let mean = suite::mean(records).ok()?;
    let device = &records.first()?.device.name;
    let interval = mean.ci95.map_or_else(String::new, |[low, high]| {
        format!(" (95 % interval {low:.2} to {high:.2})")
    });
    Some(format!(
        "{device} has {} the speed of the {} on average{interval}: the geometric mean of {} trainings.",
        laptime_results::number::times(mean.ratio),
        suite::SUITE.reference,
        suite::SUITE.workloads.len()
    ))
}

fn of_sweeps(input: &Input) -> Told {
    let Some(sweep) = input.sweeps.first() else {
        return Told {
            title: "laptime".into(),
            headline: "There is nothing to report.".into(),
            below: Vec::new(),
        };
    };
    let mut below = Vec::new();
    let names = names(input.sweeps);
    let said = match input.sweeps {
        [one, other] => crossing(one, other)
            .filter(|it| it.reasons.is_empty())
            .map(|it| crossing_sentence(&it, [&names[0], &names[1]])),
        _ => None,
    };
    let of_first = || sweep_remarks(sweep).into_iter().next().map(|it| it.text);
    let headline = said.or_else(of_first).unwrap_or_default();
    below.push(format!(
        "{} · {} · by {}",
        sweep.workload,
        sweep.precision,
        sweep.axis.name()
    ));
    Told {
        title: format!("sweep of {} · laptime", sweep.workload),
        headline,
        below,
    }
}

/// The head of the page.
pub fn head(html: &mut Html, input: &Input, told: &Told) {
    let first = input.records.first().map(|it| &it.created);
    let created = first.or(input.sweeps.first().map(|it| &it.created));
    html.element("p", &[("class", "eyebrow")], |html| {
        html.raw("laptime report");
        if let Some(created) = created {
            html.raw(" · ");
            let day = created.split('T').next().unwrap_or_default();
            html.line("time", &[("datetime", created)], day);
        }
    });
    html.line("h1", &[], &told.headline);
    for text in &told.below {
        html.line("p", &[("class", "below")], text);
    }
    if let [record] = input.records {
        tiles(html, record);
        warnings::show(html, &warnings::warnings(record));
    }
}
