//! An image of a file: JPEG or PNG, by how it begins.
//!
//! A header may claim any size. Nothing is allocated for one that so few bytes cannot have.

use std::{
    io::{self, Cursor, Read},
    path::Path,
};

use flate2::read::ZlibDecoder;
use zune_core::{
    bit_depth::BitDepth, bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions,
};
use zune_jpeg::JpegDecoder;
use zune_png::PngDecoder;

use super::ColorMode;
use crate::{Shown, dataset::own::OwnError};

/// The largest height and width.
const MOST_PIXELS: usize = 1 << 14;

/// A block of 8×8 pixels takes at least one bit of a JPEG.
const MOST_JPEG_PIXELS_A_BYTE: usize = 8 * 8 * 8;

/// A PNG that has become smaller than this, by a header's claim, is looked at before it is believed.
const USUAL_COMPRESSION: usize = 64;

const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG_SIGNATURE: &[u8] = b"\xff\xd8\xff";

/// A decoded image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Picture {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) color_mode: ColorMode,
    /// Row by row, the values of a pixel together.
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    /// The same in this colour mode. Grey is 0.299 red + 0.587 green + 0.114 blue, rounded (ITU-R BT.601, in fixed
    /// point as Pillow has it); a grey pixel is as red as green and blue.
    pub(super) fn into_mode(self, color_mode: ColorMode) -> Self {
        let pixels = match (self.color_mode, color_mode) {
            (ColorMode::Rgb, ColorMode::Grayscale) => {
                let (pixels, _) = self.pixels.as_chunks();
                pixels.iter().map(|pixel| gray(*pixel)).collect()
            }
            (ColorMode::Grayscale, ColorMode::Rgb) => {
                self.pixels.iter().flat_map(|gray| [*gray; 3]).collect()
            }
            _ => self.pixels,
        };
        Self {
            color_mode,
            pixels,
            ..self
        }
    }
}

fn gray(pixel: [u8; 3]) -> u8 {
    let [red, green, blue] = pixel.map(u32::from);
    ((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8
}

/// Decodes a file of this name.
pub(super) fn decode(file: &[u8], path: &Path) -> Result<Picture, OwnError> {
    open(file)
        .and_then(Opened::picture)
        .map_err(|problem| OwnError::new(Shown(path), problem))
}

/// An image whose header was read and believed.
pub(super) struct Opened<'a> {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) color_mode: ColorMode,
    decoder: Decoder<'a>,
}

/// Boxed because they are large.
enum Decoder<'a> {
    Jpeg(Box<Jpeg<'a>>),
    Png { decoder: Box<Png>, has_alpha: bool },
}

/// Reads the header of a file.
pub(super) fn open(file: &[u8]) -> Result<Opened<'_>, String> {
    if file.starts_with(PNG_SIGNATURE) {
        png(file)
    } else {
        jpeg(file)
    }
}

impl Opened<'_> {
    /// Decodes the image.
    pub(super) fn picture(self) -> Result<Picture, String> {
        let Self {
            height,
            width,
            color_mode,
            ..
        } = self;
        let channels = color_mode.channels() + usize::from(self.has_alpha());
        let mut pixels = vec![0; height * width * channels];
        let has_alpha = self.has_alpha();
        self.decode(&mut pixels)?;
        if has_alpha {
            let is_seen_through = |pixel: &[u8]| pixel[channels - 1] != 255;
            if pixels.chunks_exact(channels).any(is_seen_through) {
                return Err("it is transparent in places; put it on a background".into());
            }
            let kept = pixels.chunks_exact(channels);
            pixels = kept
                .flat_map(|pixel| &pixel[..channels - 1])
                .copied()
                .collect();
        }
        Ok(Picture {
            height,
            width,
            color_mode,
            pixels,
        })
    }

    /// Whether its pixels have one value more than their colours, which must be looked at.
    pub(super) fn has_alpha(&self) -> bool {
        matches!(
            self.decoder,
            Decoder::Png {
                has_alpha: true,
                ..
            }
        )
    }

    /// Decodes the image to where it is to be.
    pub(super) fn decode(self, place: &mut [u8]) -> Result<(), String> {
        match self.decoder {
            Decoder::Jpeg(mut decoder) => decoder.decode_into(place).map_err(damaged),
            Decoder::Png { mut decoder, .. } => decoder.decode_into(place).map_err(damaged),
        }
    }
}

const TOO_SHORT: &str = "it ends too early; make this image anew, or remove it";
const NO_SIZE: &str = "its header does not say how large it is";

fn options() -> DecoderOptions {
    DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MOST_PIXELS)
        .set_max_height(MOST_PIXELS)
        .png_set_strip_to_8bit(false)
        .png_set_add_alpha_channel(false)
}

fn damaged(error: impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let text = text.trim().trim_end_matches('.');
    format!(
        "{}; make this image anew, or remove it",
        crate::escaped(text)
    )
}

