//! The command line as records have it: all that decides what is trained and how, and no path.

use std::{env, ffi::OsStr, path::Path};

use clap::CommandFactory;

use crate::args::Args;

/// What stands for a file or a folder.
const FILE: &str = "FILE";
/// The option that takes several engines, which may be programs by their paths.
const ENGINES: &str = "--engines";

/// The arguments of this process, `laptime` first.
pub fn command_line() -> Vec<String> {
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    without_paths(&arguments)
}

fn without_paths(arguments: &[String]) -> Vec<String> {
    let of_files = options_of_files();
    let mut said = vec!["laptime".to_owned()];
    let is_of_files = |option: &str| of_files.iter().any(|it| it == option);
    let (mut is_file, mut is_engines_next) = (false, false);
    for argument in arguments {
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (Some(option), value),
            _ => (None, argument.as_str()),
        };
        let is_file_here = is_file || option.is_some_and(is_of_files);
        let is_engines = option == Some(ENGINES) || is_engines_next;
        let shown = match (is_file_here, is_engines) {
            (false, true) => value.split(',').map(shown).collect::<Vec<_>>().join(","),
            (false, false) => shown(value),
            (true, _) => anonymous_file(value),
        };
        said.push(match option {
            Some(option) => format!("{option}={shown}"),
            None => shown,
        });
        is_file = option.is_none() && is_of_files(argument);
        is_engines_next = option.is_none() && argument == ENGINES;
    }
    said
}

/// The options whose values are files or folders, whatever they look like: those that help shows with FILE
/// or DIR.
fn options_of_files() -> Vec<String> {
    let mut options = Vec::new();
    let mut commands = vec![Args::command()];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands().cloned());
        options.extend(command.get_arguments().filter_map(|argument| {
            let names = argument.get_value_names().unwrap_or_default();
            let is_file = names.iter().any(|name| name == FILE || name == "DIR");
            Some(format!("--{}", argument.get_long().filter(|_| is_file)?))
        }));
    }
    options
}

/// Whether an argument names a file: no other value of an option has a separator or an ending that a file
/// here has.
fn is_path(value: &str) -> bool {
    let ending = Path::new(value).extension().and_then(OsStr::to_str);
    value.contains(['/', '\\'])
        || matches!(ending, Some("toml" | "json" | "csv" | "md" | "safetensors"))
}

/// An argument that need not be a file.
fn shown(value: &str) -> String {
    match is_path(value) {
        true => anonymous_file(value),
        false => value.to_owned(),
    }
}

/// Its ending says what it was; `-` is a stream.
fn anonymous_file(value: &str) -> String {
    let ending = Path::new(value).extension().and_then(OsStr::to_str);
    match ending {
        _ if value == "-" => value.to_owned(),
        Some("toml") => format!("{FILE}.toml"),
        _ => FILE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_left_out_and_all_else_stays() {
        let shown = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            without_paths(&arguments).join(" ")
        };
        let table = [
            (
                "run fashion-mnist --batch-size 64 --max-steps=10 -q",
                "laptime run fashion-mnist --batch-size 64 --max-steps=10 -q",
            ),
            (
                "run /home/alice/net.toml --export-json bob.txt --save=alice",
                "laptime run FILE.toml --export-json FILE --save=FILE",
            ),
            (
                "run net.toml --data-dir data --threads 2 --export-csv -",
                "laptime run FILE.toml --data-dir FILE --threads 2 --export-csv -",
            ),
            ("run .\\net --device cpu", "laptime run FILE --device cpu"),
            (
                "run --checkpoint alice --resume",
                "laptime run --checkpoint FILE --resume",
            ),
            (
                "race --engines laptime,./alice,jax --runs 5",
                "laptime race --engines laptime,FILE,jax --runs 5",
            ),
            (
                "race --engines=/home/alice/mine,laptime",
                "laptime race --engines=FILE,laptime",
            ),
            (
                "run --export-markdown=alice",
                "laptime run --export-markdown=FILE",
            ),
        ];
        for (line, expected) in table {
            assert_eq!(shown(line), expected);
        }
    }
}
