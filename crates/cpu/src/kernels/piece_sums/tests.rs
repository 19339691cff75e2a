use laptime_graph::{
    TensorId,
    schedule::{Arena, Buffer, Layout},
};
use laptime_workload::random::{Purpose, Stream};

use super::*;
use crate::kernels::piece_totals::Spread;
use crate::simd::{Isa, Kernel, dispatch};

/// Values as images have them: `[position][channel][sample]`, in whole blocks.
struct Values {
    images: Images,
    all: Vec<f32>,
}

impl Values {
    /// What lies beyond the last sample is not a number.
    fn new(
        [positions, channels, samples]: [usize; 3],
        mut value: impl FnMut(usize) -> f32,
    ) -> Self {
        let stride = samples.next_multiple_of(LANES);
        let all = (0..positions * channels * stride).map(|at| {
            let (channel, sample) = (at / stride % channels, at % stride);
            if sample < samples {
                value(channel)
            } else {
                f32::NAN
            }
        });
        let images = Images {
            // Nothing is read from there.
            place: Place::of(&Buffer {
                tensor: TensorId(0),
                layout: Layout::Rows {
                    columns: 0,
                    stride: 0,
                },
                arena: Arena::Step,
                offset_bytes: 0,
                bytes: 0,
                copies: 1,
                sums_bytes: 0,
            }),
            positions,
            channels,
            samples,
            stride,
            paired: false,
        };
        Self {
            images,
            all: all.collect(),
        }
    }

    fn start(&self, position: usize, channel: usize, sample: usize) -> *const f32 {
        let Images {
            channels, stride, ..
        } = self.images;
        self.all[(position * channels + channel) * stride + sample..].as_ptr()
    }

    /// All values of a channel.
    fn of_channel(&self, channel: usize) -> Vec<f64> {
        let positions = 0..self.images.positions;
        let samples = self.images.samples;
        positions
            .flat_map(|position| {
                let from = (position * self.images.channels + channel) * self.images.stride;
                self.all[from..from + samples]
                    .iter()
                    .copied()
                    .map(f64::from)
            })
            .collect()
    }
}

/// Values without these centres, as both factors.
struct Centred<'a>(&'a Values, Channels);

impl<S: Simd> Terms<S> for Centred<'_> {
    #[inline(always)]
    unsafe fn at(
        &self,
        s: S,
        position: usize,
        channel: usize,
        sample: usize,
    ) -> (S::Block, S::Block) {
        // SAFETY: the values have a whole block there.
        let value = unsafe { s.load(self.0.start(position, channel, sample)) };
        let centred = s.sub(value, s.splat(self.1[channel]));
        (centred, centred)
    }
}

/// The sums of all pieces of the first slice, from memory.
struct InMemory<'a>(&'a Values);

impl Kernel for InMemory<'_> {
    type Output = Vec<PieceSums>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<PieceSums> {
        let values = self.0;
        let (images, pieces) = (values.images, Pieces::of(values.images));
        let channels = images.channels_of(0..1);
        let all = pieces.within(0..images.positions).map(|piece| {
            let mut centres = [0.0; LANES];
            for channel in channels.clone() {
                // SAFETY: the values have this place.
                centres[channel] =
                    unsafe { *values.start(pieces.positions(piece).start, channel, 0) };
            }
            let terms = Centred(values, centres);
            // SAFETY: the values have these channels and pieces.
            unsafe { piece_in_memory(s, pieces, piece, channels.clone(), centres, &terms) }
        });
        all.collect()
    }
}

/// The same while values are in registers, by so many threads that have neighbouring pieces, the last thread first.
struct InRegisters<'a>(&'a Values, usize);

