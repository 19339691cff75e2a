//! Downloads one file: resumable, bounded, and never under its own name before its sum is right.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{Agent, config::ConfigBuilder, http::StatusCode, typestate::AgentScope};

use super::{download_error::DownloadError, progress::Progress, sum::sha256_of_file};
use crate::own_file;

/// A file to download, and what it must be.
pub(crate) struct Download<'a> {
    pub(crate) url: &'a str,
    pub(crate) bytes: u64,
    pub(crate) sha256: &'a str,
    pub(crate) to: &'a Path,
}

/// A client that gives up soon where there is no network, and on connections that have gone silent.
pub(crate) fn client() -> ConfigBuilder<AgentScope> {
    let connect = Some(Duration::from_secs(3));
    let silence = Some(Duration::from_secs(20));
    Agent::config_builder()
        .timeout_resolve(connect)
        .timeout_connect(connect)
        .timeout_recv_response(silence)
        .timeout_per_read(silence)
        .http_status_as_error(false)
        .user_agent(concat!("laptime/", env!("CARGO_PKG_VERSION")))
}

/// A transfer that breaks off is resumed this often, as long as each time some bytes arrive.
const MOST_TRANSFERS: usize = 8;

/// Downloads the file to a `.part` beside its place, and moves it there if its sum is right. The
/// caller sees to it that nobody else does so at the same time.
pub(crate) fn download(
    agent: &Agent,
    download: &Download,
    progress: &mut dyn Progress,
) -> Result<(), DownloadError> {
    let mut part = download.to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let disk = |error| DownloadError::Disk {
        path: part.clone(),
        error,
    };
    let mut resumed = false;
    for _ in 0..MOST_TRANSFERS {
        let before_bytes = fs::metadata(&part).map_or(0, |metadata| metadata.len());
        resumed |= before_bytes > 0;
        let mut reason = None;
        if before_bytes < download.bytes {
            match transfer(agent, download, &part, before_bytes, progress) {
                Ok(()) => {}
                Err(TransferError::Broken(text)) => reason = Some(text),
                Err(TransferError::Disk(error)) => return Err(disk(error)),
                Err(TransferError::Refused(error)) => return Err(error),
            }
        }
        let done_bytes = fs::metadata(&part).map_err(disk)?.len();
        if done_bytes < download.bytes {
            if done_bytes <= before_bytes {
                let reason = reason.unwrap_or_else(|| "the server sent no more".into());
                return Err(interrupted(download, done_bytes, reason));
            }
            continue;
        }
        let found = sha256_of_file(&part).map_err(disk)?;
        if found == download.sha256 {
            return fs::rename(&part, download.to).map_err(disk);
        }
        fs::remove_file(&part).map_err(disk)?;
        if !resumed {
            let expected = download.sha256.to_owned();
            return Err(DownloadError::WrongSum { found, expected });
        }
        // An old part may have been wrong from the start: once more, from the beginning.
        resumed = false;
    }
    let done_bytes = fs::metadata(&part).map_or(0, |metadata| metadata.len());
    let reason = format!("{MOST_TRANSFERS} times");
    Err(interrupted(download, done_bytes, reason))
}

fn interrupted(download: &Download, done_bytes: u64, reason: String) -> DownloadError {
    DownloadError::Interrupted {
        done_bytes,
        total_bytes: download.bytes,
        reason,
    }
}

enum TransferError {
    /// The bytes so far are good; more may come by asking again.
    Broken(String),
    /// The answer is of no use.
    Refused(DownloadError),
    Disk(io::Error),
}

/// Appends what the server sends to the part, which has `have_bytes`.
fn transfer(
    agent: &Agent,
    download: &Download,
    part: &Path,
    have_bytes: u64,
    progress: &mut dyn Progress,
) -> Result<(), TransferError> {
    let refused = TransferError::Refused;
    let wrong_size = || {
        refused(DownloadError::WrongSize {
            expected_bytes: download.bytes,
        })
    };
    let mut request = agent.get(download.url);
    if have_bytes > 0 {
        request = request.header("Range", format!("bytes={have_bytes}-"));
    }
    let response = request.call();
    let response =
        response.map_err(|error| refused(DownloadError::Unreachable(error.to_string())))?;
    let range = response.headers().get("content-range");
    let range = range.and_then(|range| range.to_str().ok());
    let range = range.unwrap_or_default();
    let start_bytes = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT if range.starts_with(&format!("bytes {have_bytes}-")) => {
            if !range.ends_with(&format!("/{}", download.bytes)) {
                return Err(wrong_size());
            }
            have_bytes
        }
        status => return Err(refused(DownloadError::Status(status.to_string()))),
    };
    let missing_bytes = download.bytes - start_bytes;
    let body = response.into_body();
    let announced_bytes = body.content_length();
    if announced_bytes.is_some_and(|bytes| bytes != missing_bytes) {
        return Err(wrong_size());
    }
    // Not to append, as Windows would not let such a file be emptied.
    let mut options = OpenOptions::new();
    options.write(true).create(start_bytes == 0);
    let mut file = own_file::open(part, &mut options).map_err(TransferError::Disk)?;
    file.set_len(start_bytes).map_err(TransferError::Disk)?;
    file.seek(SeekFrom::End(0)).map_err(TransferError::Disk)?;
    let name = download.to.file_name().unwrap_or_default();
    progress.begin(&name.to_string_lossy(), download.bytes, start_bytes);
    let received = receive(body.into_reader(), &mut file, missing_bytes, progress);
    progress.end();
    file.sync_all().map_err(TransferError::Disk)?;
    match received? {
        true => Ok(()),
        false => {
            file.set_len(0).map_err(TransferError::Disk)?;
            Err(wrong_size())
        }
    }
}

/// Appends the body to `file`; false where it has more than the missing bytes.
fn receive(
    mut body: impl Read,
    file: &mut File,
    mut missing_bytes: u64,
    progress: &mut dyn Progress,
) -> Result<bool, TransferError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match body.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(read) => read,
            Err(error) => return Err(TransferError::Broken(error.to_string())),
        };
        if read as u64 > missing_bytes {
            return Ok(false);
        }
        file.write_all(&buffer[..read])
            .map_err(TransferError::Disk)?;
        missing_bytes -= read as u64;
        progress.advance(read as u64);
    }
}

#[cfg(test)]
mod tests;
