//! Well-known cards by what their makers say of them, to predict a step on one that is not here. Figures are of the
//! reference card at the clock that the maker calls boost; a multiprocessor is what its maker counts: streaming
//! multiprocessors (NVIDIA), compute units (AMD), cores of the GPU (Apple).

/// A card.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Card {
    /// What it is called, without its maker.
    pub name: &'static str,
    /// Other words that drivers call it by.
    also: &'static [&'static str],
    /// Floating-point operations a second, single precision, outside of matrix units.
    pub flops: f64,
    /// Bytes a second of its memory.
    pub bytes_per_s: f64,
    /// How many multiprocessors.
    pub multiprocessors: usize,
}

const fn card(
    name: &'static str,
    also: &'static [&'static str],
    (teraflops, gigabytes_per_s): (f64, f64),
    multiprocessors: usize,
) -> Card {
    Card {
        name,
        also,
        flops: teraflops * 1e12,
        bytes_per_s: gigabytes_per_s * 1e9,
        multiprocessors,
    }
}

/// All that are known.
pub const CARDS: [Card; 19] = [
    // NVIDIA, "Turing GPU Architecture" (WP-09183-001), tables of the RTX 2080 Ti (reference) and the Titan RTX.
    card("RTX 2080 Ti", &[], (13.4, 616.0), 68),
    card("TITAN RTX", &[], (16.3, 672.0), 72),
    // NVIDIA, "Tesla V100 GPU Architecture" (WP-08608-001), SXM2.
    card(
        "V100",
        &["V100 SXM2 16GB", "V100 SXM2 32GB"],
        (15.7, 900.0),
        80,
    ),
    // NVIDIA, "Ampere GA102 GPU Architecture", tables of the RTX 3080 (10 GB) and the RTX 3090.
    card("RTX 3080", &[], (29.8, 760.0), 68),
    card("RTX 3090", &[], (35.6, 936.0), 82),
    // NVIDIA, "A100 Tensor Core GPU Architecture" and datasheet (40 GB; 80 GB in the form SXM).
    card(
        "A100 40GB",
        &["A100", "A100 SXM4 40GB", "A100 PCIE 40GB"],
        (19.5, 1555.0),
        108,
    ),
    card("A100 80GB", &["A100 SXM4 80GB"], (19.5, 2039.0), 108),
    // NVIDIA, "Ada GPU Architecture", appendix.
    card("RTX 4090", &[], (82.6, 1008.0), 128),
    // NVIDIA, "H100 Tensor Core GPU Architecture" and datasheets of H100 and H200.
    card("H100 PCIe", &[], (51.2, 2000.0), 114),
    card(
        "H100 SXM",
        &["H100", "H100 SXM5", "H100 80GB HBM3"],
        (66.9, 3350.0),
        132,
    ),
    card("H200", &["H200 SXM"], (66.9, 4800.0), 132),
    // AMD, product pages of the Radeon RX 6800, 6900 XT and 7900 XTX (its peak counts two operations at once).
    card("RX 6800", &[], (16.2, 512.0), 60),
    card("RX 6900 XT", &[], (23.0, 512.0), 80),
    card("RX 7900 XTX", &[], (61.4, 960.0), 96),
    // Apple, "Apple unleashes M1" (November 2020; 8 cores of the GPU); its memory is LPDDR4X-4266, 128 bits wide.
    card("Apple M1", &["M1"], (2.6, 68.3), 8),
    // Apple, "Introducing M1 Pro and M1 Max" (October 2021), with 16 and 32 cores.
    card("Apple M1 Pro", &["M1 Pro"], (5.2, 200.0), 16),
    card("Apple M1 Max", &["M1 Max"], (10.4, 400.0), 32),
    // Apple, "Apple unveils M2" (June 2022), with 10 cores.
    card("Apple M2", &["M2"], (3.6, 100.0), 10),
    // Intel, Arc A770 (16 GB): 512 vector engines of 8 lanes at 2.1 GHz, 32 Xe cores, by its product page.
    card("Arc A770", &[], (17.2, 560.0), 32),
];

/// Words that some put into a card's name and others do not.
const OPTIONAL: [&str; 9] = [
    "nvidia", "geforce", "quadro", "tesla", "amd", "radeon", "intel", "graphics", "gpu",
];

impl Card {
    /// The card of this name, as people or drivers write it: "RTX 2080 Ti", "NVIDIA GeForce RTX 2080 Ti", "AMD
    /// Radeon RX 6900 XT (RADV NAVI21)". Another model of the family is none of it.
    pub fn find(name: &str) -> Option<&'static Self> {
        let wanted = words(name);
        let is_called = |name: &str| words(name) == wanted;
        let mut cards = CARDS.iter();
        cards.find(|card| is_called(card.name) || card.also.iter().any(|name| is_called(name)))
    }
}

/// The words of a name, without what stands in parentheses.
fn words(name: &str) -> Vec<String> {
    let name = name.split('(').next().unwrap_or_default().to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty() && !OPTIONAL.contains(word));
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_found_as_people_and_drivers_write_it() {
        for (name, card) in [
            ("RTX 2080 Ti", "RTX 2080 Ti"),
            ("nvidia geforce rtx 2080 ti", "RTX 2080 Ti"),
            ("NVIDIA H100 80GB HBM3", "H100 SXM"),
            ("NVIDIA H100 PCIe", "H100 PCIe"),
            ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
            ("AMD Radeon RX 6900 XT (RADV NAVI21)", "RX 6900 XT"),
            ("Apple M1", "Apple M1"),
            ("M1 Max", "Apple M1 Max"),
        ] {
            let found = Card::find(name).map_or("", |card| card.name);
            assert_eq!(found, card, "{name}");
        }
    }

    #[test]
    fn another_model_of_the_family_is_not_taken_for_it() {
        for name in [
            "RTX 2080",
            "RTX 3080 Ti",
            "NVIDIA GeForce RTX 3080 Laptop GPU",
            "Apple M1 Ultra",
            "",
            "NVIDIA",
        ] {
            assert_eq!(Card::find(name), None, "{name}");
        }
    }

    /// Of a peak, a bandwidth and a number of multiprocessors written by hand, one may have slipped.
    #[test]
    fn cards_have_names_of_their_own_and_figures_that_fit_each_other() {
        for (place, card) in CARDS.iter().enumerate() {
            for name in card.also.iter().chain([&card.name]) {
                assert_eq!(Card::find(name), Some(&CARDS[place]), "{name}");
            }
            // Multiply-adds of a multiprocessor in a nanosecond: 64 to 256 lanes at 1 to 2.6 GHz.
            let lanes = card.flops / 2e9 / card.multiprocessors as f64;
            assert!((64.0..400.0).contains(&lanes), "{}: {lanes}", card.name);
            let balance = card.flops / card.bytes_per_s;
            assert!((5.0..100.0).contains(&balance), "{}: {balance}", card.name);
        }
    }
}
