//! Where in a folder a dataset's files may lie.

use std::path::{Path, PathBuf};

use super::{DataSource, OfficialFile};

/// The files that a base folder (the cache, or `--data-dir`) may have of a dataset, in whatever layout,
/// there or not.
pub fn places(official: &'static DataSource, base: &Path) -> Vec<PathBuf> {
    let folders = folders_in(official, base);
    let layouts = folders
        .iter()
        .flat_map(|folder| Layout::all(official, folder));
    layouts
        .flat_map(|layout| layout.candidates(official))
        .flatten()
        .map(|place| place.path)
        .collect()
}

/// The folder of a base folder that has files of a dataset: ours, torchvision's, or the base folder
/// itself, as an archive of Kaggle's makes it. Where none has, ours.
pub fn folder_in(official: &'static DataSource, base: &Path) -> PathBuf {
    let mut folders = folders_in(official, base);
    let used = folders.iter().position(|folder| {
        let layouts = Layout::all(official, folder);
        layouts.iter().any(|layout| layout.is_begun(official))
    });
    folders.swap_remove(used.unwrap_or(0))
}

fn folders_in(official: &'static DataSource, base: &Path) -> Vec<PathBuf> {
    let torchvision = official.torchvision_folder;
    let torchvision = torchvision.map(|folder| base.join(folder));
    let ours = [base.join(official.name())].into_iter();
    ours.chain(torchvision).chain([base.to_owned()]).collect()
}

/// What a folder has of the dataset that laptime cannot read, as a part of a message.
pub(crate) fn unreadable_in(official: &DataSource, folder: &Path) -> Option<String> {
    let mut unreadable = official.unreadable.iter();
    let (name, what) = unreadable.find(|(name, _)| folder.join(name).exists())?;
    Some(format!("found {name}, which is {what}"))
}

/// One way for a folder to have a dataset's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// The files themselves, in this folder.
    Files(PathBuf),
    /// The archive that has them, at this path.
    Archive(PathBuf),
}

/// A file of a layout.
#[derive(Debug)]
pub(crate) struct Place {
    /// What is published.
    pub(crate) official: &'static OfficialFile,
    /// What lies here, or should: the same, or what it unpacks to.
    pub(crate) form: &'static OfficialFile,
    pub(crate) path: PathBuf,
}

impl Layout {
    /// The layouts that `folder` could have, in the order of preference.
    fn all(official: &'static DataSource, folder: &Path) -> Vec<Self> {
        let mut layouts = vec![Self::Files(folder.to_owned())];
        if let Some(archive) = &official.archive {
            layouts.push(Self::Files(folder.join(archive.folder)));
            layouts.push(Self::Archive(folder.join(archive.file.name)));
        }
        layouts
    }

    /// The layouts that `folder` has with every file, right or not.
    pub(crate) fn complete(official: &'static DataSource, folder: &Path) -> Vec<Self> {
        let mut layouts = Self::all(official, folder);
        layouts.retain(|layout| layout.files(official).all(|place| place.path.is_file()));
        layouts
    }

    /// The first complete layout; where there is none, the one that has been begun.
    pub(crate) fn find(official: &'static DataSource, folder: &Path) -> Self {
        let complete = Self::complete(official, folder).into_iter().next();
        complete.unwrap_or_else(|| {
            let mut layouts = Self::all(official, folder);
            let begun = layouts.iter().position(|layout| layout.is_begun(official));
            layouts.swap_remove(begun.unwrap_or(0))
        })
    }

    /// Whether any of the files is there.
    fn is_begun(&self, official: &'static DataSource) -> bool {
        self.files(official).any(|place| place.path.is_file())
    }

    /// What lies in the folder, and where; a file that is not there, as it is published.
    pub(crate) fn files(&self, official: &'static DataSource) -> impl Iterator<Item = Place> {
        self.candidates(official).map(|mut forms| {
            let there = forms.iter().position(|place| place.path.is_file());
            forms.swap_remove(there.unwrap_or(0))
        })
    }

    /// For each file the forms that it may have, in the order of preference.
    fn candidates(
        &self,
        official: &'static DataSource,
    ) -> impl Iterator<Item = Vec<Place>> + use<> {
        let layout = self.clone();
        let files = match self {
            Self::Files(_) => official.files,
            Self::Archive(_) => official.downloads(),
        };
        files.iter().map(move |official| {
            let forms = [Some(official), official.unpacked].into_iter().flatten();
            let place = |form: &'static OfficialFile| Place {
                official,
                form,
                path: match &layout {
                    Self::Files(folder) => folder.join(form.name),
                    Self::Archive(path) => path.clone(),
                },
            };
            forms.map(place).collect()
        })
    }
}
