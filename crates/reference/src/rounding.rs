//! What rounding on the way may make of a step, told by an oracle that rounds coarsely.

use laptime_graph::Op;

use crate::{chance::chance, ops, shares::fill_rows};

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

impl Rounding {
    /// Rounds what an operation made of these inputs (which nobody asks for of an update).
    pub(crate) fn round(self, op: &Op, inputs: &[&[f64]], outputs: &mut [Vec<f64>]) {
        let Self::Coarse { draw } = self else {
            return;
        };
        ops::disturb_sums(op, inputs, outputs, draw);
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
