//! In which order laptime has the values of a row: of a flattened image, whose channels are last here and first in
//! ONNX. Said by axes, so that it costs nothing until weights are put in order by it.

use std::rc::Rc;

use crate::constant::{positions, strides};

/// Where each of laptime's values is in ONNX's order of them: pieces, one behind the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order(Rc<[Piece]>);

/// Values that were one image.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    /// Where its first value is.
    first: usize,
    /// Extents of laptime's axes, and how far apart neighbours are in ONNX's order.
    sizes: Vec<usize>,
    steps: Vec<usize>,
}

impl Order {
    /// That of an image: laptime's extents, and ONNX's distances; `None` where both have the same order.
    pub fn of_image(sizes: &[usize], steps: &[usize]) -> Option<Self> {
        let long = sizes.iter().zip(steps).filter(|(size, _)| **size != 1);
        let (sizes, steps): (Vec<usize>, Vec<usize>) = long.unzip();
        if steps == strides(&sizes) {
            return None;
        }
        let piece = Piece {
            first: 0,
            sizes,
            steps,
        };
        Some(Self(Rc::new([piece])))
    }

    /// That of rows, one behind the other, each with its values.
    pub fn of_rows(rows: &[(Option<Self>, usize)]) -> Option<Self> {
        if rows.iter().all(|(order, _)| order.is_none()) {
            return None;
        }
        let mut pieces = Vec::new();
        let mut before = 0;
        for (order, values) in rows {
            match order {
                Some(Self(of)) => pieces.extend(of.iter().map(|piece| Piece {
                    first: piece.first + before,
                    ..piece.clone()
                })),
                None => pieces.push(Piece {
                    first: before,
                    sizes: vec![*values],
                    steps: vec![1],
                }),
            }
            before += values;
        }
        Some(Self(pieces.into()))
    }

    /// The places in ONNX's order, in laptime's.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.0
            .iter()
            .flat_map(|piece| positions(&piece.sizes, &piece.steps).map(move |at| piece.first + at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_one_channel_has_its_order() {
        assert_eq!(Order::of_image(&[4, 4, 1], &[4, 1, 16]), None);
        assert_eq!(Order::of_image(&[1, 1, 4], &[1, 1, 1]), None);
    }

    #[test]
    fn rows_lie_behind_each_other() {
        // 1×3×2 here, 2×1×3 there.
        let image = Order::of_image(&[1, 3, 2], &[3, 1, 3]);
        let places: Vec<usize> = image.clone().unwrap().places().collect();
        assert_eq!(places, [0, 3, 1, 4, 2, 5]);
        let both = Order::of_rows(&[(None, 2), (image, 6)]).unwrap();
        let places: Vec<usize> = both.places().collect();
        assert_eq!(places, [0, 1, 2, 5, 3, 6, 4, 7]);
    }
}
