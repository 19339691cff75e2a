//! Where a result goes beside the store: standard output and files, all opened before the work
//! begins and written at its end.

mod destination;
mod endings;
mod event_folder;
mod inputs;
mod site_folder;

use std::{io, path::PathBuf};

use laptime_results::{Record, Style};
use laptime_workload::Shown;

use crate::{
    args::ExportArgs,
    failure::Failure,
    output::{self, is_standard_stream},
};

pub use destination::Destination;
pub use event_folder::EventFolder;
pub use inputs::Inputs;
pub use site_folder::SiteFolder;

/// One file that a result is written to.
pub struct Export<T: ?Sized = [Record]> {
    file: Destination,
    text: fn(&T) -> String,
}

/// The formats of an invocation, whose result is a `T`.
pub struct Formats<T: ?Sized = [Record]> {
    /// Of `--export-json`.
    pub json: fn(&T) -> String,
    /// Of `--export-csv`.
    pub csv: fn(&T) -> String,
    /// Of `--export-markdown`.
    pub markdown: fn(&T) -> String,
}

/// The exports, and the files of weights that were asked for.
type Opened<T, const MODELS: usize> = (Vec<Export<T>>, [Option<Destination>; MODELS]);

/// Opens the files that the command line asks for; `models` are those of weights, each with its option.
///
/// # Errors
/// Where one could not be written, or would be written over an input or another output.
pub fn open<T: ?Sized, const MODELS: usize>(
    args: ExportArgs,
    models: [(&'static str, Option<PathBuf>); MODELS],
    formats: &Formats<T>,
    inputs: &Inputs,
) -> Result<Opened<T, MODELS>, Failure> {
    let exports = [
        ("--export-json", "JSON", args.export_json, formats.json),
        ("--export-csv", "CSV", args.export_csv, formats.csv),
        (
            "--export-markdown",
            "Markdown",
            args.export_markdown,
            formats.markdown,
        ),
    ];
    let exports: Vec<_> = exports
        .into_iter()
        .filter_map(|(option, format, path, text)| Some((option, format, path?, text)))
        .collect();
    let all = exports
        .iter()
        .map(|(option, format, path, _)| (*option, *format, path));
    let of_models = models
        .iter()
        .filter_map(|(option, path)| Some((*option, "safetensors", path.as_ref()?)));
    let all: Vec<_> = all.chain(of_models).collect();
    check(&all, inputs)?;
    let open_export = |(option, _, path, text)| {
        let file = Destination::open(option, path)?;
        Ok(Export { file, text })
    };
    let exports = exports.into_iter().map(open_export);
    let exports = exports.collect::<Result<_, Failure>>()?;
    let mut opened = [const { None }; MODELS];
    for (place, (option, path)) in opened.iter_mut().zip(models) {
        *place = path
            .map(|path| Destination::open(option, path))
            .transpose()?;
    }
    Ok((exports, opened))
}

/// Opens the file of an option that is not one of these.
///
/// # Errors
/// As [`open`].
pub fn open_one(
    option: &'static str,
    format: &'static str,
    path: PathBuf,
    inputs: &Inputs,
) -> Result<Destination, Failure> {
    check(&[(option, format, &path)], inputs)?;
    Destination::open(option, path)
}

/// The option, the format and the path of an output.
type Asked<'a> = (&'static str, &'static str, &'a PathBuf);

/// Refuses what is wrong with the paths of the outputs.
fn check(all: &[Asked], inputs: &Inputs) -> Result<(), Failure> {
    let (to_stdout, to_files): (Vec<&Asked>, Vec<&Asked>) = all
        .iter()
        .partition(|(_, _, path)| is_standard_stream(path));
    if let Some((option, ..)) = to_stdout
        .iter()
        .find(|(_, format, _)| *format == "safetensors")
    {
        return Err(Failure::Usage(format!(
            "{option} -: a model is not written to standard output; give a file"
        )));
    }
    if to_stdout.len() > 1 {
        return Err(Failure::Usage(
            "only one of --export-json, --export-csv and --export-markdown can be -; \
             give the others a file"
                .into(),
        ));
    }
    for (index, (option, _, path)) in to_files.iter().enumerate() {
        let mut earlier = to_files[..index].iter();
        if let Some((other, ..)) = earlier.find(|(.., other)| inputs::is_same_file(other, path)) {
            return Err(Failure::Usage(format!(
                "{option} {}: this is the file of {other} too; give each a file of its own",
                Shown(path)
            )));
        }
    }
    for (option, format, path) in to_files {
        inputs.check(option, path)?;
        endings::check(option, path, format)?;
    }
    Ok(())
}

/// Shows a result on standard output, unless an export has asked for that.
pub fn show<T: ?Sized>(
    exports: &[Export<T>],
    render: impl Fn(Style) -> String,
) -> Result<(), Failure> {
    show_beside(exports.iter().any(|export| export.file.is_stdout()), render)
}

/// As [`show`]: on standard error where standard output `is_taken` by an export.
pub fn show_beside(is_taken: bool, render: impl Fn(Style) -> String) -> Result<(), Failure> {
    if is_taken {
        output::say_block(&render(output::style(&io::stderr())));
        return Ok(());
    }
    print(render)
}

/// Shows a result on standard output.
pub fn print(render: impl Fn(Style) -> String) -> Result<(), Failure> {
    output::print_block(&render(output::style(&io::stdout())))
}

/// Writes all files; one that cannot be written does not keep the others from it.
pub fn write<T: ?Sized>(
    exports: Vec<Export<T>>,
    result: &T,
) -> impl Iterator<Item = Result<(), Failure>> {
    let write = |export: Export<T>| export.file.write((export.text)(result).as_bytes());
    exports.into_iter().map(write)
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
