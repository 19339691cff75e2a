//! Results of the same training, side by side.

use laptime_results::{
    Measure, Record, Standings, Tone,
    compare::{Compared, Refused, Side, between, labels},
    published::{self, Published},
    trained_by, training, verdict_sentence,
};

use crate::{
    Input,
    html::Html,
    pictures::{Bar, bars},
    table::fold,
    warnings::{self, sentence},
};

/// Records of one training.
pub struct Group<'a> {
    /// Each with a short name, no two alike.
    pub records: Vec<(&'a Record, String)>,
    /// Published results of the same training.
    pub published: Vec<&'static Published>,
    /// What may be said of the first against the others.
    pub said: Said,
}

/// A comparison in words.
#[derive(Debug, Default)]
pub struct Said {
    /// The verdicts, a sentence each.
    pub sentences: Vec<String>,
    /// What they rest on.
    pub notes: Vec<String>,
    /// Why some are not compared.
    pub refused: Vec<String>,
}

/// The records of a report by what was trained, in their order.
pub fn groups<'a>(input: &Input<'a>) -> Vec<Group<'a>> {
    let mut found: Vec<Vec<&Record>> = Vec::new();
    for record in input.records {
        let group = found
            .iter_mut()
            .find(|group| is_same_training(group[0], record));
        match group {
            Some(group) => group.push(record),
            None => found.push(vec![record]),
        }
    }
    found
        .into_iter()
        .map(|records| group(records, input))
        .collect()
}

fn is_same_training(a: &Record, b: &Record) -> bool {
    let key = |record: &Record| {
        let workload = &record.workload;
        (
            workload.name.clone(),
            workload.digest.clone(),
            workload.precision.clone(),
        )
    };
    key(a) == key(b)
}

fn group<'a>(records: Vec<&'a Record>, input: &Input<'a>) -> Group<'a> {
    let name = &records[0].workload.name;
    let mut published: Vec<&'static Published> = Vec::new();
    for record in &records {
        let beside = published::beside(record);
        published.extend(beside.iter().map(|it| it.published));
    }
    let asked: Vec<&'static Published> = input
        .published
        .iter()
        .copied()
        .filter(|it| it.workload == *name)
        .collect();
    published.extend(&asked);
    published.sort_by(|a, b| a.total_s.total_cmp(&b.total_s));
    published.dedup_by(|a, b| a.name == b.name);
    let sides: Vec<Side> = records.iter().map(|it| Side::Record(it)).collect();
    let labels = labels(&sides);
    let published_sides = asked.into_iter().map(Side::Published);
    let compared: Vec<Side> = sides.into_iter().chain(published_sides).collect();
    Group {
        said: said(&records, &compared, input.history),
        records: records.into_iter().zip(labels).collect(),
        published,
    }
}

/// What may be said of the first result and the others.
fn said(records: &[&Record], sides: &[Side], history: &[Record]) -> Said {
    let mut said = Said::default();
    let [first, others @ ..] = sides else {
        return said;
    };
    // One that does not compare must not keep the others from it.
    let names = ["", ""].map(str::to_owned);
    let (fit, unfit): (Vec<Side>, Vec<Side>) = others
        .iter()
        .partition(|other| between(first, other, &names).is_empty());
    if !fit.is_empty()
        && let Ok(compared) = Compared::of([&[*first], fit.as_slice()].concat(), history, false)
    {
        said.sentences = compared
            .comparisons
            .iter()
            .map(|it| it.sentence())
            .collect();
        for note in compared.rows().into_iter().flat_map(|row| row.notes) {
            if !said.notes.contains(&note) {
                said.notes.push(note);
            }
        }
    }
    let standings = race(records);
    let of_race = standings.as_ref().and_then(verdict_sentence);
    match of_race {
        // Engines that were cut short alike are ranked by their steps.
        Some(sentence) if said.sentences.is_empty() => {
            said.sentences.push(sentence);
            if standings.is_some_and(|it| it.measure == Measure::Step) {
                let note = "ranked by the time of a training step, as the training was cut short: compiling and \
                            testing weigh more in a part than in the whole";
                said.notes.push(note.into());
            }
        }
        _ => {
            for other in unfit {
                let refused = Compared::of(vec![*first, other], history, false).err();
                said.refused.extend(refused.iter().flatten().map(refusal));
            }
        }
    }
    said
}

