//! `laptime init`: a workload to start from.

use std::{io::ErrorKind, path::PathBuf};

use laptime_workload::{Builtin, Shown, atomic_file::NewFile, starter};

use crate::{args::InitArgs, failure::Failure, output};

/// Writes the spec and says what to type next.
pub fn init(args: InitArgs) -> Result<(), Failure> {
    let path = file(args.file);
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    if let Ok(builtin) = Builtin::find(&name) {
        let name = builtin.name;
        return Err(Failure::Usage(format!(
            "{name} is a built-in workload; give another name (`laptime workloads --show {name}` prints \
             its TOML file)"
        )));
    }
    let contents = starter(&name);
    let new = NewFile::beside(&path);
    let written = new.and_then(|new| match args.force {
        true => new.finish(contents.as_bytes()),
        false => new.finish_new(contents.as_bytes()),
    });
    written.map_err(|error| {
        let path = Shown(&path);
        Failure::Usage(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{path}: this file exists; give another name, or replace it with --force")
            }
            _ => format!("{path}: cannot be written: {error}; give another file"),
        })
    })?;
    let (path, typed) = (Shown(&path), typed(&path.to_string_lossy()));
    output::print(&format!(
        "{path}: LeNet-5 on Fashion-MNIST, to be changed as you like. Next:\n\n  \
         laptime verify {typed}\n  laptime run {typed}\n"
    ))
}

/// The file that is meant by a name, or by a file with or without its ending.
fn file(given: PathBuf) -> PathBuf {
    if given.extension().is_some_and(|ending| ending == "toml") {
        return given;
    }
    let mut file = given.into_os_string();
    file.push(".toml");
    file.into()
}

/// A path as one types it into a shell.
pub(super) fn typed(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./\\:".contains(c);
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    match cfg!(windows) {
        // No path there has such a mark in it.
        true => format!("\"{path}\""),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_file() {
        for (given, expected) in [
            ("net", "net.toml"),
            ("nets/a.toml", "nets/a.toml"),
            ("v1.2", "v1.2.toml"),
        ] {
            assert_eq!(file(given.into()), PathBuf::from(expected));
        }
    }

    #[test]
    fn what_a_shell_would_change_is_quoted() {
        for (path, expected) in [
            ("nets/a.toml", "nets/a.toml"),
            ("my net.toml", "'my net.toml'"),
            ("it's $HOME.toml", r"'it'\''s $HOME.toml'"),
        ] {
            if cfg!(unix) {
                assert_eq!(typed(path), expected);
            }
        }
        if cfg!(windows) {
            assert_eq!(typed(r"C:\my nets\a.toml"), "\"C:\\my nets\\a.toml\"");
        }
    }
}
