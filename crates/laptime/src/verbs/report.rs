//! `laptime report`: results as a page for a browser, or many of them as a site.

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use laptime_report::{File, Input, Raw, Refused, Site};
use laptime_results::{Read, Record, published::Published, sweep::Sweep};
use laptime_workload::{Shown, threads::side_by_side};

use crate::{
    args::ReportArgs,
    exports::{self, Inputs, SiteFolder},
    failure::Failure,
    output,
    record_choice::{Library, Source, one_published, read_bytes, records_in},
    sweep::sweep_in,
};

/// Writes the report, or the site.
pub fn report(args: ReportArgs) -> Result<(), Failure> {
    let library = Library::open();
    match args.site {
        Some(folder) => site(&library, &args.records, &folder),
        None => page(&library, args.records, args.output),
    }
}

/// What the words of a command line mean, read.
#[derive(Default)]
struct Found {
    records: Vec<Record>,
    sweeps: Vec<Sweep>,
    published: Vec<&'static Published>,
}

fn page(library: &Library, mut words: Vec<String>, output: PathBuf) -> Result<(), Failure> {
    if words.is_empty() {
        words.push("last".into());
    }
    let mut inputs = Inputs::of(None, None, None);
    let sources = words.iter().map(|word| library.find(word));
    let sources = sources.collect::<Result<Vec<Source>, Failure>>()?;
    for source in &sources {
        if let Source::File(path) = source {
            inputs.add("a record that is reported on", path.clone());
        }
    }
    let found = found(&sources)?;
    let shown = Shown(&output).to_string();
    let file = exports::open_one("--output", "HTML", output, &inputs)?;
    let is_stdout = file.is_stdout();
    // What the machines' spread is taken from, where results are compared; without a store it is assumed.
    let history = match found.records.len() + found.published.len() {
        0 | 1 => Vec::new(),
        _ => library.all().unwrap_or_default(),
    };
    let text = laptime_report::report(&Input {
        records: &found.records,
        published: &found.published,
        sweeps: &found.sweeps,
        history: &history,
        raw: Raw::Embedded,
        back: None,
    });
    file.write(text.as_bytes())?;
    if !is_stdout {
        output::say(&format!("written to {shown}"));
    }
    Ok(())
}

/// Reads all sources; published results are of the workloads that the records have.
fn found(sources: &[Source]) -> Result<Found, Failure> {
    let mut found = Found::default();
    for source in sources {
        if let Source::File(path) = source {
            let text = read_bytes(path)?;
            match sweep_in(path, &text)? {
                Some(sweep) => found.sweeps.push(sweep),
                None => {
                    let read = records_in(path, &text)?;
                    found.records.extend(read.into_iter().map(|it| it.record));
                }
            }
        }
    }
    let names: Vec<String> = found
        .records
        .iter()
        .map(|it| it.workload.name.clone())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for source in sources {
        if let Source::Published(word, fitting) = source {
            if names.is_empty() {
                return Err(Failure::Usage(format!(
                    "{}: a published result is shown beside a record; give one, as in `laptime report last \
                     \"Apple M1\"`",
                    laptime_workload::escaped(word)
                )));
            }
            found.published.push(one_published(word, fitting, &names)?);
        }
    }
    Ok(found)
}

fn site(library: &Library, words: &[String], folder: &Path) -> Result<(), Failure> {
    let paths = match words {
        [] => library.files()?,
        words => files(library, words)?,
    };
    let mut inputs = Inputs::of(None, None, None);
    for path in &paths {
        inputs.add("a record that is reported on", path.clone());
    }
    let mut folder = SiteFolder::open("--site", folder, &inputs, &paths)?;
    let (mut records, mut refused) = (Vec::new(), Vec::new());
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let shares = paths.chunks(paths.len().div_ceil(threads).max(1));
    let read = side_by_side(shares.collect(), |share: &[PathBuf]| -> Vec<_> {
        share.iter().map(|path| (path, read(path))).collect()
    });
    for (path, found) in read.into_iter().flatten() {
        match found {
            Ok(found) => records.extend(found),
            Err(failure) => {
                output::warning(&format!("{failure}; not listed"));
                refused.push(refusal(path, &failure));
            }
        }
    }
    let site = Site {
        records: &records,
        refused: &refused,
    };
    laptime_report::site(&site, |file: File| folder.write(&file))?;
    folder.remove_stale()?;
    output::say(&format!(
        "{} records written to {}",
        records.len(),
        Shown(&folder.path("index.html"))
    ));
    Ok(())
}

fn files(library: &Library, words: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let file = |word: &String| match library.find(word)? {
        Source::File(path) => Ok(path),
        Source::Published(word, _) => Err(Failure::Usage(format!(
            "{}: a site has published results beside the records of their training anyway; leave it out",
            laptime_workload::escaped(&word)
        ))),
    };
    words.iter().map(file).collect()
}

fn read(path: &Path) -> Result<Vec<Read>, Failure> {
    let text = read_bytes(path)?;
    match sweep_in(path, &text)? {
        Some(_) => Err(Failure::Usage(format!(
            "{}: this is a sweep, which is no run of a whole training",
            Shown(path)
        ))),
        None => records_in(path, &text),
    }
}

/// What the site says of a file: its name alone, as its folders are nobody's business.
fn refusal(path: &Path, failure: &Failure) -> Refused {
    let name = path.file_name().unwrap_or_default();
    let said = failure.to_string();
    let why = said.strip_prefix(&format!("{}: ", Shown(path)));
    Refused {
        name: Shown(Path::new(name)).to_string(),
        why: why.unwrap_or("it cannot be read").to_owned(),
    }
}
