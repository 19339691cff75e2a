//! The folder of a site, which is made anew as often as one likes.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use laptime_report::File;
use laptime_workload::Shown;

use super::Inputs;
use crate::failure::Failure;

/// A folder in which nothing is lost that is not a file of such a site.
pub struct SiteFolder {
    option: &'static str,
    folder: PathBuf,
    written: HashSet<PathBuf>,
}

impl SiteFolder {
    /// Makes the folder, or takes one that is empty or has a site of ours already.
    ///
    /// # Errors
    /// Where it is another one, cannot be written, or has inputs in it.
    pub fn open(
        option: &'static str,
        folder: &Path,
        inputs: &Inputs,
        read: &[PathBuf],
    ) -> Result<Self, Failure> {
        let wrong = |what: String| {
            Err(Failure::Usage(format!(
                "{option} {}: {what}",
                Shown(folder)
            )))
        };
        if folder.exists() && !folder.is_dir() {
            return wrong("this is a file; give a folder".into());
        }
        let is_ours = folder.join(File::MARK).is_file();
        let has_others = fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some());
        if has_others && !is_ours {
            return wrong(
                "this folder has other files; give a new or an empty one, or one that --site has written".into(),
            );
        }
        let place = folder.canonicalize();
        let is_inside = |path: &&PathBuf| match (&place, path.canonicalize()) {
            (Ok(place), Ok(path)) => path.starts_with(place),
            _ => false,
        };
        if let Some(path) = read.iter().find(is_inside) {
            return wrong(format!(
                "the record {} is in it, which it could overwrite; give another folder",
                Shown(path)
            ));
        }
        let made = Self {
            option,
            folder: folder.to_owned(),
            written: HashSet::new(),
        };
        inputs.check(option, &made.path("index.html"))?;
        for folder in File::FOLDERS {
            let folder = made.path(folder);
            fs::create_dir_all(&folder).map_err(|error| made.unwritable(&folder, &error))?;
        }
        Ok(made)
    }

    /// Where a file of the site lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file of the site. It is not synchronised: there are thousands of them, and a site that is
    /// not whole is made anew.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, file: &File) -> Result<(), Failure> {
        let path = self.path(&file.path);
        fs::write(&path, &file.text).map_err(|error| self.unwritable(&path, &error))?;
        self.written.insert(path);
        Ok(())
    }

    /// Removes the pages and records that an earlier site had here and this one does not.
    ///
    /// # Errors
    /// Where one cannot be removed.
    pub fn remove_stale(&self) -> Result<(), Failure> {
        for folder in File::FOLDERS {
            let folder = self.path(folder);
            let all = fs::read_dir(&folder).map_err(|error| self.unwritable(&folder, &error))?;
            for path in all.flatten().map(|entry| entry.path()) {
                let is_ours = path
                    .extension()
                    .is_some_and(|it| File::EXTENSIONS.iter().any(|ours| it == *ours));
                if is_ours && !self.written.contains(&path) {
                    fs::remove_file(&path).map_err(|error| self.unwritable(&path, &error))?;
                }
            }
        }
        Ok(())
    }

    fn unwritable(&self, path: &Path, error: &io::Error) -> Failure {
        Failure::Failed(format!(
            "{} {}: cannot be written: {error}; give a folder that can",
            self.option,
            Shown(path)
        ))
    }
}
