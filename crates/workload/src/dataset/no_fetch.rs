//! Takes the place of `fetch` in a build without the feature `download`.

use std::path::Path;

use super::{
    DataError, DataSource,
    progress::Progress,
    verify::{Found, verify},
};

/// Says that this build cannot fetch, unless there is nothing to fetch.
pub fn fetch(
    source: &'static DataSource,
    folder: &Path,
    _mirror: Option<&str>,
    _progress: &mut dyn Progress,
) -> Result<Vec<&'static str>, DataError> {
    let states = verify(source, folder)?;
    if states.iter().all(|state| state.found == Found::Official) {
        return Ok(Vec::new());
    }
    Err(DataError::NoDownloads {
        folder: folder.to_owned(),
        url: source.base_url,
        name: source,
    })
}
