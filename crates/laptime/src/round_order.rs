//! Who comes when in rounds of a race or a sweep.

use laptime_workload::random::{Purpose, Stream};

/// The order of a round, from the seed, so that it can be repeated to the letter: two rounds at a time
/// have an order and its reverse (ABBA), so that what drifts over them falls on all alike.
pub fn round_order(count: usize, seed: u64, round: u32) -> Vec<usize> {
    let mut stream = Stream::new(seed, Purpose::Race, round / 2);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, stream.next_below(last as u32 + 1) as usize);
    }
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_an_order_of_its_own_that_can_be_had_again() {
        let orders: Vec<Vec<usize>> = (0..8).map(|round| round_order(4, 1, round)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        assert!(orders.iter().any(|order| *order != orders[0]));
        assert_eq!(round_order(4, 1, 3), orders[3]);
        for pair in orders.chunks(2) {
            assert!(pair[0].iter().rev().eq(&pair[1]), "{pair:?}");
        }
    }
}
