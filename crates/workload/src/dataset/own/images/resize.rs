//! Images of another size.
//!
//! The filter is a triangle as wide as two pixels of the smaller of both images ("bilinear with antialiasing":
//! Pillow's `BILINEAR`, torchvision's `antialias=True`), in single precision, each product and sum rounded, so that every
//! machine makes the same bytes. First along the columns, which goes row by row in vectors, then along the rows; Pillow goes the other
//! way round, and may differ by one.

use super::decode::Picture;

/// What a place is made of: these neighbours, with these weights.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// The same picture in this height and width; its proportions are not kept.
pub(super) fn resized(picture: Picture, height: usize, width: usize) -> Picture {
    let channels = picture.color_mode.channels();
    let mut pixels = picture.pixels;
    if picture.height != height {
        pixels = along_columns(&pixels, picture.width * channels, picture.height, height);
    }
    if picture.width != width {
        pixels = match channels {
            1 => along_rows::<1>(&pixels, picture.width, width),
            _ => along_rows::<3>(&pixels, picture.width, width),
        };
    }
    Picture {
        height,
        width,
        color_mode: picture.color_mode,
        pixels,
    }
}

fn along_columns(pixels: &[u8], row: usize, before: usize, after: usize) -> Vec<u8> {
    /// So many sums are in registers.
    const BLOCK: usize = 32;
    let mut made = Vec::with_capacity(after * row);
    for taps in taps(before, after) {
        let rows = || {
            let rows = pixels[taps.first * row..].chunks_exact(row);
            taps.weights.iter().zip(rows)
        };
        for first in (0..row).step_by(BLOCK) {
            let width = BLOCK.min(row - first);
            let mut sums = [0.0; BLOCK];
            for (weight, values) in rows() {
                let values = &values[first..first + width];
                if let Some((whole, _)) = values.split_first_chunk::<BLOCK>() {
                    for (sum, value) in sums.iter_mut().zip(whole) {
                        *sum += weight * f32::from(*value);
                    }
                } else {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += weight * f32::from(*value);
                    }
                }
            }
            made.extend(sums[..width].iter().map(|sum| byte(*sum)));
        }
    }
    made
}

fn along_rows<const CHANNELS: usize>(pixels: &[u8], before: usize, after: usize) -> Vec<u8> {
    let taps = taps(before, after);
    let (pixels, _) = pixels.as_chunks::<CHANNELS>();
    let mut made = Vec::with_capacity(pixels.len() / before * after * CHANNELS);
    for row in pixels.chunks_exact(before) {
        for taps in &taps {
            let mut sums = [0.0; CHANNELS];
            for (weight, pixel) in taps.weights.iter().zip(&row[taps.first..]) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += weight * f32::from(*value);
                }
            }
            made.extend(sums.map(byte));
        }
    }
    made
}

/// The nearest one.
fn byte(sum: f32) -> u8 {
    (sum + 0.5) as u8
}

/// For each place of a line of `after`, what it is made of in a line of `before`.
fn taps(before: usize, after: usize) -> Vec<Taps> {
    let scale = before as f64 / after as f64;
    let reach = scale.max(1.0);
    let of = |place: usize| {
        let center = (place as f64 + 0.5) * scale;
        let first = (center - reach + 0.5).max(0.0) as usize;
        let end = ((center + reach + 0.5) as usize).min(before);
        let weight = |from: usize| {
            let distance = ((from as f64 - center + 0.5) / reach).abs();
            (1.0 - distance).max(0.0)
        };
        let total: f64 = (first..end).map(weight).sum();
        Taps {
            first,
            weights: (first..end)
                .map(|from| (weight(from) / total) as f32)
                .collect(),
        }
    };
    (0..after).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::own::images::ColorMode;

    fn picture(height: usize, width: usize, pixels: &[u8]) -> Picture {
        Picture {
            height,
            width,
            color_mode: ColorMode::of_channels(pixels.len() / (height * width)),
            pixels: pixels.to_vec(),
        }
    }

    /// `Image.fromarray(a).resize((width, height), Image.BILINEAR)` of Pillow 13.0.0.
    #[test]
    fn it_is_pillows_filter() {
        let ramp: Vec<u8> = (0..5 * 7).map(|it| (it * 53 % 256) as u8).collect();
        for (height, width, expected) in PILLOWS {
            let made = resized(picture(5, 7, &ramp), *height, *width).pixels;
            let differs = made.iter().zip(*expected).any(|(a, b)| a.abs_diff(*b) > 1);
            assert!(
                !differs && made.len() == expected.len(),
                "{height}×{width}: {made:?}, Pillow {expected:?}"
            );
        }
    }

    const PILLOWS: &[(usize, usize, &[u8])] = &[
        (2, 3, &[111, 122, 117, 114, 139, 126]),
        (
            5,
            3,
            &[
                45, 144, 71, 160, 93, 132, 111, 133, 155, 134, 173, 106, 85, 107, 129,
            ],
        ),
        (
            9,
            11,
            &[
                0, 24, 58, 92, 125, 159, 193, 157, 27, 38, 62, 38, 62, 96, 130, 132, 112, 146, 133,
                58, 76, 100, 102, 126, 160, 194, 145, 34, 68, 93, 109, 140, 164, 166, 139, 110,
                144, 126, 69, 103, 136, 170, 142, 114, 230, 138, 32, 66, 99, 133, 167, 200, 234,
                128, 36, 152, 124, 96, 130, 163, 197, 140, 122, 156, 127, 100, 102, 113, 131, 165,
                198, 232, 121, 72, 106, 124, 135, 166, 112, 53, 87, 120, 154, 134, 136, 170, 110,
                57, 204, 112, 6, 40, 73, 107, 141, 174, 208, 102, 10,
            ],
        ),
        (1, 1, &[123]),
    ];

    #[test]
    fn one_colour_stays_and_channels_stay_apart() {
        let made = resized(picture(3, 2, &[10, 0, 255].repeat(6)), 7, 9);
        assert_eq!(made.pixels, [10, 0, 255].repeat(63));
        let same = picture(2, 2, &[1, 2, 3, 4]);
        assert_eq!(resized(same.clone(), 2, 2), same);
    }
}
