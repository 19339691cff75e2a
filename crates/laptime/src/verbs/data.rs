//! `laptime data`: the datasets, where they lie, and whether they are the official ones.

use std::path::{Path, PathBuf};

use laptime_workload::{
    DatasetName, Shown,
    dataset::{self, FileState, Found, cache_folder},
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
    for (name, folder) in folders(args)? {
        let official = name.official();
        text += &format!(
            "{name}: {} + {} samples of {}, {} classes ({})\n  {}\n",
            official.train_samples,
            official.test_samples,
            official.shape,
            official.classes,
            official.licence,
            Shown(&folder),
        );
        text += &table(&dataset::list(name, &folder)?);
    }
    output::print_wrapped(&text)
}

fn fetch(args: &DatasetArgs) -> Result<(), Failure> {
    let mut progress = DownloadLine::new(output::stderr_is_terminal());
    for (name, folder) in folders(args)? {
        let fetched = dataset::fetch(name, &folder, None, &mut progress)?;
        let what = match fetched.len() {
            0 => "already downloaded".into(),
            count => format!("{count} files fetched"),
        };
        output::print(&format!("{name}: {what}, in {}\n", Shown(&folder)))?;
    }
    Ok(())
}

fn verify(args: &DatasetArgs) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for (name, folder) in folders(args)? {
        let states = dataset::verify(name, &folder)?;
        let text = table(&states);
        output::print(&format!("{name}\n  {}\n{text}", Shown(&folder)))?;
        if states.iter().any(|state| state.found != Found::Official) {
            wrong.push(name.as_str());
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
fn folders(args: &DatasetArgs) -> Result<Vec<(DatasetName, PathBuf)>, Failure> {
    let names = if args.datasets.is_empty() {
        DatasetName::ALL.to_vec()
    } else {
        args.datasets.clone()
    };
    let folder = |name: DatasetName| match &args.data_dir {
        Some(base) => Ok((name, dataset::folder_in(name, base))),
        None => Ok((name, cache_folder()?.join(name.as_str()))),
    };
    names.into_iter().map(folder).collect()
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
