//! Decoded images in laptime's cache.
//!
//! A file's name has two sums: one over what is asked for and the names and lengths of all files, which costs nothing
//! to make, and one over their contents. It ends with its shape and a sum over all of it; one that is damaged is as
//! good as none.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flate2::Crc;
use sha2::{Digest, Sha256};

use super::{ImageForm, Listing, MADE_BY, Pixels};
use crate::{
    dataset::own::sum::{BLOCK_BYTES, FileSum, runs},
    directories, hexadecimal, own_file,
    threads::side_by_side,
};

/// Shape and sum.
const TRAILER_BYTES: usize = 4 * 8 + 32;

/// Where decoded images are kept.
pub(super) fn folder() -> Option<PathBuf> {
    Some(directories::cache_dir().ok()?.join("images"))
}

/// Where those of a listing are.
pub(super) struct Place<'a> {
    folder: &'a Path,
    prefix: String,
    /// How many images there are.
    count: usize,
}

impl<'a> Place<'a> {
    pub(super) fn new(folder: &'a Path, listing: &Listing, form: ImageForm) -> Self {
        let mut sum = Sha256::new();
        let mut add = |text: &str| {
            sum.update((text.len() as u64).to_le_bytes());
            sum.update(text);
        };
        add(MADE_BY);
        add(env!("CARGO_PKG_VERSION"));
        add(&format!("{form:?}"));
        for image in &listing.images {
            let name = image.path.file_name().and_then(|it| it.to_str());
            add(&listing.classes[image.class]);
            add(name.unwrap_or(""));
            add(&image.bytes.to_string());
        }
        Self {
            folder,
            prefix: hexadecimal(&sum.finalize()[..16]) + "-",
            count: listing.images.len(),
        }
    }

    /// Whether there are images of files with these names and lengths.
    pub(super) fn may_be_there(&self) -> bool {
        let is_one = |entry: fs::DirEntry| {
            let name = entry.file_name();
            name.as_encoded_bytes().starts_with(self.prefix.as_bytes())
        };
        fs::read_dir(self.folder).is_ok_and(|entries| entries.flatten().any(is_one))
    }

    fn file(&self, sums: &[FileSum]) -> PathBuf {
        let contents = hexadecimal(&Sha256::digest(sums.as_flattened()));
        self.folder.join(format!("{}{contents}", self.prefix))
    }

    /// The images of files with these contents, where they are there and whole.
    pub(super) fn read(&self, sums: &[FileSum]) -> Option<Pixels> {
        let mut bytes = own_file::read(&self.file(sums)).ok()?;
        let values = bytes.len().checked_sub(TRAILER_BYTES)?;
        let (extents, sum) = bytes[values..].split_at(4 * 8);
        let (extents, _) = extents.as_chunks();
        let mut shape = [0; 4];
        for (extent, stored) in shape.iter_mut().zip(extents) {
            *extent = usize::try_from(u64::from_le_bytes(*stored)).ok()?;
        }
        let fits = shape[0] == self.count
            && shape
                .iter()
                .try_fold(1, |all: usize, it| all.checked_mul(*it))
                == Some(values);
        if !fits || sum_of(shape, &bytes[..values]) != *sum {
            return None;
        }
        bytes.truncate(values);
        Some(Pixels { shape, bytes })
    }

    /// Keeps the images. Where that cannot be, they are decoded again the next time.
    pub(super) fn keep(&self, sums: &[FileSum], made: &mut Pixels) {
        let values = made.bytes.len();
        let sum = sum_of(made.shape, &made.bytes);
        made.bytes.reserve_exact(TRAILER_BYTES);
        made.bytes
            .extend(made.shape.iter().flat_map(|it| (*it as u64).to_le_bytes()));
        made.bytes.extend(sum);
        let _ = directories::keep(&self.file(sums), &made.bytes);
        made.bytes.truncate(values);
    }
}

/// SHA-256 over the shape and the CRC-32 sums of blocks of 1 MiB. What it is to find is damage. That the
/// pixels are those of the files is for the name of the cache's file to say, which has the files' sums and `MADE_BY`.
fn sum_of(shape: [usize; 4], bytes: &[u8]) -> FileSum {
    let sums = side_by_side(runs(bytes), |run| {
        let blocks = run.chunks(BLOCK_BYTES);
        let sums = blocks.map(|block| {
            let mut sum = Crc::new();
            sum.update(block);
            sum.sum().to_le_bytes()
        });
        sums.collect::<Vec<_>>()
    });
    let mut sum = Sha256::new();
    sum.update(format!("{shape:?}"));
    sum.update(sums.concat().as_flattened());
    sum.finalize().into()
}
