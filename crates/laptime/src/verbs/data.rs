//! `laptime data`: the datasets, where they lie, and whether they are the official ones.

use std::path::{Path, PathBuf};

use laptime_workload::{
    Overrides, Shown, Spec,
    dataset::{
        self, Data, DataError, DataSource, FileState, Found, LoadOptions, Policy, Summary,
        cache_folder,
    },
    escaped,
};

use crate::{
    args::{DataArgs, DataVerb, DatasetArgs, ShowDataArgs},
    display::DownloadLine,
    failure::Failure,
    output, prepare,
};

/// Names of classes that are shown of a spec's data.
const MOST_NAMES: usize = 20;

/// Lists, fetches, verifies or shows.
pub fn data(args: DataArgs) -> Result<(), Failure> {
    match args.verb {
        DataVerb::List(args) => list(&args),
        DataVerb::Fetch(args) => fetch(&args),
        DataVerb::Verify(args) => verify(&args),
        DataVerb::Show(args) => show(args),
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

/// Shows what is in a file, in the data of a spec, or in a dataset.
fn show(args: ShowDataArgs) -> Result<(), Failure> {
    let name = args.file.to_str().unwrap_or("");
    let data = match (DataSource::find(name), args.file.extension()) {
        (Some(source), _) => Data::Known(source),
        (None, Some(ending)) if ending == "toml" => {
            let spec = Spec::read(&args.file)?;
            spec.resolve(&Overrides::default())?.dataset
        }
        _ => {
            let arrays = dataset::summaries(&args.file).map_err(DataError::from)?;
            let text = format!("{}\n{}", Shown(&args.file), summary_table(&arrays));
            return output::print(&text);
        }
    };
    let options = LoadOptions {
        policy: match &data {
            Data::Known(_) => Policy::Official,
            Data::Own(_) => Policy::Auto,
        },
        data_dir: args.data_dir,
        offline: true,
        ..LoadOptions::default()
    };
    let (dataset, _) = prepare::load(&data, &options, false)?;
    let parts = [("train", &dataset.train), ("test", &dataset.test)];
    let mut arrays = Vec::new();
    for (which, samples) in parts {
        arrays.extend(samples.arrays.iter().map(|one| Summary::of(which, one)));
    }
    let mut text = format!(
        "{data}: {} training and {} test samples",
        dataset.train.count(),
        dataset.test.count()
    );
    if dataset.description.classes > 0 {
        text += &format!(", {} classes", dataset.description.classes);
    }
    let names = &dataset.class_names;
    if !names.is_empty() {
        let shown = names.iter().take(MOST_NAMES).map(|name| escaped(name));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let more = if names.len() > MOST_NAMES {
            ", …"
        } else {
            ""
        };
        text += &format!("\n  classes {shown}{more}");
    }
    text += &format!("\n  SHA-256 {}\n{}", dataset.sha256, summary_table(&arrays));
    output::print(&text)
}

fn summary_table(arrays: &[Summary]) -> String {
    let rows: Vec<[String; 5]> = arrays
        .iter()
        .map(|one| {
            let extents = one.shape.iter().map(usize::to_string);
            let extents = extents.collect::<Vec<_>>().join("×");
            let shape = match extents.is_empty() {
                true => one.samples.to_string(),
                false => format!("{} of {extents}", one.samples),
            };
            let cells = [&one.name, &one.dtype, &shape, &one.values, &one.first];
            cells.map(|cell| escaped(cell).into_owned())
        })
        .collect();
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let cells: String = cells
            .map(|(cell, width)| format!("  {cell:<width$}"))
            .collect();
        format!("{cells}  {}\n", row[4])
    };
    rows.iter().map(line).collect()
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