fn check_size(height: usize, width: usize, most_pixels: usize) -> Result<(), String> {
    if height == 0 || width == 0 {
        return Err("it has no pixels; remove it".into());
    }
    if height.saturating_mul(width) > most_pixels {
        return Err(format!(
            "its header claims {height}×{width} pixels, which so small a file cannot have; remove it"
        ));
    }
    Ok(())
}

type Jpeg<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

fn jpeg(file: &[u8]) -> Result<Opened<'_>, String> {
    if !file.starts_with(JPEG_SIGNATURE) {
        return Err("this is neither a JPEG nor a PNG; convert it, or remove it".into());
    }
    if !has_end(file) {
        return Err(TOO_SHORT.into());
    }
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file), options());
    decoder.decode_headers().map_err(damaged)?;
    let (color_mode, out) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorMode::Grayscale, ColorSpace::Luma),
        Some(ColorSpace::YCbCr | ColorSpace::RGB) => (ColorMode::Rgb, ColorSpace::RGB),
        other => {
            let has = other.map_or("unknown colours".into(), |it| format!("colours as {it:?}"));
            return Err(format!(
                "this JPEG has {has}; convert it to grayscale or RGB"
            ));
        }
    };
    let (width, height) = decoder.dimensions().ok_or(NO_SIZE)?;
    check_size(height, width, MOST_JPEG_PIXELS_A_BYTE * file.len())?;
    decoder.set_options(options().jpeg_set_out_colorspace(out));
    let decoder = Decoder::Jpeg(Box::new(decoder));
    Ok(Opened {
        height,
        width,
        color_mode,
        decoder,
    })
}

/// Whether the end of the image comes behind the start of its last scan. (The decoder makes gray of what is missing.)
fn has_end(file: &[u8]) -> bool {
    const END: [u8; 2] = [0xff, 0xd9];
    const SCAN: [u8; 2] = [0xff, 0xda];
    let mut marks = file.windows(2).rev();
    marks.find(|mark| *mark == END || *mark == SCAN) == Some(&END)
}

type Png = PngDecoder<ZCursor<Vec<u8>>>;

fn png(file: &[u8]) -> Result<Opened<'_>, String> {
    let mut decoder = PngDecoder::new_with_options(ZCursor::new(needed(file)?), options());
    decoder.decode_headers().map_err(damaged)?;
    let color_space = decoder.colorspace().ok_or(NO_SIZE)?;
    let (width, height) = decoder.dimensions().ok_or(NO_SIZE)?;
    let channels = color_space.num_components();
    check_size(height, width, MOST_PIXELS * MOST_PIXELS)?;
    if height * width * channels > USUAL_COMPRESSION * file.len() && !has_rows(file, height, width)
    {
        return Err(
            "it has fewer pixels than its header claims; make this image anew, or remove it".into(),
        );
    }
    if decoder.depth() != Some(BitDepth::Eight) {
        return Err("this PNG has 16 bits a value; convert it to 8".into());
    }
    let has_alpha = color_space.has_alpha();
    let decoder = Box::new(decoder);
    Ok(Opened {
        height,
        width,
        color_mode: ColorMode::of_channels(channels - usize::from(has_alpha)),
        decoder: Decoder::Png { decoder, has_alpha },
    })
}

/// The chunks of a PNG that its pixels are made of. Others can be texts and profiles that would be unpacked, and
/// further pictures of a film.
fn needed(file: &[u8]) -> Result<Vec<u8>, String> {
    let mut kept = Vec::with_capacity(file.len());
    kept.extend_from_slice(PNG_SIGNATURE);
    for chunk in chunks(file) {
        let kind = kind(chunk);
        if [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"].contains(&kind) {
            kept.extend_from_slice(chunk);
        }
        if kind == b"IEND" {
            return Ok(kept);
        }
    }
    Err(TOO_SHORT.into())
}

/// Length, kind, contents and sum of each chunk.
fn chunks(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    const FRAME: usize = 12;
    let mut rest = file.get(PNG_SIGNATURE.len()..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let whole = length.checked_add(FRAME)?;
        let (chunk, others) = rest.split_at_checked(whole)?;
        rest = others;
        Some(chunk)
    })
}

fn kind(chunk: &[u8]) -> &[u8; 4] {
    chunk[4..].first_chunk().expect("a chunk has a kind")
}

/// Whether a PNG has so many rows, which are unpacked and thrown away.
fn has_rows(file: &[u8], height: usize, width: usize) -> bool {
    let header = chunks(file).find(|chunk| kind(chunk) == b"IHDR");
    let Some([depth, color_type]) = header.and_then(|it| it[16..].first_chunk()) else {
        return false;
    };
    let values = match color_type {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let bytes = height * (width * values * usize::from(*depth)).div_ceil(8);
    let data: Vec<&[u8]> = chunks(file)
        .filter(|chunk| kind(chunk) == b"IDAT")
        .map(|chunk| &chunk[8..chunk.len() - 4])
        .collect();
    let mut unpacked = ZlibDecoder::new(Cursor::new(data.concat())).take(bytes as u64);
    let copied = io::copy(&mut unpacked, &mut io::sink());
    copied.is_ok_and(|copied| copied == bytes as u64)
}
