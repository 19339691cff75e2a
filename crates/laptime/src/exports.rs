//! Where a result goes beside the store: standard output and files.

use std::{
    io,
    path::{Path, PathBuf},
};

use laptime_results::{Record, Style};

use crate::{
    args::ExportArgs,
    failure::Failure,
    output::{self, is_standard_stream, say},
};

/// One file that a result is written to.
pub struct Export {
    option: &'static str,
    path: PathBuf,
    text: Format,
}

/// Turns records into the text of a file.
pub type Format = fn(&[Record]) -> String;

/// The formats of an invocation.
pub struct Formats {
    /// Of `--export-json`.
    pub json: Format,
    /// Of `--export-csv`.
    pub csv: Format,
    /// Of `--export-markdown`.
    pub markdown: Format,
}

/// The files that the command line asks for; `save` is that of the trained model.
pub fn resolve(
    args: ExportArgs,
    save: Option<&Path>,
    formats: &Formats,
) -> Result<Vec<Export>, Failure> {
    let exports: Vec<Export> = [
        ("--export-json", args.export_json, formats.json),
        ("--export-csv", args.export_csv, formats.csv),
        ("--export-markdown", args.export_markdown, formats.markdown),
    ]
    .into_iter()
    .filter_map(|(option, path, text)| path.map(|path| Export { option, path, text }))
    .collect();
    if exports
        .iter()
        .filter(|file| is_standard_stream(&file.path))
        .count()
        > 1
    {
        return Err(Failure::Usage(
            "only one of --export-json, --export-csv and --export-markdown can be -; \
             give the others a file"
                .into(),
        ));
    }
    if save.is_some_and(is_standard_stream) {
        let what = "--save -: a model is not written to standard output; give a file";
        return Err(Failure::Usage(what.into()));
    }
    let files = exports
        .iter()
        .filter(|file| !is_standard_stream(&file.path));
    let files = files.map(|file| (file.option, file.path.as_path()));
    let files: Vec<_> = files.chain(save.map(|path| ("--save", path))).collect();
    for (index, &(option, path)) in files.iter().enumerate() {
        check_file(option, path)?;
        let mut earlier = files[..index].iter();
        if let Some((other, _)) = earlier.find(|(_, other)| is_same_file(other, path)) {
            return Err(Failure::Usage(format!(
                "{option} {}: this is the file of {other} too; give each a file of its own",
                path.display()
            )));
        }
    }
    Ok(exports)
}

/// Whether what is written to one path would be lost behind the other, however they are written.
fn is_same_file(one: &Path, other: &Path) -> bool {
    // Devices lose nothing that they did not lose before.
    let is_device = one.exists() && !one.is_file();
    !is_device && place(one) == place(other)
}

/// Where a path leads, or would if its file were there.
fn place(path: &Path) -> PathBuf {
    let of_new_file = || {
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        let parent = parent.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(parent.join(path.file_name()?))
    };
    let place = path.canonicalize().ok().or_else(of_new_file);
    place.unwrap_or_else(|| path.to_owned())
}

/// Finds out before the training, not after it, that a file cannot be written.
fn check_file(option: &str, path: &Path) -> Result<(), Failure> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    if let Some(parent) = parent
        && !parent.is_dir()
    {
        return Err(Failure::Usage(format!(
            "{option} {}: there is no folder {}; create it first",
            path.display(),
            parent.display()
        )));
    }
    if path.is_dir() {
        return Err(Failure::Usage(format!(
            "{option} {}: this is a folder; give a file",
            path.display()
        )));
    }
    Ok(())
}

/// Shows a result on standard output, unless an export has asked for that.
pub fn show(exports: &[Export], render: impl Fn(Style) -> String) -> Result<(), Failure> {
    if exports
        .iter()
        .any(|export| is_standard_stream(&export.path))
    {
        say(render(output::style(&io::stderr())).trim_end());
        return Ok(());
    }
    output::print(&render(output::style(&io::stdout())))
}

/// Writes all files; one that cannot be written does not keep the others from it.
pub fn write<'a>(
    exports: &'a [Export],
    records: &'a [Record],
) -> impl Iterator<Item = Result<(), Failure>> + 'a {
    exports
        .iter()
        .map(|export| output::export(export.option, &export.path, &(export.text)(records)))
}

/// Of all that was tried, the first failure is the program's; the others are told too.
pub fn first_failure(done: impl IntoIterator<Item = Result<(), Failure>>) -> Result<(), Failure> {
    let mut failures = done.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else {
        return Ok(());
    };
    for failure in failures {
        output::error(&failure);
    }
    Err(first)
}
