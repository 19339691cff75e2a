//! `laptime records`: what is in the store, and what is in files that say they are records.

use std::{fs, path::Path};

use laptime_results::{Read, Record, doubts, export, list, show, sweep};
use laptime_workload::{Shown, escaped};

use crate::{
    args::{CheckArgs, ListArgs, RecordsArgs, RecordsVerb, RemoveArgs, ShowArgs, TableArgs},
    exports::{self, EventFolder, Inputs},
    failure::Failure,
    output,
    record_choice::{Library, Source, read_bytes, read_file, records_in},
};

/// Lists, shows, removes, exports or checks.
pub fn records(args: RecordsArgs) -> Result<(), Failure> {
    match args.verb {
        RecordsVerb::List(args) => list_stored(&args),
        RecordsVerb::Show(args) => show_each(&args),
        RecordsVerb::Remove(args) => remove(&args),
        RecordsVerb::Export(args) => export_all(args),
        RecordsVerb::Check(args) => check(&args),
    }
}

fn list_stored(args: &ListArgs) -> Result<(), Failure> {
    let mut records = Library::open().all()?;
    let is = |wanted: &Option<String>, name: &str| wanted.as_ref().is_none_or(|it| it == name);
    records.retain(|record| {
        is(&args.workload, &record.workload.name)
            && is(&args.engine, &record.engine.name)
            // Times of this form are in the order of their characters.
            && args.since.as_ref().is_none_or(|since| record.created >= *since)
    });
    records.sort_by(|a, b| (&b.created, &b.id).cmp(&(&a.created, &a.id)));
    records.truncate(args.limit.unwrap_or(usize::MAX));
    if records.is_empty() {
        output::say("no such records; `laptime run` and `laptime race` store some");
        return Ok(());
    }
    exports::print(|style| list(&records, style))
}

fn show_each(args: &ShowArgs) -> Result<(), Failure> {
    let library = Library::open();
    let mut records: Vec<Record> = Vec::new();
    for word in &args.records {
        match library.find(word)? {
            Source::File(path) => {
                let read = read_file(&path)?;
                records.extend(read.into_iter().map(|read| read.record));
            }
            Source::Published(..) => {
                return Err(Failure::Usage(format!(
                    "{}: this is a published result, of which there is no record; `laptime compare` has it",
                    escaped(word)
                )));
            }
        }
    }
    exports::print(|style| {
        let blocks: Vec<String> = records.iter().map(|record| show(record, style)).collect();
        blocks.join("\n")
    })
}

/// Finds all before it removes any, so that a mistake removes nothing.
fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let library = Library::open();
    let mut paths: Vec<&Path> = Vec::new();
    for word in &args.records {
        let Some(path) = library.stored(word)? else {
            return Err(Failure::Usage(format!(
                "{}: no stored record has such an id; `laptime records list` shows them; \
                 nothing was removed",
                escaped(word)
            )));
        };
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    let remove = |path: &Path| {
        let what = match read_file(path) {
            Ok(read) => described(&read),
            Err(_) => "no record that can be read".into(),
        };
        match fs::remove_file(path) {
            Ok(()) => output::print(&format!("removed {}: {what}\n", Shown(path))),
            Err(error) => Err(Failure::Failed(format!(
                "{}: cannot be removed: {error}",
                Shown(path)
            ))),
        }
    };
    exports::first_failure(paths.into_iter().map(remove).collect::<Vec<_>>())
}

fn export_all(args: TableArgs) -> Result<(), Failure> {
    type Format = fn(&[Record]) -> String;
    let asked: [(_, _, _, Format); 2] = [
        ("--csv", "CSV", args.csv, export::runs_csv),
        ("--jsonl", "JSON Lines", args.jsonl, export::runs_json_lines),
    ];
    let inputs = Inputs::of(None, None, None);
    for (option, format, path, text) in asked {
        if let Some(path) = path {
            let file = exports::open_one(option, format, path, &inputs)?;
            let records = Library::open().all()?;
            file.write(text(&records).as_bytes())?;
        }
    }
    if let Some(folder) = EventFolder::asked(args.tensorboard, &inputs)? {
        folder.write(&Library::open().all()?)?;
    }
    Ok(())
}

fn check(args: &CheckArgs) -> Result<(), Failure> {
    let mut wrong = 0;
    for path in &args.files {
        let found = match checked(path) {
            // The failure names the file itself.
            Err(failure) => Err(failure.to_string()),
            Ok(Checked::Sweep(what)) => Ok(what),
            Ok(Checked::Records(read)) => match doubted(&read) {
                Some(what) => Err(format!("{}: {what}", Shown(path))),
                None => Ok(described(&read)),
            },
        };
        wrong += usize::from(found.is_err());
        output::print(&match found {
            Ok(what) => format!("right  {}: {what}\n", Shown(path)),
            Err(what) => format!("wrong  {}\n", escaped(&what)),
        })?;
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(Failure::Failed(format!(
            "{wrong} of {} files cannot be right, or cannot stand beside others",
            args.files.len()
        ))),
    }
}

/// Why a record must not stand beside others, of the first such record; the same that lists it apart on a page
/// of many.
fn doubted(read: &[Read]) -> Option<String> {
    read.iter().find_map(|read| {
        let doubts = doubts(read);
        let id = &read.record.id;
        (!doubts.is_empty()).then(|| format!("the record {id}: {}", doubts.join("; ")))
    })
}

/// What is in a file that can be right.
enum Checked {
    Records(Vec<Read>),
    Sweep(String),
}

fn checked(path: &Path) -> Result<Checked, Failure> {
    let text = read_bytes(path)?;
    match sweep::read(&text) {
        None => Ok(Checked::Records(records_in(path, &text)?)),
        Some(Err(why)) => Err(Failure::Usage(format!(
            "{}: this sweep cannot be right: {why}",
            Shown(path)
        ))),
        Some(Ok(sweep)) => Ok(Checked::Sweep(format!(
            "{} a sweep of {} by {}, {} points",
            sweep.created,
            sweep.workload,
            sweep.engine.name,
            sweep.points.len()
        ))),
    }
}

/// What is in a file, on one line.
fn described(read: &[Read]) -> String {
    let all = read.iter().map(|read| {
        let record = &read.record;
        format!(
            "{} {} by {}, {} runs, {}",
            record.created,
            record.workload.name,
            record.engine.name,
            record.runs.len(),
            record.gate
        )
    });
    escaped(&all.collect::<Vec<_>>().join("; ")).into_owned()
}
