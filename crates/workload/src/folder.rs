//! Where a file lies.

use std::path::Path;

/// The folder that has, or will have, this file.
pub fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}
