//! Losses that are not finite: where a training diverged, and how JSON says so.

use laptime_engine::NotFinite;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the loss of a training was not finite for the first time: the training diverged. It goes on
/// to its end all the same, because its times are those of the steps that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Divergence {
    /// The epoch, from 1.
    #[schemars(range(min = 1))]
    pub epoch: u64,
    /// The step of this epoch, from 1, whose loss was not finite; the first that it can have been,
    /// where the engine does not show the loss of every step.
    #[schemars(range(min = 1))]
    pub step: u64,
    /// The last step that it can have been; the same as `step` where that is known exactly.
    #[schemars(range(min = 1))]
    pub last_step: u64,
}

impl Divergence {
    /// Where steps of so many samples ceased to have a finite loss in this epoch, counted from 0.
    pub(crate) fn of(place: NotFinite, epoch: usize, batch_size: u64) -> Self {
        let step = place.after / batch_size + 1;
        Self {
            epoch: epoch as u64 + 1,
            step,
            last_step: place.by.div_ceil(batch_size).max(step),
        }
    }
}

/// A loss as JSON has it: a number, or a word where it is not finite, as in ProtoJSON. Records of
/// earlier builds have null there, whatever the loss was; it is read as NaN.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Loss {
    /// A finite loss.
    Number(f64),
    /// One that is not.
    Word(Word),
    /// One that is not, in records of earlier builds.
    Unknown,
}

/// What is not finite.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) enum Word {
    /// Not a number.
    NaN,
    /// Above all numbers.
    Infinity,
    /// Below all numbers.
    #[serde(rename = "-Infinity")]
    MinusInfinity,
}

impl From<Loss> for f64 {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Number(loss) => loss,
            Loss::Word(Word::NaN) | Loss::Unknown => Self::NAN,
            Loss::Word(Word::Infinity) => Self::INFINITY,
            Loss::Word(Word::MinusInfinity) => Self::NEG_INFINITY,
        }
    }
}

/// For `#[serde(with)]` on the field of a loss.
pub(crate) mod loss {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Loss, Word};

    pub(crate) fn serialize<S: Serializer>(loss: &f64, to: S) -> Result<S::Ok, S::Error> {
        let written = if loss.is_finite() {
            Loss::Number(*loss)
        } else if loss.is_nan() {
            Loss::Word(Word::NaN)
        } else if *loss > 0.0 {
            Loss::Word(Word::Infinity)
        } else {
            Loss::Word(Word::MinusInfinity)
        };
        written.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Loss::deserialize(from).map(f64::from)
    }
}
