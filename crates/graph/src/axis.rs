//! What the axes of tensors mean.

/// What an axis of a tensor means; also the name of the loop that goes along it. A tensor has each at most
/// once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Axis {
    /// The samples of a batch.
    Batch,
    /// An image's rows.
    Height,
    /// An image's columns.
    Width,
    /// The values of an image at one position, of a sample that is a vector, or of a bias and the like.
    Channel,
    /// No tensor's: the loop over the groups of a convolution's channels.
    Group,
    /// Of weights: what the product makes.
    Output,
    /// Of weights: what the product sums over.
    Input,
    /// Of a convolution's weights: the rows of its window.
    KernelHeight,
    /// Of a convolution's weights: the columns of its window.
    KernelWidth,
    /// Of an embedding's table: its rows, one for each symbol.
    Entry,
    /// The one value of a metric.
    Single,
}

/// Axes that a tensor is cut along, flattened in its own order.
pub type Axes = &'static [Axis];

/// The samples of a batch.
pub const SAMPLES: Axes = &[Axis::Batch];
/// The positions of images.
pub const POSITIONS: Axes = &[Axis::Height, Axis::Width];
/// The channels of images, the columns of rows, the values of a vector.
pub const CHANNELS: Axes = &[Axis::Channel];
/// What weights make.
pub const OUTPUTS: Axes = &[Axis::Output];
/// What weights sum over.
pub const INPUTS: Axes = &[Axis::Input];
/// The positions of a convolution's window.
pub const TAPS: Axes = &[Axis::KernelHeight, Axis::KernelWidth];
