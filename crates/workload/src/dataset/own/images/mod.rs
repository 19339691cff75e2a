//! A folder of images: a sub-folder for each class, in it JPEG and PNG files.
//!
//! All images become bytes of one size and one colour mode. They are decoded on all cores; what became of a large
//! folder is kept in the cache.

mod cache;
mod decode;
mod list;
mod resize;

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use decode::Opened;
pub(super) use list::{Listing, list};

use super::{
    OwnError,
    labels::Labels,
    raw::{Kind, Raw},
    sum::FileSum,
};
use crate::{
    Shown, memory, own_file,
    threads::{cores, side_by_side},
};

/// To be changed with what is made of the same files: part of their sum.
pub(super) const MADE_BY: &str = "laptime images 1";

/// A folder of fewer bytes is decoded in about a second on any machine: nothing is kept of it.
const LEAST_CACHED_BYTES: u64 = 16 << 20;

/// Pixels that take more bytes than so many times the files are decoded about as fast as they are read.
const MOST_CACHED_SHARE: u64 = 2;

/// Decodes a file in memory and brings it into every form, for a fuzzer.
pub(super) fn fuzzed(file: &[u8]) -> Result<(), OwnError> {
    let picture = decode::decode(file, Path::new("fuzz"))?;
    assert_eq!(
        picture.pixels.len(),
        picture.height * picture.width * picture.color_mode.channels()
    );
    for color_mode in [ColorMode::Grayscale, ColorMode::Rgb] {
        resize::resized(picture.clone().into_mode(color_mode), 5, 3);
    }
    Ok(())
}

/// What images become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageForm {
    /// The height and width that each is resized to; without, all must have the same.
    pub size: Option<[usize; 2]>,
    /// Their colours; without, all must have the same.
    pub color_mode: Option<ColorMode>,
}

/// The values of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColorMode {
    /// One value: brightness.
    Grayscale,
    /// Three: red, green and blue.
    Rgb,
}

impl ColorMode {
    /// The values a pixel has.
    fn channels(self) -> usize {
        match self {
            Self::Grayscale => 1,
            Self::Rgb => 3,
        }
    }

    fn of_channels(channels: usize) -> Self {
        match channels {
            1 => Self::Grayscale,
            _ => Self::Rgb,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Grayscale => "grayscale",
            Self::Rgb => "rgb",
        }
    }
}

/// Images, the class of each, and the sum of the file of each.
type Images = (Raw, Labels, Vec<FileSum>);

/// The images of a folder, from the cache where it has them.
pub(super) fn read(folder: &Path, form: ImageForm) -> Result<Images, OwnError> {
    let listing = list(folder)?;
    let cache = (listing.bytes() >= LEAST_CACHED_BYTES).then(cache::folder);
    read_listed(&listing, form, cache.flatten().as_deref())
}

fn read_listed(
    listing: &Listing,
    form: ImageForm,
    cache: Option<&Path>,
) -> Result<Images, OwnError> {
    let mut labels = Labels::new(&listing.place);
    for image in &listing.images {
        labels.push(&listing.classes[image.class]);
    }
    let raw = |made: Pixels| Raw {
        block_sums: None,
        place: listing.place.clone(),
        first_byte: 0,
        kind: Kind::U8,
        shape: made.shape.to_vec(),
        bytes: made.bytes,
    };
    let named = cache.map(|cache| cache::Place::new(cache, listing, form));
    // Reading all files only to look into the cache is for those that it may have.
    if let Some(place) = &named
        && place.may_be_there()
    {
        let sums = sums(listing)?;
        if let Some(made) = place.read(&sums) {
            return Ok((raw(made), labels, sums));
        }
    }
    let (mut made, sums) = decoded(listing, form)?;
    if let Some(place) = &named
        && made.bytes.len() as u64 <= MOST_CACHED_SHARE * listing.bytes()
    {
        place.keep(&sums, &mut made);
    }
    Ok((raw(made), labels, sums))
}

/// Images of one size, one after the other.
#[derive(Debug, Clone, PartialEq)]
struct Pixels {
    /// Count, height, width, channels.
    shape: [usize; 4],
    bytes: Vec<u8>,
}

fn sums(listing: &Listing) -> Result<Vec<FileSum>, OwnError> {
    let images = listing.images.iter();
    on_all_cores(images, |image| {
        Ok(Sha256::digest(contents(&image.path)?).into())
    })
}