impl Kernel for InRegisters<'_> {
    type Output = Vec<PieceSums>;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> Vec<PieceSums> {
        let Self(values, threads) = self;
        let (images, pieces) = (values.images, Pieces::of(values.images));
        let mut all = vec![None; pieces.count];
        for thread in (0..threads).rev() {
            let mine = share(pieces.count, thread, threads);
            if mine.is_empty() {
                continue;
            }
            let end = pieces.positions(mine.end - 1).end;
            let mut growing = Box::new(Growing {
                run: [[[7.0; LANES]; LANES]; 2],
                longer: [[[7.0; LANES]; LANES]; 2],
                sums: [[7.0; LANES]; 2],
                centres: [7.0; LANES],
                begins: false,
            });
            growing.begin();
            let mut position = pieces.positions(mine.start).start;
            while position < end {
                let run_end = pieces.run_end(position);
                for position in position..run_end {
                    // SAFETY: the piece is there; the values have these places.
                    unsafe {
                        let adding = Adding::new(images, &raw mut *growing);
                        for channel in images.channels_of(0..1) {
                            for block in 0..images.sample_blocks() {
                                let from = values.start(position, channel, block * LANES);
                                let first = values.start(position, channel, 0);
                                adding.add_centred(s, channel, block, s.load(from), first);
                            }
                        }
                    }
                }
                let ended = pieces.ended(run_end);
                if let Some(sums) = growing.end_run(s, images, ended.is_some()) {
                    all[ended.expect("it has ended")] = Some(sums);
                }
                position = run_end;
            }
        }
        all.into_iter()
            .map(|one| one.expect("it is done"))
            .collect()
    }
}

const SHAPES: [[usize; 3]; 10] = [
    [1, 1, 1],
    [1, 40, 16],
    [64, 64, 32],
    [5, 16, 7],
    [16, 33, 100],
    [100, 3, 40],
    [7, 9, 1000],
    [3, 2, 5000],
    [2000, 1, 16],
    [256, 64, 33],
];

#[test]
fn who_makes_which_pieces_changes_no_bit() {
    let mut stream = Stream::new(3, Purpose::Weights, 0);
    for shape in SHAPES {
        let values = Values::new(shape, |_| stream.next_unit() as f32 - 0.3);
        for isa in Isa::available() {
            let expected = dispatch(isa, InMemory(&values));
            for threads in [1, 2, 3, 64] {
                let found = dispatch(isa, InRegisters(&values, threads));
                assert_eq!(found, expected, "{isa}, {shape:?}, {threads} threads");
            }
        }
    }
}

/// Means and variances of the first slice, put together of its pieces.
fn moments(isa: Isa, values: &Values) -> (Channels, Channels) {
    let pieces = Pieces::of(values.images);
    let mut spread = Spread::NONE;
    for (piece, sums) in dispatch(isa, InMemory(values)).iter().enumerate() {
        spread.add(sums, pieces.values(piece));
    }
    spread.moments()
}

/// Also where the mean is a thousand times the deviation, and where all values are the same.
#[test]
fn mean_and_variance_keep_their_digits() {
    let mut stream = Stream::new(4, Purpose::Weights, 0);
    for shape in SHAPES {
        let far = |channel: usize| [0.0, 1000.0, -3e5][channel % 3];
        let values = Values::new(shape, |channel| match channel % 4 {
            3 => 0.1,
            _ => far(channel) + stream.next_unit() as f32 - 0.5,
        });
        for isa in Isa::available() {
            let (means, variances) = moments(isa, &values);
            for channel in values.images.channels_of(0..1) {
                let all = values.of_channel(channel);
                let count = all.len() as f64;
                let mean = all.iter().sum::<f64>() / count;
                let variance = all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / count;
                let what = format!("{isa}, {shape:?}, channel {channel}");
                let error = (f64::from(means[channel]) - mean).abs();
                assert!(
                    error <= 1e-7 * mean.abs().max(1.0),
                    "{what}: mean off by {error:e}"
                );
                let error = (f64::from(variances[channel]) - variance).abs();
                assert!(
                    error <= 1e-5 * variance,
                    "{what}: variance off by {error:e}"
                );
            }
        }
    }
}

#[test]
fn not_a_number_and_infinity_stay_in_the_moments() {
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for place in [0, 40, 63] {
            let mut number = 0;
            let values = Values::new([64, 1, 1], |_| {
                number += 1;
                if number == place + 1 {
                    odd
                } else {
                    number as f32
                }
            });
            for isa in Isa::available() {
                let (means, variances) = moments(isa, &values);
                assert!(
                    !means[0].is_finite() && !variances[0].is_finite(),
                    "{odd} at {place}"
                );
            }
        }
    }
}
