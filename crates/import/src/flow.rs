//! What flows through the net: how an ONNX value without its batch lies in laptime's, which is channels last.
//! Nothing that ONNX does with axes alone (`Transpose`, `Squeeze`) moves anything: it changes what is said here.

use crate::{constant::strides, order::Order};

/// Where a value of the net comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The net's input.
    Input,
    /// A layer, by its number.
    Layer(usize),
    /// An expression that is no layer yet, by its number.
    Pointwise(usize),
    /// One of all channels, by its number.
    Channels(usize),
}

/// A value of the net.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flow {
    pub place: Place,
    /// ONNX's shape of one sample.
    pub dims: Vec<usize>,
    pub layout: Layout,
}

/// How ONNX's axes lie in what laptime has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layout {
    /// An image: the axes that are its height, width and channels. `None` is an axis that ONNX does not have, as it
    /// has the extent 1.
    Image([Option<usize>; 3]),
    /// A row: where each of its values is in ONNX's order of them; `None` where it is the same.
    Row(Option<Order>),
}

impl Flow {
    /// An image with the channels first: C×H×W or C×L.
    pub fn channels_first(place: Place, dims: Vec<usize>) -> Self {
        let axes = match dims.len() {
            2 => [None, Some(1), Some(0)],
            _ => [Some(1), Some(2), Some(0)],
        };
        Self {
            place,
            dims,
            layout: Layout::Image(axes),
        }
    }

    /// A row.
    pub fn row(place: Place, values: usize) -> Self {
        Self {
            place,
            dims: vec![values],
            layout: Layout::Row(None),
        }
    }

    /// Another value with the same axes.
    pub fn at(&self, place: Place) -> Self {
        Self {
            place,
            ..self.clone()
        }
    }

    /// How many values a sample has.
    pub fn values(&self) -> usize {
        self.dims.iter().product()
    }

    /// laptime's shape of one sample.
    pub fn shape(&self) -> Vec<usize> {
        match &self.layout {
            Layout::Image(axes) => axes
                .map(|axis| axis.map_or(1, |axis| self.dims[axis]))
                .into(),
            Layout::Row(_) => vec![self.values()],
        }
    }

    /// Where each value of laptime's is in ONNX's order; `None` where it is the same.
    pub fn order(&self) -> Option<Order> {
        match &self.layout {
            Layout::Row(order) => order.clone(),
            Layout::Image(axes) => {
                let steps = strides(&self.dims);
                let steps = axes.map(|axis| axis.map_or(0, |axis| steps[axis]));
                Order::of_image(&self.shape(), &steps)
            }
        }
    }

    /// Whether `axis` is what laptime has last: an image's channels, a row's values.
    pub fn is_last(&self, axis: usize) -> bool {
        match &self.layout {
            Layout::Image([_, _, channels]) => *channels == Some(axis),
            Layout::Row(_) => self.dims.get(axis).is_some_and(|dim| *dim == self.values()),
        }
    }

    /// The axes that say where in an image a value is.
    pub fn positions(&self) -> Vec<usize> {
        match &self.layout {
            Layout::Image([height, width, _]) => [*height, *width].into_iter().flatten().collect(),
            Layout::Row(_) => Vec::new(),
        }
    }

    /// The same values with axes in another order.
    pub fn transposed(&self, order: &[usize]) -> Option<Self> {
        let dims = order.iter().map(|axis| self.dims[*axis]).collect();
        let layout = match &self.layout {
            Layout::Image(axes) => {
                let moved = |axis: usize| order.iter().position(|from| *from == axis);
                Layout::Image(axes.map(|axis| axis.and_then(moved)))
            }
            // Axes of the extent 1 can go where they like.
            Layout::Row(row) => {
                let long = order.iter().filter(|axis| self.dims[**axis] != 1);
                if !long.is_sorted() {
                    return None;
                }
                Layout::Row(row.clone())
            }
        };
        Some(Self {
            place: self.place,
            dims,
            layout,
        })
    }

    /// The same values in a shape that differs by axes of the extent 1 alone.
    pub fn with_ones(&self, dims: &[usize]) -> Option<Self> {
        let long = |dims: &[usize]| -> Vec<usize> {
            (0..dims.len()).filter(|axis| dims[*axis] != 1).collect()
        };
        let (from, to) = (long(&self.dims), long(dims));
        let extents = |axes: &[usize], dims: &[usize]| -> Vec<usize> {
            axes.iter().map(|axis| dims[*axis]).collect()
        };
        if extents(&from, &self.dims) != extents(&to, dims) {
            return None;
        }
        let moved = |axis: usize| from.iter().position(|one| *one == axis).map(|at| to[at]);
        let layout = match &self.layout {
            Layout::Image(axes) => {
                Layout::Image(image_axes(axes.map(|axis| axis.and_then(moved)), dims))
            }
            Layout::Row(order) => Layout::Row(order.clone()),
        };
        Some(Self {
            place: self.place,
            dims: dims.to_vec(),
            layout,
        })
    }
}

/// Gives axes of the extent 1 to what has none, in the order channels, height, width, so that an image of one channel
/// or one row of pixels has all its axes.
fn image_axes(mut axes: [Option<usize>; 3], dims: &[usize]) -> [Option<usize>; 3] {
    const CHANNELS_FIRST: [usize; 3] = [2, 0, 1];
    for which in CHANNELS_FIRST {
        if axes[which].is_none() {
            axes[which] =
                (0..dims.len()).find(|axis| dims[*axis] == 1 && !axes.contains(&Some(*axis)));
        }
    }
    axes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_lies_channels_last() {
        let image = Flow::channels_first(Place::Input, vec![2, 1, 3]);
        assert_eq!(image.shape(), [1, 3, 2]);
        let order: Vec<usize> = image.order().unwrap().places().collect();
        assert_eq!(order, [0, 3, 1, 4, 2, 5]);
        assert_eq!(
            Flow::channels_first(Place::Input, vec![1, 4, 4]).order(),
            None
        );
        assert_eq!(
            Flow::channels_first(Place::Input, vec![4, 1, 1]).order(),
            None
        );
        let signal = Flow::channels_first(Place::Input, vec![2, 3]);
        assert_eq!(signal.shape(), [1, 3, 2]);
    }

    #[test]
    fn transposing_moves_nothing() {
        let image = Flow::channels_first(Place::Input, vec![2, 5, 3]);
        let last = image.transposed(&[1, 2, 0]).unwrap();
        assert_eq!((last.shape(), last.order()), (vec![5, 3, 2], None));
        assert!(last.is_last(2) && !last.is_last(0));
        let row = Flow::row(Place::Input, 4).with_ones(&[4, 1, 1]).unwrap();
        assert_eq!(row.transposed(&[1, 2, 0]).unwrap().dims, [1, 1, 4]);
    }

    #[test]
    fn axes_of_one_come_and_go() {
        let image = Flow::channels_first(Place::Input, vec![2, 1, 3]);
        let signal = image.with_ones(&[2, 3]).unwrap();
        assert_eq!(signal.shape(), [1, 3, 2]);
        assert!(image.with_ones(&[3, 2]).is_none());
        // 28×28×1, as Keras has it, to 1×28×28.
        let last = Flow {
            place: Place::Input,
            dims: vec![28, 28, 1],
            layout: Layout::Image([Some(0), Some(1), Some(2)]),
        };
        let first = last.with_ones(&[1, 28, 28]).unwrap();
        assert_eq!(first, Flow::channels_first(Place::Input, vec![1, 28, 28]));
    }
}
