//! Augmentation: what training sees of an image, drawn anew in every step.
//!
//! A draw belongs to the seed, the step and the sample's number. So it is the same on every engine, for any number of
//! threads and any micro-batches, and a training that is resumed goes on as it would have.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::{
    fields::Fields,
    key::Key,
    random::augmentation_draw,
    spec_error::{Problem, SpecError},
};

/// How images are augmented in training. In evaluation they stay as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augment {
    /// Random crops of the image's size, from the image with so many zeros on each side.
    pub crop_padding: usize,
    /// Whether every second image, by chance, is mirrored: its left is its right.
    pub flip: bool,
}

/// Where the pixels of an augmented image are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// How many rows below, or above where it is less than 0.
    pub down: i16,
    /// How many columns to the right.
    pub right: i16,
    /// Whether it is mirrored, after that.
    pub flipped: bool,
}

impl Augment {
    /// How the sample of this number is moved in this step, counted from 1.
    pub fn moved(&self, seed: u64, step: u64, sample: u32) -> Moved {
        let [down, right, flip, _] = augmentation_draw(seed, step, sample);
        let places = 2 * self.crop_padding as u64 + 1;
        let shift = |draw: u32| {
            let place = (u64::from(draw) * places) >> 32;
            place as i16 - self.crop_padding as i16
        };
        Moved {
            down: shift(down),
            right: shift(right),
            flipped: self.flip && flip >> 31 == 1,
        }
    }
}

impl Moved {
    /// Which pixel of an image is in this row and column of the augmented one; `None` for the zeros beside it.
    #[inline(always)]
    pub fn source(self, [height, width]: [usize; 2], row: usize, column: usize) -> Option<usize> {
        let column = if self.flipped {
            width - 1 - column
        } else {
            column
        };
        let row = row.wrapping_add_signed(self.down.into());
        let column = column.wrapping_add_signed(self.right.into());
        (row < height && column < width).then(|| row * width + column)
    }
}

/// The most zeros on a side: shifts have 16 bits.
const MOST_PADDING: u64 = 1024;

/// `[augment]`, which may be left out.
pub(crate) fn read_augment(top: &Fields) -> Result<Option<Spanned<Augment>>, SpecError> {
    const NONE: &[Key] = &[];
    if !top.table.contains_key("augment") {
        return Ok(None);
    }
    let fields = top.table("augment", NONE)?;
    fields.check_keys(&["crop_padding", "flip"], &[]);
    let padding = fields.get("crop_padding");
    let padding = padding.map(|value| fields.as_size("crop_padding", value, "4", 0..=MOST_PADDING));
    let augment = Augment {
        crop_padding: fields.noted(padding.unwrap_or(Ok(0)), 0),
        flip: fields.optional_boolean("flip", false),
    };
    let is_any = augment != Augment::default();
    fields.finish(is_any.then(|| Spanned::new(fields.span(), augment)))
}

impl Augment {
    /// What speaks against augmenting samples of this shape.
    pub(crate) fn check(&self, sample: &[usize], learns_input: bool) -> Result<(), Problem> {
        let [height, width, _] = *sample else {
            let what = "[augment] is for images, and a sample is a row of values";
            return Err(Problem::new(what, "leave [augment] out"));
        };
        if learns_input {
            let what =
                "[augment] moves what goes in, and this net learns its input as it is stored";
            return Err(Problem::new(what, "leave [augment] out"));
        }
        if self.crop_padding >= height.min(width) {
            let what = format!(
                "crop_padding must be less than the height and the width, which are {height} and {width}"
            );
            return Err(Problem::new(what, "write crop_padding = 4, for example"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crop_and_either_side_is_drawn_about_as_often() {
        let augment = Augment {
            crop_padding: 2,
            flip: true,
        };
        let mut counts = [[0; 5]; 2];
        let mut flipped = 0;
        for sample in 0..5000 {
            let moved = augment.moved(1, 1 + u64::from(sample % 7), sample);
            counts[0][(moved.down + 2) as usize] += 1;
            counts[1][(moved.right + 2) as usize] += 1;
            flipped += i32::from(moved.flipped);
        }
        // 1000 expected with a standard deviation of 28, and 2500 with one of 35.
        let is_even = |count: &i32| (880..1120).contains(count);
        assert!(counts.iter().flatten().all(is_even), "{counts:?}");
        assert!((2350..2650).contains(&flipped), "{flipped}");
        let draws = [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2), (1, 1 << 33, 1)];
        let draws = draws.map(|(seed, step, sample)| augmentation_draw(seed, step, sample));
        for (index, draw) in draws.iter().enumerate() {
            assert!(!draws[..index].contains(draw));
        }
    }

    #[test]
    fn a_pixel_is_looked_up_where_it_was() {
        let moved = |down, right, flipped| Moved {
            down,
            right,
            flipped,
        };
        let all = |moved: Moved| -> Vec<Option<usize>> {
            let places = (0..2).flat_map(|row| (0..3).map(move |column| (row, column)));
            places
                .map(|(row, column)| moved.source([2, 3], row, column))
                .collect()
        };
        let some = |places: [usize; 6]| places.map(Some).to_vec();
        assert_eq!(all(moved(0, 0, false)), some([0, 1, 2, 3, 4, 5]));
        assert_eq!(all(moved(0, 0, true)), some([2, 1, 0, 5, 4, 3]));
        let expected = [Some(4), Some(5), None, None, None, None];
        assert_eq!(all(moved(1, 1, false)), expected);
        let expected = [None, None, None, Some(1), Some(0), None];
        assert_eq!(all(moved(-1, -1, true)), expected);
    }
}
