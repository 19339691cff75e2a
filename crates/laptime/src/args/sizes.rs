//! Batch sizes, widths and numbers of threads as the command line states them.

use std::str::FromStr;

/// The values of a sweep, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes(pub Vec<u64>);

/// Where one number of threads is one for all points, and a range is swept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Threads {
    /// So many for all.
    Fixed(u16),
    /// Each of these in turn.
    Swept(Sizes),
}

impl FromStr for Threads {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().parse::<u16>() {
            Ok(threads @ 1..) => Ok(Self::Fixed(threads)),
            _ => {
                let swept: Sizes = text.parse()?;
                match swept.0.last() {
                    Some(most) if *most > u64::from(u16::MAX) => {
                        Err("no machine has so many threads".into())
                    }
                    _ => Ok(Self::Swept(swept)),
                }
            }
        }
    }
}

/// More would take longer than anybody waits, and tell no more.
const MOST: usize = 64;

impl FromStr for Sizes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WANTED: &str = "give a range, as 16..1024, or a list, as 32,64,96: two different sizes or more, from 1 on";
        // A width may be written as a factor: 2x.
        let number = |text: &str| text.trim().trim_end_matches('x').parse::<u64>().ok();
        let size = |text: &str| number(text).filter(|size| *size > 0);
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
        assert_eq!(sizes("1x..4x"), Ok(vec![1, 2, 4]));
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

    #[test]
    fn one_number_of_threads_is_for_all_points() {
        let threads = |text: &str| text.parse::<Threads>();
        assert_eq!(threads("2"), Ok(Threads::Fixed(2)));
        assert_eq!(threads("1..4"), Ok(Threads::Swept(Sizes(vec![1, 2, 4]))));
        for wrong in ["0", "", "1..100000", "two"] {
            assert!(threads(wrong).is_err(), "{wrong}");
        }
    }
}