fn contents(path: &Path) -> Result<Vec<u8>, OwnError> {
    own_file::read(path).map_err(|error| OwnError::io(path, &error))
}

/// The height, width and channels of each image, by its header.
pub(super) fn sizes(listing: &Listing) -> Result<Vec<[usize; 3]>, OwnError> {
    on_all_cores(listing.images.iter(), |image| {
        let contents = contents(&image.path)?;
        let opened = decode::open(&contents);
        let opened = opened.map_err(|problem| OwnError::new(Shown(&image.path), problem))?;
        Ok([opened.height, opened.width, opened.color_mode.channels()])
    })
}

/// All images, decoded and resized, and the sums of their files.
fn decoded(listing: &Listing, form: ImageForm) -> Result<(Pixels, Vec<FileSum>), OwnError> {
    let first = &listing.images[0].path;
    let of_first = contents(first)?;
    let of_first =
        decode::open(&of_first).map_err(|problem| OwnError::new(Shown(first), problem))?;
    let [height, width] = form.size.unwrap_or([of_first.height, of_first.width]);
    let color_mode = form.color_mode.unwrap_or(of_first.color_mode);
    let shape = [listing.images.len(), height, width, color_mode.channels()];
    let sample_bytes = height * width * color_mode.channels();
    let bytes = sample_bytes.checked_mul(listing.images.len());
    let bytes = bytes.ok_or_else(|| OwnError::new(&listing.place, "its images are too large"))?;
    memory::check(bytes as u64).map_err(|shortage| {
        let problem =
            format!("all of its images decoded {shortage}; set a smaller height and width");
        OwnError::new(&listing.place, problem)
    })?;
    let mut pixels = vec![0; bytes];
    let tasks = listing
        .images
        .iter()
        .zip(pixels.chunks_exact_mut(sample_bytes));
    let sums = on_all_cores(tasks, |(image, place)| {
        let contents = contents(&image.path)?;
        let wrong = |problem| OwnError::new(Shown(&image.path), problem);
        let opened = decode::open(&contents).map_err(wrong)?;
        let found = [opened.height, opened.width];
        check_alike(form, &opened, color_mode, [height, width]).map_err(wrong)?;
        if found == [height, width] && opened.color_mode == color_mode && !opened.has_alpha() {
            opened.decode(place).map_err(wrong)?;
        } else {
            let picture = opened.picture().map_err(wrong)?.into_mode(color_mode);
            place.copy_from_slice(&resize::resized(picture, height, width).pixels);
        }
        Ok(Sha256::digest(&contents).into())
    })?;
    let bytes = pixels;
    Ok((Pixels { shape, bytes }, sums))
}

/// Whether an image has this colour mode and size, or the form says that it is brought into them.
fn check_alike(
    form: ImageForm,
    opened: &Opened,
    color_mode: ColorMode,
    [height, width]: [usize; 2],
) -> Result<(), String> {
    if form.color_mode.is_none() && opened.color_mode != color_mode {
        return Err(format!(
            "this image is {}, and the first one is {}; add color_mode = \"rgb\" or \"grayscale\"",
            opened.color_mode.as_str(),
            color_mode.as_str()
        ));
    }
    if form.size.is_none() && [opened.height, opened.width] != [height, width] {
        return Err(format!(
            "this image has {}×{} pixels (height×width), and the first one {height}×{width}; add height and width \
             to have all of them resized",
            opened.height, opened.width
        ));
    }
    Ok(())
}

/// What is made of each item, or the error of the first of those that have one. Items are begun in their order.
fn on_all_cores<I: Send, T: Send>(
    items: impl Iterator<Item = I> + Send,
    work: impl Fn(I) -> Result<T, OwnError> + Sync,
) -> Result<Vec<T>, OwnError> {
    let queue = Mutex::new(Some(items.enumerate()));
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.as_mut()?.next()
    };
    let done = side_by_side((0..cores()).collect(), |_| {
        let mut done = Vec::new();
        while let Some((index, item)) = next() {
            let made = work(item);
            if made.is_err() {
                *queue.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            done.push((index, made));
        }
        done
    });
    let mut done: Vec<_> = done.into_iter().flatten().collect();
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests;
