//! The one source of randomness: Philox4x32-10, a counter-based generator.
//!
//! Every value is a pure function of (seed, stream, index), so that initial weights, batch orders
//! and synthetic samples are the same on every machine, in every engine, for any number of
//! threads, and can be made in any order.
//!
//! J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw: "Parallel Random Numbers: As Easy as
//! 1, 2, 3", SC '11. The constants and the test vectors are the paper's (Random123's `kat_vectors`).

/// What a stream of random values is for. Streams with different numbers never overlap: the
/// purpose and its number are half of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Initial weights; the number is the parameter's place in the Program.
    Weights = 1,
    /// The order of samples; the number is the epoch, from 0.
    Order = 2,
    /// Synthetic training samples; the number is the sample.
    SyntheticTrain = 3,
    /// Synthetic test samples; the number is the sample.
    SyntheticTest = 4,
    /// The prototypes of synthetic classes; the number is the class.
    SyntheticClass = 5,
    /// What dropout drops; the number is the layer.
    Dropout = 6,
    /// Resamples of the bootstrap; the number is 0.
    Resample = 7,
    /// The order of engines in a race; the number is the round.
    Race = 8,
    /// How an image is augmented.
    Augment = 9,
}

/// The value, uniform in [0, 1), that decides over one value of a dropout layer in one step: the
/// `index % 4`-th of the block at counter (index / 4, step). Steps and a batch's values have 32 bits.
pub fn dropout_unit(seed: u64, layer: u32, step: u64, index: u64) -> f64 {
    dropout_units(seed, layer, step, index / 4)[(index % 4) as usize]
}

/// The draws of four values in a row, from a multiple of four on: `block` is a quarter of the first one's index.
pub fn dropout_units(seed: u64, layer: u32, step: u64, block: u64) -> [f64; 4] {
    let counter = [block as u32, step as u32, layer, Purpose::Dropout as u32];
    philox4x32_10(counter, [seed as u32, (seed >> 32) as u32]).map(unit)
}

/// The random bits that decide how a sample is augmented in a step, which has 48 of them.
pub(crate) fn augmentation_draw(seed: u64, step: u64, sample: u32) -> [u32; 4] {
    let purpose = Purpose::Augment as u32 | ((step >> 32) as u32) << 16;
    let counter = [sample, step as u32, 0, purpose];
    philox4x32_10(counter, [seed as u32, (seed >> 32) as u32])
}

/// The multiples of 2⁻²⁴ in [0, 1) from 32 random bits.
fn unit(bits: u32) -> f64 {
    f64::from(bits >> 8) / f64::from(1u32 << 24)
}

/// A stream of random values, read in sequence.
#[derive(Debug, Clone)]
pub struct Stream {
    key: [u32; 2],
    purpose: u32,
    number: u32,
    block: u64,
    values: [u32; 4],
    used: usize,
}

impl Stream {
    /// The stream of `seed` for `purpose`, number `number`, at its beginning.
    pub fn new(seed: u64, purpose: Purpose, number: u32) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            purpose: purpose as u32,
            number,
            block: 0,
            values: [0; 4],
            used: 4,
        }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == 4 {
            let counter = [
                self.block as u32,
                (self.block >> 32) as u32,
                self.number,
                self.purpose,
            ];
            self.values = philox4x32_10(counter, self.key);
            self.block += 1;
            self.used = 0;
        }
        self.used += 1;
        self.values[self.used - 1]
    }

    /// The next value, uniform over the multiples of 2⁻²⁴ in [0, 1).
    pub fn next_unit(&mut self) -> f64 {
        unit(self.next_u32())
    }

    /// The next value below `bound`, by the high half of a product. For the bounds used here
    /// (below 2¹⁷) the bias is under 2⁻¹⁵ of a value's probability: of no consequence to a
    /// shuffle, and it keeps the number of draws fixed.
    pub fn next_below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }
}

fn philox4x32_10(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key[0] = key[0].wrapping_add(0x9E37_79B9);
            key[1] = key[1].wrapping_add(0xBB67_AE85);
        }
        let product0 = u64::from(counter[0]) * 0xD251_1F53;
        let product1 = u64::from(counter[2]) * 0xCD9E_8D57;
        counter = [
            (product1 >> 32) as u32 ^ counter[1] ^ key[0],
            product1 as u32,
            (product0 >> 32) as u32 ^ counter[3] ^ key[1],
            product0 as u32,
        ];
    }
    counter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers_of_random123() {
        let ones = u32::MAX;
        let table = [
            (
                [0; 4],
                [0; 2],
                [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8],
            ),
            (
                [ones; 4],
                [ones; 2],
                [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd],
            ),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in table {
            assert_eq!(philox4x32_10(counter, key), expected);
        }
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_number() {
        let first = |seed, purpose, number| Stream::new(seed, purpose, number).next_u32();
        let values = [
            first(1, Purpose::Weights, 0),
            first(2, Purpose::Weights, 0),
            first(1 << 32, Purpose::Weights, 0),
            first(1, Purpose::Order, 0),
            first(1, Purpose::Weights, 1),
        ];
        for (i, a) in values.iter().enumerate() {
            assert!(values[i + 1..].iter().all(|b| a != b), "{values:?}");
        }
    }

    #[test]
    fn values_stay_in_their_range_and_fill_it() {
        let mut stream = Stream::new(7, Purpose::Weights, 0);
        let mean = (0..10_000).map(|_| stream.next_unit()).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        let mut seen = [0; 10];
        for _ in 0..10_000 {
            seen[stream.next_below(10) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
