//! One of the micro-batches of a training step (gradient accumulation).

/// What a Program does of a step that is several micro-batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MicroBatch {
    /// Samples of a micro-batch; the last of a step may have fewer.
    pub size: usize,
    /// Samples of the whole step, which the loss's gradient divides by.
    pub step_size: usize,
    /// Whether it is the step's last, behind which parameters are updated.
    pub is_last: bool,
}
