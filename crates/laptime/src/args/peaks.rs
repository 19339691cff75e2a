//! `--peaks`: a card that need not be here, by its name or its figures.

use std::str::FromStr;

use laptime_gpu::{CARDS, Card, Peaks};

/// What a step is predicted from.
#[derive(Debug, Clone, PartialEq)]
pub struct PeaksArg {
    /// What the card is called.
    pub name: String,
    /// Its figures.
    pub peaks: Peaks,
}

impl FromStr for PeaksArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains(',') {
            let card = Card::find(text).ok_or_else(|| {
                let known = CARDS.map(|card| card.name).join(", ");
                format!(
                    "no known card; known: {known}; or state three numbers, as in 13.4T,616G,68"
                )
            })?;
            return Ok(Self {
                name: card.name.into(),
                peaks: Peaks::of_card(card),
            });
        }
        let numbers: Vec<&str> = text.split(',').map(str::trim).collect();
        let [flops, bytes_per_s, multiprocessors] = numbers[..] else {
            return Err(
                "three numbers are needed: FLOP/s in fp32, bytes/s, multiprocessors; 13.4T,616G,68"
                    .into(),
            );
        };
        let most = 1 << 16;
        let count = multiprocessors.parse().ok();
        let count = count.filter(|count| (1..=most).contains(count));
        let peaks = Peaks::of(
            quantity("FLOP/s", flops)?,
            quantity("bytes/s", bytes_per_s)?,
            count.ok_or_else(|| {
                format!("multiprocessors \"{multiprocessors}\": a whole number from 1 to {most}")
            })?,
        );
        Ok(Self {
            name: format!("a card of {text}"),
            peaks,
        })
    }
}

/// A number with a suffix of thousands: `13.4T`.
fn quantity(of: &str, text: &str) -> Result<f64, String> {
    let suffixes = [("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12)];
    let (digits, factor) = suffixes
        .iter()
        .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
        .unwrap_or((text, 1.0));
    let number = digits.parse::<f64>().ok().map(|number| number * factor);
    // Slower than any card, or faster than all: a suffix was forgotten, or is one too many.
    number
        .filter(|number| (1e6..=1e18).contains(number))
        .ok_or_else(|| {
            format!("{of} \"{text}\": a number from 1M to 1000000T, with one of the suffixes k, M, G and T")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_names_of_cards_are_understood() {
        let by_figures: PeaksArg = "13.4T,616G,68".parse().unwrap();
        let by_name: PeaksArg = "NVIDIA GeForce RTX 2080 Ti".parse().unwrap();
        assert_eq!(by_figures.peaks, by_name.peaks);
        assert_eq!(by_name.name, "RTX 2080 Ti");
        assert_eq!(by_figures.name, "a card of 13.4T,616G,68");
        let spaced: PeaksArg = "13400G, 616000M, 68".parse().unwrap();
        assert_eq!(spaced.peaks, by_name.peaks);
    }

    #[test]
    fn what_is_neither_is_refused_with_what_would_be_right() {
        for (text, says) in [
            ("RTX 9999", "RTX 2080 Ti"),
            ("", "13.4T,616G,68"),
            ("13.4T,616G", "three numbers"),
            ("13.4T,616G,68,1", "three numbers"),
            ("13.4T,616G,0", "from 1 to"),
            ("13.4T,616G,6.5", "from 1 to"),
            ("13.4,616G,68", "suffixes"),
            ("-13.4T,616G,68", "suffixes"),
            ("NaNT,616G,68", "suffixes"),
            ("infT,616G,68", "suffixes"),
            ("13.4X,616G,68", "suffixes"),
            ("1T,,68", "suffixes"),
        ] {
            let what = text.parse::<PeaksArg>().unwrap_err();
            assert!(what.contains(says), "{text}: {what}");
        }
    }
}
