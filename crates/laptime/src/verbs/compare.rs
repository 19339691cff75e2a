//! `laptime compare`: which result is faster, by how much, and whether that is more than noise.

use laptime_results::{
    Record,
    compare::{Compared, Refused, Side},
    comparison as render, export, render_versus,
    suite::versus,
};

use crate::{
    args::{CompareArgs, Percent},
    exports::{self, Formats, Inputs},
    failure::Failure,
    record_choice::{Library, Source, Text, one_published, read_bytes, records_in},
    refusal::not_comparable,
    sweep,
};

/// Compares, writes the exports and prints the result.
pub fn compare(args: CompareArgs) -> Result<(), Failure> {
    let library = Library::open();
    let found = args.results.iter().map(|word| library.find(word));
    let sources = found.collect::<Result<Vec<Source>, Failure>>()?;
    let formats = Formats {
        json: export::comparison_json,
        csv: export::comparison_csv,
        markdown: export::comparison_markdown,
    };
    let mut inputs = Inputs::of(None, None, None);
    for source in &sources {
        if let Source::File(path) = source {
            inputs.add("a record that is compared", path.clone());
        }
    }
    let texts = texts(&sources)?;
    if let Some(sweeps) = sweep::sweeps_in(&texts)? {
        if args.exports.any() || args.fail_if_slower.is_some() {
            return Err(Failure::Usage(
                "two sweeps give a sentence alone: leave out --fail-if-slower and the exports"
                    .into(),
            ));
        }
        return sweep::compare(&sweeps, args.force);
    }
    let read = records(&texts)?;
    if read.iter().all(|records| is_suite(records)) {
        if args.exports.any() || args.fail_if_slower.is_some() {
            return Err(Failure::Usage(
                "two suites give a table alone: leave out --fail-if-slower and the exports".into(),
            ));
        }
        return compare_suites(&read);
    }
    let (exports, _) = exports::open(args.exports, [], &formats, &inputs)?;
    let sides = sides(&sources, &read)?;
    if sides.len() < 2 {
        return Err(Failure::Usage(
            "one result has nothing to be compared with; give another one: a record's file, the beginning \
             of a stored record's id, last, last~1 …, or a published result"
                .into(),
        ));
    }
    // What the machines' spread is taken from; without a store it is assumed.
    let history = library.all().unwrap_or_default();
    let compared = Compared::of(sides, &history, args.force).map_err(refusal)?;
    let mut done = vec![exports::show(&exports, |style| render(&compared, style))];
    done.extend(exports::write(exports, &compared));
    done.extend(args.fail_if_slower.map(|most| gate(&compared, most)));
    exports::first_failure(done)
}

/// Whether these are the records of one suite, as `laptime suite --export-json` writes them.
fn is_suite(records: &[Record]) -> bool {
    let Some(suite) = records.first().and_then(|record| record.suite.as_ref()) else {
        return false;
    };
    records.len() > 1 && records.iter().all(|it| it.suite.as_ref() == Some(suite))
}

fn compare_suites(suites: &[Vec<Record>]) -> Result<(), Failure> {
    let [one, other] = suites else {
        return Err(Failure::Usage(format!(
            "suites are compared two at a time, and here are {}",
            suites.len()
        )));
    };
    let versus = versus(one, other).map_err(|reasons| {
        Failure::Usage(format!(
            "the suites cannot be compared: {}",
            reasons.join("; ")
        ))
    })?;
    exports::print(|style| render_versus(&versus, style))
}

/// The file and the text of each source; `None` for a published one.
fn texts(sources: &[Source]) -> Result<Vec<Text<'_>>, Failure> {
    let texts = sources.iter().map(|source| match source {
        Source::Published(..) => Ok(None),
        Source::File(path) => Ok(Some((path.as_path(), read_bytes(path)?))),
    });
    texts.collect()
}

/// The records of each source; none of a published one.
fn records(texts: &[Text]) -> Result<Vec<Vec<Record>>, Failure> {
    let records = texts.iter().map(|text| match text {
        None => Ok(Vec::new()),
        Some((path, text)) => {
            let read = records_in(path, text)?;
            Ok(read.into_iter().map(|read| read.record).collect())
        }
    });
    records.collect()
}

/// All results in the order of the command line.
fn sides<'a>(sources: &[Source], read: &'a [Vec<Record>]) -> Result<Vec<Side<'a>>, Failure> {
    let of_records = read.iter().flatten();
    let mut workloads: Vec<&str> = of_records.map(|it| it.workload.name.as_str()).collect();
    if workloads.is_empty() {
        workloads = common_workloads(sources);
    }
    let mut sides = Vec::new();
    for (source, records) in sources.iter().zip(read) {
        match source {
            Source::File(_) => sides.extend(records.iter().map(Side::Record)),
            Source::Published(word, fitting) => {
                sides.push(Side::Published(one_published(word, fitting, &workloads)?));
            }
        }
    }
    Ok(sides)
}

/// The workloads that all published results of a command line can be of.
fn common_workloads(sources: &[Source]) -> Vec<&'static str> {
    let mut all = sources.iter().filter_map(|source| match source {
        Source::File(_) => None,
        Source::Published(_, fitting) => Some(fitting.iter().map(|it| it.workload.as_str())),
    });
    let mut common: Vec<&str> = all.next().into_iter().flatten().collect();
    for fitting in all {
        let fitting: Vec<&str> = fitting.collect();
        common.retain(|workload| fitting.contains(workload));
    }
    common
}

fn refusal(refused: Vec<Refused>) -> Failure {
    let texts = refused.iter().map(|refused| {
        let [one, other] = &refused.names;
        not_comparable([one, other], &refused.reasons, refused.can_be_forced)
    });
    Failure::Usage(texts.collect::<Vec<_>>().join("\n"))
}

/// What the exit code is to say: whether the first result is slower than it may be.
fn gate(compared: &Compared, most: Percent) -> Result<(), Failure> {
    let mut slower = Vec::new();
    for comparison in &compared.comparisons {
        let by = comparison.slower_by();
        if let Some(by) = by.filter(|by| *by > most.share()) {
            let [one, other] = &comparison.names;
            slower.push(format!("{one} is {:.1} % slower than {other}", 100.0 * by));
        }
    }
    match slower.is_empty() {
        true => Ok(()),
        false => Err(Failure::Failed(format!(
            "{}; --fail-if-slower allows {} %",
            slower.join("; "),
            most.percent
        ))),
    }
}
