//! Random orders: of the training samples in an epoch, of the engines in a round of a race.

use crate::random::{Purpose, Stream};

/// The order of samples in epoch `epoch` (from 0): a Fisher-Yates shuffle (Durstenfeld's form,
/// from the last place to the first) of `0..samples`, drawn from the seed's stream for that
/// epoch, or the stored order where the workload does not shuffle.
pub fn epoch_order(seed: u64, epoch: usize, samples: usize, shuffle: bool) -> Vec<u32> {
    let samples = u32::try_from(samples).expect("datasets have fewer than 2³² samples");
    if shuffle {
        shuffled(samples, Stream::new(seed, Purpose::Order, epoch as u32))
    } else {
        (0..samples).collect()
    }
}

/// The order in which `engines` engines run in round `round` (from 0) of a race, drawn from the
/// seed's stream for that round: whatever drifts with time, such as a processor's temperature,
/// then meets each of them alike.
pub fn race_order(seed: u64, round: u32, engines: u32) -> Vec<u32> {
    shuffled(engines, Stream::new(seed, Purpose::Race, round))
}

fn shuffled(count: u32, mut stream: Stream) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, stream.next_below(last as u32 + 1) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_visits_every_sample_once_and_differs_by_epoch_and_seed() {
        let order = epoch_order(1, 0, 1000, true);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        assert_eq!(order, epoch_order(1, 0, 1000, true));
        assert_ne!(order, epoch_order(1, 1, 1000, true));
        assert_ne!(order, epoch_order(2, 0, 1000, true));
        assert_eq!(epoch_order(1, 0, 1000, false), sorted);
    }

    #[test]
    fn every_engine_is_at_every_place_of_a_round_about_as_often() {
        let mut counts = [[0u32; 3]; 3];
        for round in 0..600 {
            for (place, engine) in race_order(1, round, 3).into_iter().enumerate() {
                counts[place][engine as usize] += 1;
            }
        }
        // 200 expected; their standard deviation is 11.5.
        assert!(
            counts.iter().flatten().all(|n| n.abs_diff(200) < 60),
            "{counts:?}"
        );
        assert_eq!(race_order(7, 3, 4), race_order(7, 3, 4));
    }
}
