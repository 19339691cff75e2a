//! Fills the cache with a dataset's official files.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use ureq::Agent;

use super::{
    DataError, DataSource, OfficialFile,
    download::{Download, client, download},
    progress::Progress,
    sum::sha256_of_file,
    verify::{FileState, Found, verify},
};
use crate::own_file;

/// Downloads those of the dataset's files that `folder` does not have, or has with a wrong sum, and
/// returns which they were. `mirror` is the URL of a folder that has the files, in place of the
/// official one.
pub fn fetch(
    source: &'static DataSource,
    folder: &Path,
    mirror: Option<&str>,
    progress: &mut dyn Progress,
) -> Result<Vec<&'static str>, DataError> {
    let web = Web {
        agent: client().build().into(),
        base_url: mirror.unwrap_or(source.base_url).trim_end_matches('/'),
        name: source,
    };
    // Whoever has the files themselves, or unpacked ones, needs no download.
    let are_official =
        |states: Vec<FileState>| states.iter().all(|state| state.found == Found::Official);
    if verify(source, folder).is_ok_and(are_official) {
        return Ok(Vec::new());
    }
    web.fetch(source.downloads(), folder, progress)
}

/// Where a dataset's files come from.
struct Web<'a> {
    agent: Agent,
    base_url: &'a str,
    name: &'static DataSource,
}

impl Web<'_> {
    fn fetch(
        &self,
        files: &[OfficialFile],
        folder: &Path,
        progress: &mut dyn Progress,
    ) -> Result<Vec<&'static str>, DataError> {
        let io = |error| DataError::Cache {
            folder: folder.to_owned(),
            error,
        };
        fs::create_dir_all(folder).map_err(io)?;
        // Held until this returns, or the process dies.
        let _lock = lock(folder, progress).map_err(io)?;
        let mut fetched = Vec::new();
        for file in files {
            let path = folder.join(file.name);
            // Looked at under the lock: another process may just have put it there.
            if is_right(file, &path).map_err(io)? {
                continue;
            }
            let url = format!("{}/{}", self.base_url, file.name);
            let wanted = Download {
                url: &url,
                bytes: file.bytes,
                sha256: file.sha256,
                to: &path,
            };
            let done = download(&self.agent, &wanted, progress);
            done.map_err(|error| DataError::Download {
                error,
                folder: folder.to_owned(),
                name: self.name,
                url: url.clone(),
            })?;
            fetched.push(file.name);
        }
        Ok(fetched)
    }
}

fn is_right(file: &OfficialFile, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() == file.bytes => Ok(sha256_of_file(path)? == file.sha256),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Keeps other processes from filling the same folder.
fn lock(folder: &Path, progress: &mut dyn Progress) -> io::Result<File> {
    let file = own_file::open_lock(&folder.join(".lock"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress.waiting();
            file.lock()?;
        }
        // Some network file systems have no locks. Sums are checked all the same.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;
    use crate::dataset::{
        progress::Silent,
        sum::sha256,
        test_server::{Server, ok},
    };

    fn file(name: &'static str, contents: &[u8]) -> OfficialFile {
        OfficialFile {
            name,
            bytes: contents.len() as u64,
            sha256: sha256(contents).leak(),
            dimensions: &[],
            unpacked: None,
        }
    }

    fn web(base_url: &str) -> Web<'_> {
        Web {
            agent: client().proxy(None).build().into(),
            base_url,
            name: DataSource::find("fashion-mnist").unwrap(),
        }
    }

    #[test]
    fn only_missing_and_wrong_files_are_fetched() {
        let server = Server::start(|request| ok(request.split_whitespace().nth(1).unwrap()));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "/a").unwrap();
        fs::write(folder.path().join("b"), "/x").unwrap();
        let files = [file("a", b"/a"), file("b", b"/b"), file("c", b"/c")];
        let fetch = || {
            web(&server.url)
                .fetch(&files, folder.path(), &mut Silent)
                .unwrap()
        };
        assert_eq!(fetch(), ["b", "c"]);
        assert_eq!(fetch(), [""; 0]);
        assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"/b");
        assert_eq!(server.requests().len(), 2);
    }

    #[test]
    fn two_who_fetch_at_once_download_once() {
        let server = Server::start(|_| {
            thread::sleep(Duration::from_millis(100));
            ok("contents")
        });
        let folder = tempfile::tempdir().unwrap();
        let files = [file("a", b"contents")];
        let fetch = || {
            web(&server.url)
                .fetch(&files, folder.path(), &mut Silent)
                .unwrap()
        };
        let fetched = thread::scope(|scope| {
            let other = scope.spawn(fetch);
            fetch().len() + other.join().unwrap().len()
        });
        assert_eq!((fetched, server.requests().len()), (1, 1));
    }

    #[test]
    fn a_failed_fetch_leaves_what_was_there() {
        let server = Server::start(|_| ok("contents"));
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "before").unwrap();
        let files = [file("a", b"CONTENTS")];
        let error = web(&server.url)
            .fetch(&files, folder.path(), &mut Silent)
            .unwrap_err();
        assert!(error.to_string().contains("SHA-256"), "{error}");
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"before");
    }
}
