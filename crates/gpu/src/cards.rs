//! Well-known cards by their published figures, to predict a step on one that is not here. Figures are of the
//! reference card at the clock that the maker calls boost; a multiprocessor is what its maker counts: streaming
//! multiprocessors (NVIDIA), compute units (AMD), cores of the GPU (Apple), Xe cores (Intel).
//!
//! All were looked up on 2026-11-27, in stored copies of public pages. The makers' own papers and product pages were
//! not among them (but for AMD's), so each figure is one that at least two sources give, one of them, where there was
//! one, a report of what the maker announced; where none gives it, the comment says so. *TPU* is TechPowerUp's data
//! base, <https://www.techpowerup.com/gpu-specs/>, read in a copy (RightNow GPU Database), which rounds to three digits
//! above 1000 GB/s. Where a maker and TPU differ, the maker's figure stands.

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
pub const CARDS: [Card; 24] = [
    // TPU: 13.45 TFLOP/s, 616 GB/s, 68. bit-tech, "Nvidia's Turing Architecture Explored" (of NVIDIA's white paper):
    // 68, 1545 MHz for 4352 lanes, so 13.4;
    // <https://www.bit-tech.net/features/tech/graphics/nvidias-turing-architecture-explored/1/>. TechPowerUp, "NVIDIA
    // Turing GeForce RTX Technology & Architecture": 616 GB/s, 68. The Founders Edition has 14.2.
    card("RTX 2080 Ti", &[], (13.4, 616.0), 68),
    // TPU: 16.31, 672, 72. Tom's Hardware, "Nvidia Titan RTX": 16.3, 672;
    // <https://www.tomshardware.com/news/nvidia-titan-rtx-specs-pricing,38184.html>.
    card("TITAN RTX", &[], (16.3, 672.0), 72),
    // SXM2. TPU, Tesla V100 SXM2 32 GB: 15.67, 898, 80 (and a later one of 16 GB with 16.35 and 1130). Cornell, "NVIDIA
    // Tesla V100": 15.7; <https://cvw.cac.cornell.edu/gpu-architecture/gpu-example-tesla-v100/tesla>. Xenon, with
    // NVIDIA's table: 80; <http://www.xenon.com.au/nvidia-tesla-volta-worlds-advanced-data-center-gpu/>. 900 GB/s as
    // NVIDIA announced it:
    // <https://elchapuzasinformatico.com/2017/05/nvidia-tesla-v100-anunciada-5210-cuda-cores-la-arquitectura-volta/>.
    card(
        "V100",
        &["V100 SXM2 16GB", "V100 SXM2 32GB"],
        (15.7, 900.0),
        80,
    ),
    // 12 GB; there is one of 8 GB with 240 GB/s. TPU: 12.74, 360, 28. Wccftech, of NVIDIA's announcement: 28;
    // <https://wccftech.com/nvidia-geforce-rtx-3060-12-gb-gddr6-graphics-card-official-ampere-ga106-gpu-launching-in-february-for-329-us/>.
    // Svět hardware: 13 TFLOP/s, 360;
    // <https://www.svethardware.cz/vychazi-recenze-geforce-rtx-4060-o-18-rychlejsi-nez-rtx-3060-prekona-rx-7600/59705>.
    card("RTX 3060", &[], (12.7, 360.0), 28),
    // 10 GB; one of 12 GB has 70 multiprocessors and 912 GB/s. TPU: 29.77, 760.3, 68. Fudzilla, of NVIDIA's
    // announcement: 29.8;
    // <https://fudzilla.net/news/graphics/51457-nvidia-rtx-30-series-specifications-are-now-official>. A review: 68,
    // 760; <https://www.monsterpc-sg.com/custom-rig/21_nvidia-rtx-3080-founders-edition-review.html>.
    card("RTX 3080", &[], (29.8, 760.0), 68),
    // TPU: 35.58, 936.2, 82. "Nvidia GeForce RTX 3090 Specifications": 35.6, 936, 82;
    // <https://holynerdvana.blogspot.com/2022/10/nvidia-geforce-rtx-3090-specifications.html>. Fudzilla, as above:
    // 35.7.
    card("RTX 3090", &[], (35.6, 936.0), 82),
    // TPU: 19.49, 1560, 108 and, of 80 GB as SXM4, 2040 (as PCIe 1940). Paderborn Center for Parallel Computing,
    // "NVIDIA A100 40GB with NVLINK": 19.5, 1555, 108;
    // <https://upb-pc2.atlassian.net/wiki/spaces/PC2DOK/pages/1900609>. Glenn Lockwood, citing NVIDIA's data sheet:
    // 19.5, 1555 and 2039, 108; <https://glennklockwood.com/garden/processors/A100>.
    card(
        "A100 40GB",
        &["A100", "A100 SXM4 40GB", "A100 PCIE 40GB"],
        (19.5, 1555.0),
        108,
    ),
    card("A100 80GB", &["A100 SXM4 80GB"], (19.5, 2039.0), 108),
    // TPU: 15.11, 272, 24. HMC Tech: 15.11 of 3072 lanes, which are 24 × 128;
    // <https://hmc-tech.com/gpu/nvidia-geforce-rtx-4060-vs-nvidia-geforce-rtx-4060>. Guru3D: 272;
    // <https://guru3d.com/story/rumored-nvidia-rtx-5090-specs-cores-gddr7-memory-and-bandwidth>. (Svět hardware, as at
    // the RTX 3060, says 288, by chips of 18 Gbit/s; others have 17.)
    card("RTX 4060", &[], (15.1, 272.0), 24),
    // With GDDR6X. TPU: 29.15, 504.2, 46. Club386, of NVIDIA's slides: 29.1, 504, 46;
    // <https://www.club386.com/complete-geforce-rtx-4070-specifications-reveal-a-frugal-599-gpu/>.
    card("RTX 4070", &[], (29.1, 504.0), 46),
    // TPU: 82.58, 1010, 128. Club386, as at the RTX 4070: 82.6, 1008, 128.
    card("RTX 4090", &[], (82.6, 1008.0), 128),
    // TPU: 104.8, 1790, 170. Linux Format, May 2025: 104, 1792, 170;
    // <https://pocketmags.com/linux-format-magazine/may-2025/articles/nvidia-geforce-rtx-5090>.
    card("RTX 5090", &[], (104.8, 1792.0), 170),
    // TPU: 51.22, 2040, 114 (PCIe, 80 GB) and 66.91, 3360, 132 (SXM5, 80 GB). HPC Tech, with NVIDIA's figures: 51,
    // 2000, 114 and 67, 3350, 132; <https://archive-lib.hpctech.co.jp/gpuproduct/nvidia-h100.html>. Glenn Lockwood:
    // 66.9, 3350, 132; <https://glennklockwood.com/garden/processors/h100>.
    card("H100 PCIe", &[], (51.2, 2000.0), 114),
    card(
        "H100 SXM",
        &["H100", "H100 SXM5", "H100 80GB HBM3"],
        (66.9, 3350.0),
        132,
    ),
    // TPU: 66.91, 4890, 132. Geektopia, of NVIDIA's announcement: 4800;
    // <https://geektopia.es/es/technology/2023/11/13/noticias/nvidia-anuncia-la-aceleradora-h200-tiene-141-gb-de-hbm3e.html>.
    // Glenn Lockwood, as at the H100: an H100 SXM but for its memory.
    card("H200", &["H200 SXM"], (66.9, 4800.0), 132),
    // TPU: 16.17, 512 and 23.04, 512. AMD, "GPU hardware specifications" of ROCm (`docs/reference/gpu-arch-specs.rst`):
    // 60 and 80. Devdiscourse, of AMD's announcement: 60, 512 and 80, 512;
    // <https://www.devdiscourse.com/article/technology/1288880-amd-radeon-rx-6000-series-graphics-cards-to-elevate-gaming-performance>.
    // GPU Monkey: 16.17; <https://www.gpu-monkey.com/en/gpu-amd_radeon_rx_6800>. GPU Poet: 23.04;
    // <https://gpupoet.com/gpu/learn/card/amd-radeon-rx-6900-xt>.
    card("RX 6800", &[], (16.2, 512.0), 60),
    card("RX 6900 XT", &[], (23.0, 512.0), 80),
    // Its peak counts two operations at once. TPU: 61.39, 960. AMD, as above: 96. Guru3D: 61.4, 960, 96;
    // <https://guru3d.com/review/xfx-radeon-rx-7900-xtx-magair-review/page-4>.
    card("RX 7900 XTX", &[], (61.4, 960.0), 96),
    // Likewise. TPU: 48.66, 644.6. Multiplayer.it, of AMD's figures: 48.7, 640, 64;
    // <https://multiplayer.it/notizie/amd-radeon-rx-9070-xt-rx-9070-specifiche.html>. PurePC, of AMD's announcement:
    // 48.7, 64;
    // <https://www.purepc.pl/amd-radeon-rx-9070-xt-oraz-radeon-rx-9070-specyfikacja-cena-i-wydajnosc-kart-graficznych-rdna-4>.
    card("RX 9070 XT", &[], (48.7, 640.0), 64),
    // With 8 cores. Philip Turner, "metal-benchmarks": 2.617; <https://github.com/philipturner/metal-benchmarks>.
    // NanoReview: 2.6, 68.2; <https://nanoreview.info/en/gpu/apple-m1-gpu>. Kelly Shephard: 68.25;
    // <https://gist.github.com/kellyshephard>.
    card("Apple M1", &["M1"], (2.6, 68.3), 8),
    // With 16 and 32 cores. Tom's Hardware: 10.4 of 32 cores, "according to Apple";
    // <https://www.tomshardware.com/news/apple-m1-max-catches-up-to-rx-6800m-geforce-rtx-3080-mobile-gfxbench-5>.
    // Notebookcheck's 5.2 and 10.4, reported in
    // <https://beebomal.pages.dev/posts/apple-s-latest-m1-max-chip-packs-more-raw-gpu-power-than-sony-s-playstation-5>.
    // (metal-benchmarks, as at the M1, has 5.3 and 10.6, by 1296 MHz.) 9to5Mac, of Apple's announcement: 200
    // and 400; <https://9to5mac.com/2021/10/18/apple-unveils-next-generation-m1-pro-and-m1-max-chips-for-new-macs/>.
    card("Apple M1 Pro", &["M1 Pro"], (5.2, 200.0), 16),
    card("Apple M1 Max", &["M1 Max"], (10.4, 400.0), 32),
    // With 10 cores. metal-benchmarks, as at the M1: 3.579. HMC Tech: 3.58;
    // <https://hmc-tech.com/gpu/apple-10-core-m2-vs-apple-8-core-m1-fl>. MacRumors, of Apple's announcement: 100, 10;
    // <https://www.macrumors.com/2022/06/06/apple-announces-m2-chip-with-support-for-up-to-24gb-memory/>. The M3 and M4
    // are not here: of their 10 cores, sources say 3.6 or 4.1, and 3.8, 4.1 or 4.6 TFLOP/s.
    card("Apple M2", &["M2"], (3.6, 100.0), 10),
    // 16 GB. Svět hardware, of Intel's page: 32, 2100 MHz, 560;
    // <https://www.svethardware.cz/intel-zverejnil-oficialni-specifikace-grafickych-karet-arc/58344>. No source was
    // found that gives 17.2 TFLOP/s: they follow from that clock and TPU's 4096 lanes. Not confirmed: the 560 GB/s, as
    // TPU has 512; and TPU counts 19.66 TFLOP/s, at 2400 MHz.
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
            ("AMD Radeon RX 9070 XT", "RX 9070 XT"),
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
            "NVIDIA GeForce RTX 4070 Laptop GPU",
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
            // Multiply-adds of a multiprocessor in a nanosecond: 64 to 256 lanes at 1 to 3 GHz.
            let lanes = card.flops / 2e9 / card.multiprocessors as f64;
            assert!((64.0..400.0).contains(&lanes), "{}: {lanes}", card.name);
            let balance = card.flops / card.bytes_per_s;
            assert!((5.0..100.0).contains(&balance), "{}: {balance}", card.name);
        }
    }
}
