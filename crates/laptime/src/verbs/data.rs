//! `laptime data`: the datasets, where they lie, and whether they are the official ones.

use std::path::{Path, PathBuf};

use laptime_workload::{
    Shown,
    dataset::{self, DataSource, FileState, Found, cache_folder},
};

use crate::{
    args::{DataArgs, DataVerb, DatasetArgs},
    display::DownloadLine,
    failure::Failure,
    output,
};

/// Lists, fetches or verifies.
pub fn data(args: DataArgs) -> Result<(), Failure> {
    match args.verb {
        DataVerb::List(args) => list(&args),
        DataVerb::Fetch(args) => fetch(&args),
        DataVerb::Verify(args) => verify(&args),
    }
}

fn list(args: &DatasetArgs) -> Result<(), Failure> {
    let mut text = String::new();
    for (source, folder) in folders(args)? {
        let samples = &source.description;
        let extents = samples.input().shape.iter().map(usize::to_string);
        let extents: Vec<String> = extents.collect();
        text += &format!(
            "{source}: {} + {} samples of {}, {} classes ({})\n  {}\n",
            samples.train_samples,
            samples.test_samples,
            extents.join("×"),
            samples.classes,
            source.licence,
            Shown(&folder),
        );
        text += &table(&dataset::list(source, &folder)?);
    }
    output::print_wrapped(&text)
}

fn fetch(args: &DatasetArgs) -> Result<(), Failure> {
    let mut progress = DownloadLine::new(output::stderr_is_terminal());
    for (source, folder) in folders(args)? {
        let fetched = dataset::fetch(source, &folder, None, &mut progress)?;
        let what = match fetched.len() {
            0 => "already downloaded".into(),
            count => format!("{count} files fetched"),
        };
        output::print(&format!("{source}: {what}, in {}\n", Shown(&folder)))?;
    }
    Ok(())
}

fn verify(args: &DatasetArgs) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for (source, folder) in folders(args)? {
        let states = dataset::verify(source, &folder)?;
        let text = table(&states);
        output::print(&format!("{source}\n  {}\n{text}", Shown(&folder)))?;
        if states.iter().any(|state| state.found != Found::Official) {
            wrong.push(source.name());
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(format!(
        "{}: not the official files; get them with `laptime data fetch`",
        wrong.join(", ")
    )))
}

/// The datasets asked for and where each lies.
fn folders(args: &DatasetArgs) -> Result<Vec<(&'static DataSource, PathBuf)>, Failure> {
    let sources = if args.datasets.is_empty() {
        DataSource::all().iter().collect()
    } else {
        args.datasets.clone()
    };
    let folder = |source: &'static DataSource| match &args.data_dir {
        Some(base) => Ok((source, dataset::folder_in(source, base))),
        None => Ok((source, cache_folder()?.join(source.name()))),
    };
    sources.into_iter().map(folder).collect()
}

fn table(states: &[FileState]) -> String {
    let name = |path: &Path| Shown(path.file_name().unwrap_or_default().as_ref()).to_string();
    let width = states.iter().map(|state| name(&state.path).len()).max();
    let width = width.unwrap_or(0);
    let lines = states.iter().map(|state| {
        let found = match state.found {
            Found::Missing => "missing",
            Found::OfficialSize => "here (not verified)",
            Found::Official => "official",
            Found::Other => "NOT the official file",
        };
        format!("    {:<width$}  {found}\n", name(&state.path))
    });
    lines.collect()
}
