//! What rounding on the way may make of a step, told by an oracle that rounds coarsely.

use laptime_graph::{BatchNorm, Op};

use crate::shares::{channel_sums, fill_rows};

/// Whether results are rounded on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rounding {
    /// Never: the truth.
    #[default]
    None,
    /// The result of every operation, to 18 significant bits: 64 times as coarsely as single
    /// precision. The difference from the truth tells how much rounding a step of this model shows.
    ///
    /// Up or down by chance, as likely as each is near (the same every time for a number of draw): to
    /// the nearest, values that are equal would err alike, and where they cancel, as a gradient's do
    /// before a batch norm, tell of no error at all.
    ///
    /// The sums over a whole batch that may cancel err by as much of the values added, not of what
    /// is left: the mean in a batch norm, and the gradients of norms and biases.
    Coarse {
        /// Another one gives other chances.
        draw: u32,
    },
}

/// Of a fraction of 52 bits, what goes beyond 18 significant ones.
const DROPPED: u32 = 52 - 17;
/// The distance of two values of 18 significant bits, relative to them, at the most.
const COARSE: f64 = 1.0 / (1u64 << 17) as f64;

impl Rounding {
    /// Rounds what an operation made of these inputs (which nobody asks for of an update).
    pub(crate) fn round(self, op: &Op, inputs: &[&[f64]], outputs: &mut [Vec<f64>]) {
        let Self::Coarse { draw } = self else {
            return;
        };
        disturb_sums(op, inputs, outputs, draw);
        for tensor in outputs {
            // Drawing a chance takes as long as reading a few values.
            let values = 8 * tensor.len();
            fill_rows(tensor, 1, values, |first, tensor| {
                for (number, value) in tensor.iter_mut().enumerate() {
                    if value.is_finite() {
                        let chance = chance(*value, first + number, draw);
                        let bits = value.to_bits() + (chance >> (64 - DROPPED));
                        *value = f64::from_bits(bits >> DROPPED << DROPPED);
                    }
                }
            });
        }
    }
}

/// Gives each sum in an operation the error that adding rounded values may leave.
///
/// Rounding values one by one does not tell of it: over the fifty thousand values of a channel of
/// images such errors cancel, but an engine's sum is rounded as it grows, and its mean before it is
/// taken from all of them alike. Behind another batch norm, say, the true mean is 0, and so is the
/// gradient of that norm's bias.
fn disturb_sums(op: &Op, inputs: &[&[f64]], outputs: &mut [Vec<f64>], draw: u32) {
    match (op, inputs, outputs) {
        (
            Op::BatchNorm(BatchNorm { momentum, .. }),
            [x, gamma, ..],
            [y, mean, inverse_deviation, moving_mean, _],
        ) => {
            let channels = gamma.len();
            let count = (x.len() / channels) as f64;
            let mut errors = errors_of_sums(x.len(), channels, draw, |index, _| x[index]);
            for c in 0..channels {
                errors[c] /= count;
                mean[c] += errors[c];
                moving_mean[c] += (1.0 - momentum) * errors[c];
                errors[c] *= gamma[c] * inverse_deviation[c];
            }
            fill_rows(y, channels, 2 * x.len(), |_, y| {
                for row in y.chunks_mut(channels) {
                    for c in 0..channels {
                        row[c] -= errors[c];
                    }
                }
            });
        }
        (Op::BatchNormGrad(_), [dy, x, gamma, mean, inverse_deviation], [dx, d_gamma, d_beta]) => {
            let channels = gamma.len();
            let count = (x.len() / channels) as f64;
            let normed = |index: usize, c: usize| (x[index] - mean[c]) * inverse_deviation[c];
            let product = |index: usize, c: usize| dy[index] * normed(index, c);
            let of_gamma = errors_of_sums(dy.len(), channels, draw, product);
            let of_beta = errors_of_sums(dy.len(), channels, draw, |index, _| dy[index]);
            for c in 0..channels {
                d_gamma[c] += of_gamma[c];
                d_beta[c] += of_beta[c];
            }
            fill_rows(dx, channels, 2 * x.len(), |first, dx| {
                for (row, dx) in dx.chunks_mut(channels).enumerate() {
                    for c in 0..channels {
                        let normed = normed((first + row) * channels + c, c);
                        let error = (of_beta[c] + normed * of_gamma[c]) / count;
                        dx[c] -= gamma[c] * inverse_deviation[c] * error;
                    }
                }
            });
        }
        (Op::BiasGrad(_), [dy], [db]) => {
            let errors = errors_of_sums(dy.len(), db.len(), draw, |index, _| dy[index]);
            for (db, error) in db.iter_mut().zip(errors) {
                *db += error;
            }
        }
        _ => {}
    }
}

/// For each channel (the last extent), the error of a sum over all else: a share, by chance, of what a
/// sum of this size may err by. `value` gives the value of an index and its channel.
fn errors_of_sums(
    values: usize,
    channels: usize,
    draw: u32,
    value: impl Fn(usize, usize) -> f64 + Sync,
) -> Vec<f64> {
    let sizes = channel_sums(values / channels, channels, |rows, sizes| {
        for row in rows {
            for (c, size) in sizes.iter_mut().enumerate() {
                *size += value(row * channels + c, c).abs();
            }
        }
    });
    let error = |(c, size): (usize, f64)| {
        // In −1..1.
        let share = chance(size, c, draw) as f64 / (1u64 << 63) as f64 - 1.0;
        COARSE * size * share
    };
    sizes.into_iter().enumerate().map(error).collect()
}

/// 64 bits that look random, for the value at an index.
fn chance(value: f64, index: usize, draw: u32) -> u64 {
    mixed(value.to_bits() ^ mixed(index as u64 ^ u64::from(draw) << 40))
}

/// The step of SplitMix64 (Steele, Lea & Flood 2014).
fn mixed(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
