//! Which images a folder has, and of which class each is.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Shown,
    dataset::own::{MOST_CLASSES, OwnError},
};

/// The images of a folder: by class, and within a class by name.
pub(in super::super) struct Listing {
    /// What messages call the folder.
    pub(in super::super) place: String,
    /// The names of the sub-folders, in the order of their bytes.
    pub(in super::super) classes: Vec<String>,
    pub(in super::super) images: Vec<Image>,
}

pub(in super::super) struct Image {
    pub(in super::super) path: PathBuf,
    /// The place among the classes.
    pub(in super::super) class: usize,
    /// As the folder tells it.
    pub(in super::super) bytes: u64,
}

impl Listing {
    /// Of all files together.
    pub(in super::super) fn bytes(&self) -> u64 {
        self.images.iter().map(|image| image.bytes).sum()
    }
}

/// Lists a folder. What is hidden is left alone; whatever else is no image in a sub-folder is refused, so that
/// nobody trains on less than is there.
pub(in super::super) fn list(folder: &Path) -> Result<Listing, OwnError> {
    let mut classes = Vec::new();
    let mut images = Vec::new();
    for (name, path, metadata) in entries(folder)? {
        if !metadata.is_dir() {
            let problem = "a folder of images has a sub-folder for each class, and nothing beside them; move this \
                           file elsewhere";
            return Err(OwnError::new(Shown(&path), problem));
        }
        let class = classes.len();
        let before = images.len();
        for (_, path, metadata) in entries(&path)? {
            if !metadata.is_file() || !is_image(&path) {
                let problem = "a class's folder has files that end in .jpg, .jpeg or .png, and nothing else; move \
                               this elsewhere";
                return Err(OwnError::new(Shown(&path), problem));
            }
            let bytes = metadata.len();
            images.push(Image { path, class, bytes });
        }
        if images.len() == before {
            let problem = "this class has no images; remove the folder, or add some";
            return Err(OwnError::new(Shown(&path), problem));
        }
        classes.push(name);
    }
    let place = Shown(folder).to_string();
    match classes.len() {
        0 => {
            let problem = "there is no sub-folder with images: each class needs one";
            Err(OwnError::new(place, problem))
        }
        count if count > MOST_CLASSES => {
            let problem = format!("{count} classes are too many; {MOST_CLASSES} are possible");
            Err(OwnError::new(place, problem))
        }
        _ => Ok(Listing {
            place,
            classes,
            images,
        }),
    }
}

/// What is in a folder and not hidden, by name.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf, fs::Metadata)>, OwnError> {
    let unreadable = |path: &Path, error: std::io::Error| {
        let advice = "check that it is a folder of images that can be read; paths start at the spec's folder";
        OwnError::new(Shown(path), format!("{error}; {advice}"))
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let Some(name) = name.to_str().map(str::to_owned) else {
            let problem = "this name is not UTF-8; rename it";
            return Err(OwnError::new(Shown(&path), problem));
        };
        // Links are followed, as those to files are.
        let metadata = fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        found.push((name, path, metadata));
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or("");
    ["jpg", "jpeg", "png"]
        .iter()
        .any(|known| ending.eq_ignore_ascii_case(known))
}
