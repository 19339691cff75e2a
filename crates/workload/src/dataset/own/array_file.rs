//! A file of arrays, by the end of its name.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use super::{OwnError, error::wrong, idx, npy, npz, raw::Raw};
use crate::{Shown, own_file};

/// Reads the array that a spec names: a file of one array, or `file.npz:array`.
pub(super) fn read(folder: &Path, named: &str) -> Result<Raw, OwnError> {
    let (path, array) = parted(folder, named);
    let place = match array {
        Some(array) => format!("{}:{}", Shown(&path), crate::escaped(array)),
        None => Shown(&path).to_string(),
    };
    let mut file = open(&path)?;
    let read = match (ending(&path), array) {
        ("npy", None) => of_npy(&file, &place),
        ("npz", Some(array)) => return of_npz(&file, &path, array, &place),
        ("npz", None) => {
            let names = names(&file, &path)?.join(", ");
            let problem = format!("say which of its arrays: {named}:NAME; it has {names}");
            return Err(OwnError::new(place, problem));
        }
        (_, None) if is_idx(&path) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut file, &mut bytes)
                .map_err(|error| OwnError::io(&path, &error))?;
            return idx::read(bytes, &place);
        }
        _ => {
            let problem = "files of arrays end in .npy, or in .npz with the array's name: data.npz:x; IDX files \
                           have idx in their names";
            return Err(OwnError::new(place, problem));
        }
    };
    let read = read.map_err(|error| OwnError::io(&path, &error))?;
    read.map_err(|wrong| OwnError::at(place, wrong))
}

/// The file, and which of its arrays.
fn parted<'a>(folder: &Path, named: &'a str) -> (PathBuf, Option<&'a str>) {
    match named.rsplit_once(".npz:") {
        Some((stem, array)) => (folder.join(format!("{stem}.npz")), Some(array)),
        None => (folder.join(named), None),
    }
}

pub(super) fn ending(path: &Path) -> &str {
    path.extension().and_then(|it| it.to_str()).unwrap_or("")
}

/// As the MNIST family names them: `train-images-idx3-ubyte.gz`.
fn is_idx(path: &Path) -> bool {
    let name = path.file_name().and_then(|it| it.to_str());
    name.is_some_and(|name| name.contains("idx"))
}

pub(super) fn open(path: &Path) -> Result<File, OwnError> {
    own_file::open_to_read(path).map_err(|error| OwnError::io(path, &error))
}

type Read = io::Result<Result<Raw, crate::contents_error::Wrong>>;

fn of_npy(file: &File, place: &str) -> Read {
    let length = file.metadata()?.len();
    let read = npy::read_at(file, 0, length, place)?;
    if read.is_ok() && file.metadata()?.len() != length {
        return Ok(wrong(length as usize, "the file changed while it was read"));
    }
    Ok(read.map(|(_, raw, _)| raw))
}

fn of_npz(file: &File, path: &Path, array: &str, place: &str) -> Result<Raw, OwnError> {
    let io = |error: io::Error| OwnError::io(path, &error);
    let members = npz::members(file).map_err(io)?;
    let members = members.map_err(|wrong| OwnError::at(Shown(path), wrong))?;
    let Some(member) = members.iter().find(|member| member.name == array) else {
        let names: Vec<_> = members.iter().map(|it| crate::escaped(&it.name)).collect();
        let problem = format!("there is no such array; it has {}", names.join(", "));
        return Err(OwnError::new(place, problem));
    };
    let read = npz::read(file, member, place).map_err(io)?;
    read.map_err(|wrong| OwnError::at(place, wrong))
}

/// The names of the arrays of an archive.
pub(super) fn names(file: &File, path: &Path) -> Result<Vec<String>, OwnError> {
    let members = npz::members(file).map_err(|error| OwnError::io(path, &error))?;
    let members = members.map_err(|wrong| OwnError::at(Shown(path), wrong))?;
    let names = members
        .iter()
        .map(|it| crate::escaped(&it.name).into_owned());
    Ok(names.collect())
}
