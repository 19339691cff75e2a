//! Batch sizes as the command line states them.

use std::str::FromStr;

/// The batch sizes of a sweep, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(pub Vec<u64>);

/// More would take longer than anybody waits, and tell no more.
const MOST: usize = 64;

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WANTED: &str = "give a range, as 16..1024, or a list, as 32,64,96: two different sizes or more, from 1 on";
        let size = |text: &str| text.trim().parse::<u64>().ok().filter(|size| *size > 0);
        let sizes: Option<Vec<u64>> = match text.split_once("..") {
            Some((from, to)) => match (size(from), size(to)) {
                (Some(from), Some(to)) if from < to => Some(doubling(from, to)),
                _ => None,
            },
            None => text.split(',').map(size).collect(),
        };
        let mut sizes = sizes.ok_or(WANTED)?;
        sizes.sort_unstable();
        sizes.dedup();
        match sizes.len() {
            2..=MOST => Ok(Self(sizes)),
            0 | 1 => Err(WANTED.into()),
            _ => Err(format!("these are more than {MOST} sizes")),
        }
    }
}

/// From one end on twice as many each time, and the other end.
fn doubling(from: u64, to: u64) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut size = from;
    while size < to {
        sizes.push(size);
        size = size.saturating_mul(2);
    }
    sizes.push(to);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_doubles_and_has_both_ends() {
        let sizes = |text: &str| text.parse::<Sizes>().map(|sizes| sizes.0);
        assert_eq!(sizes("16..128"), Ok(vec![16, 32, 64, 128]));
        assert_eq!(sizes("3..10"), Ok(vec![3, 6, 10]));
        assert_eq!(sizes("96, 32,32"), Ok(vec![32, 96]));
        assert_eq!(
            sizes("1..18446744073709551615").map(|it| it.len()),
            Err("these are more than 64 sizes".into())
        );
        for wrong in [
            "", "16", "16..16", "64..16", "0..8", "-1..8", "a..b", "1..", "1,x",
        ] {
            assert!(sizes(wrong).is_err(), "{wrong}");
        }
    }
}
