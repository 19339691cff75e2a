//! Where in a folder a dataset's files may lie.

use std::path::{Path, PathBuf};

use super::{Official, OfficialFile};
use crate::workload::DatasetName;

/// The files that a folder may have of a dataset, in whatever layout, there or not, and those that are
/// there when they are unpacked.
pub fn places(name: DatasetName, folder: &Path) -> Vec<PathBuf> {
    let official = name.official();
    let layouts = Layout::all(official, folder);
    let files = layouts.iter().flat_map(|layout| layout.files(official));
    files
        .flat_map(|(_, path)| [unpacked(&path), path])
        .collect()
}

/// Where `gunzip` would put the contents of a file.
fn unpacked(path: &Path) -> PathBuf {
    match path.extension() {
        Some(extension) if extension == "gz" => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// One way for a folder to have a dataset's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The files themselves, in this folder.
    Files(PathBuf),
    /// The archive that has them, at this path.
    Archive(PathBuf),
}

impl Layout {
    /// The layouts that `folder` could have, in the order of preference.
    fn all(official: &'static Official, folder: &Path) -> Vec<Self> {
        let mut layouts = vec![Self::Files(folder.to_owned())];
        if let Some(archive) = &official.archive {
            layouts.push(Self::Files(folder.join(archive.folder)));
            layouts.push(Self::Archive(folder.join(archive.file.name)));
        }
        layouts
    }

    /// The layouts that `folder` has with every file, right or not.
    pub(crate) fn complete(official: &'static Official, folder: &Path) -> Vec<Self> {
        let mut layouts = Self::all(official, folder);
        layouts.retain(|layout| layout.files(official).all(|(_, path)| path.is_file()));
        layouts
    }

    /// The first complete layout; where there is none, the one that has been begun.
    pub(crate) fn find(official: &'static Official, folder: &Path) -> Self {
        let complete = Self::complete(official, folder).into_iter().next();
        complete.unwrap_or_else(|| {
            let mut layouts = Self::all(official, folder);
            let begun = layouts
                .iter()
                .position(|layout| layout.files(official).any(|(_, path)| path.is_file()));
            layouts.swap_remove(begun.unwrap_or(0))
        })
    }

    /// What lies in the folder, and where.
    pub(crate) fn files(
        &self,
        official: &'static Official,
    ) -> impl Iterator<Item = (&'static OfficialFile, PathBuf)> {
        let files = match self {
            Self::Files(_) => official.files,
            Self::Archive(_) => official.downloads(),
        };
        files.iter().map(|file| match self {
            Self::Files(folder) => (file, folder.join(file.name)),
            Self::Archive(path) => (file, path.clone()),
        })
    }
}