/// The ranks of records of one race.
fn race<'a>(records: &[&'a Record]) -> Option<Standings<'a>> {
    let id = |record: &Record| record.race.as_ref().map(|race| race.id.clone());
    let first = id(records.first()?)?;
    let is_race = records.len() > 1 && records.iter().all(|it| id(it).as_ref() == Some(&first));
    is_race.then(|| Standings::of(records.iter().copied()))
}

fn refusal(refused: &Refused) -> String {
    let [one, other] = &refused.names;
    format!(
        "{one} and {other} do not compare: {}",
        refused.reasons.join("; ")
    )
}

/// The results side by side; nothing where there is only one.
pub fn comparison(html: &mut Html, group: &Group, is_one_of_several: bool) {
    let bars_of_group = bars_of(group);
    if bars_of_group.len() < 2 && !is_one_of_several {
        return;
    }
    let record = group.records[0].0;
    let title = training(&record.workload).join(" · ");
    html.element("section", &[], |html| {
        html.line(
            "h2",
            &[],
            match is_one_of_several {
                true => &title,
                false => "Side by side",
            },
        );
        // Else it stands at the top of the page.
        if group.records.len() > 1 && is_one_of_several {
            for text in &group.said.sentences {
                html.line("p", &[("class", "verdict")], text);
            }
        }
        let refused: Vec<(Tone, String)> = group
            .said
            .refused
            .iter()
            .map(|text| (Tone::Warning, text.clone()))
            .collect();
        warnings::show(html, &refused);
        bars(html, &bars_of_group);
        notes(html, &group.said.notes);
        sources(html, group);
    });
}

fn bars_of(group: &Group) -> Vec<Bar> {
    let is_several = group.records.len() > 1;
    let of_record = |(record, label): &(&Record, String)| {
        let summary = &record.summary;
        let whole = summary.extrapolated_total_s.as_ref();
        let total = whole.unwrap_or(&summary.total_s);
        let mut detail = vec![record.gate.to_string()];
        detail.extend(whole.map(|_| "extrapolated".to_owned()));
        detail.extend((record.partial && whole.is_none()).then(|| "a part".to_owned()));
        detail.extend(trained_by(&record.engine, &record.device));
        let name = match is_several {
            true => label.clone(),
            false => record.device.name.clone(),
        };
        detail.retain(|part| *part != name);
        (!record.runs.is_empty()).then(|| Bar {
            name,
            detail: detail.join(" · "),
            total_s: total.median,
            ci95: total.ci95,
            is_published: false,
        })
    };
    let of_published = |published: &&'static Published| Bar {
        name: published.name.clone(),
        detail: match published.year {
            Some(year) => format!("published {year} · {}", published.engine),
            None => format!("published · {}", published.engine),
        },
        total_s: published.total_s,
        ci95: None,
        is_published: true,
    };
    let records = group.records.iter().filter_map(of_record);
    records
        .chain(group.published.iter().map(of_published))
        .collect()
}

fn notes(html: &mut Html, notes: &[String]) {
    if notes.is_empty() {
        return;
    }
    fold(html, "What the comparison rests on", |html| {
        html.element("ul", &[], |html| {
            for note in notes {
                html.line("li", &[], &sentence(note));
            }
        });
    });
}

fn sources(html: &mut Html, group: &Group) {
    if group.published.is_empty() {
        return;
    }
    fold(html, "Sources of the published results", |html| {
        html.element("ul", &[], |html| {
            for it in &group.published {
                let text = format!("{}: {}, {}. {}", it.name, it.machine, it.engine, it.source);
                html.line("li", &[], &sentence(&text));
            }
        });
    });
}
