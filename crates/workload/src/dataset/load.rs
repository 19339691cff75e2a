//! Decides where samples come from: `--data-dir`, the cache, the web, or the generator.

use std::path::{Path, PathBuf};

use super::{
    Data, DataError, DataSource, Dataset, Description, Origin, fetch,
    layout::{Layout, folder_in, unreadable_in},
    progress::Progress,
    synthetic,
};
use crate::{Shown, directories};

/// Which samples will do (`--data`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Policy {
    /// Real ones where they can be had, and otherwise synthetic ones with a warning.
    #[default]
    Auto,
    /// The official ones or none.
    Official,
    /// Synthetic ones, without looking for others.
    Synthetic,
}

/// Where to look for a dataset.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// Which samples will do.
    pub policy: Policy,
    /// A folder laid out like the cache, in which to look first (`--data-dir`).
    pub data_dir: Option<PathBuf>,
    /// The cache; where it is `None`, [`cache_folder`]'s.
    pub cache: Option<PathBuf>,
    /// Never download.
    pub offline: bool,
    /// The URL of a folder that has the files, to download from in place of the official one.
    pub mirror: Option<String>,
}

/// A dataset, and what the user must be told about it.
#[derive(Debug)]
pub struct Loaded {
    /// The samples.
    pub dataset: Dataset,
    /// What the user would not expect; to be shown so that nobody can miss it.
    pub warning: Option<String>,
}

/// The folder that datasets are cached in; each has a folder of its name in it.
pub fn cache_folder() -> Result<PathBuf, directories::NoDirectory> {
    Ok(directories::cache_dir()?.join("datasets"))
}

/// Loads data: files of the user's from where they are, a dataset that laptime knows from the first place that
/// has it: `--data-dir`, the cache, the web, and, where the policy allows it, the generator.
pub fn load(
    data: &Data,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Loaded, DataError> {
    if options.policy == Policy::Synthetic {
        return Ok(Loaded {
            dataset: full_synthetic(data.description()),
            warning: None,
        });
    }
    match data {
        Data::Known(source) => load_known(source, options, progress),
        Data::Own(own) if options.policy == Policy::Official => Err(DataError::NotOfficial {
            name: own.description.name.clone(),
        }),
        Data::Own(own) => Ok(Loaded {
            dataset: own.load()?,
            warning: None,
        }),
    }
}

fn load_known(
    source: &'static DataSource,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Loaded, DataError> {
    let mut note = None;
    if let Some(data_dir) = &options.data_dir {
        if !data_dir.is_dir() {
            let path = data_dir.clone();
            return Err(DataError::NoDataDir { path, name: source });
        }
        let folder = folder_in(source, data_dir);
        if folder.is_dir() {
            return from_data_dir(source, &folder, options.policy);
        }
        let found = unreadable_in(source, data_dir);
        let found = found.map_or(String::new(), |found| format!("; {found}"));
        let folder = Shown(&folder);
        note = Some(format!(
            "there is no {folder}: looked for {source} elsewhere{found}"
        ));
    }
    match from_cache_or_web(source, options, progress) {
        Ok(dataset) => Ok(Loaded {
            dataset,
            warning: note,
        }),
        Err(error) if options.policy == Policy::Auto && error.is_absence() => {
            let synthetic = format!(
                "these are SYNTHETIC samples, not {source}: their accuracy says nothing about it"
            );
            let lines = [Some(synthetic), note, Some(error.to_string())];
            Ok(Loaded {
                dataset: full_synthetic(&source.description),
                warning: Some(lines.into_iter().flatten().collect::<Vec<_>>().join("\n")),
            })
        }
        Err(error) => Err(error),
    }
}

fn full_synthetic(description: &Description) -> Dataset {
    synthetic(
        description,
        description.train_samples,
        description.test_samples,
    )
}

/// What the user points at is used as it is, or refused, but never passed over.
fn from_data_dir(
    source: &'static DataSource,
    path: &Path,
    policy: Policy,
) -> Result<Loaded, DataError> {
    let folder = (source.read)(source, &Layout::find(source, path))?;
    if policy == Policy::Official
        && let Some(wrong) = folder.first_wrong_sum("`--data official` takes no other")
    {
        return Err(wrong);
    }
    let dataset = folder.into_dataset()?;
    let warning = (dataset.origin == Origin::Unverified).then(|| {
        let path = Shown(path);
        format!("the files in {path} are well-formed, but they are not the official {source}")
    });
    Ok(Loaded { dataset, warning })
}

fn from_cache_or_web(
    source: &'static DataSource,
    options: &LoadOptions,
    progress: &mut dyn Progress,
) -> Result<Dataset, DataError> {
    let cache = match &options.cache {
        Some(cache) => cache.clone(),
        None => cache_folder()?,
    };
    let path = cache.join(source.name());
    let damaged = match official_in(source, &path) {
        None => None,
        Some(Err(error @ (DataError::WrongSum { .. } | DataError::Malformed { .. }))) => {
            Some(error)
        }
        Some(dataset_or_error) => return dataset_or_error,
    };
    let fetched = if options.offline {
        let folder = path.clone();
        Err(DataError::Offline {
            folder,
            name: source,
        })
    } else {
        fetch(source, &path, options.mirror.as_deref(), progress)
    };
    if let Err(error) = fetched {
        // A damaged cache is no reason to train on something else.
        return Err(match damaged {
            Some(damaged) => damaged.with_advice(format!(
                "put the official file there; fetching it again failed ({error})"
            )),
            None => error,
        });
    }
    official_in(source, &path).unwrap_or_else(|| {
        let layout = Layout::find(source, &path);
        (source.read)(source, &layout)?.into_official(CHANGED)
    })
}

const CHANGED: &str = "it was changed while it was read; try again";

/// The official samples from the first layout that has them, or what is wrong with the first of
/// all; `None` where no layout is complete.
fn official_in(source: &'static DataSource, path: &Path) -> Option<Result<Dataset, DataError>> {
    let mut first_error = None;
    for layout in Layout::complete(source, path) {
        let folder = (source.read)(source, &layout);
        match folder.and_then(|folder| folder.into_official(CHANGED)) {
            Ok(dataset) => return Some(Ok(dataset)),
            Err(error) => first_error = first_error.or(Some(Err(error))),
        }
    }
    first_error
}
