//! Where the time of a training step goes: by kind of kernel, then every kernel, the longest first.

mod layout;

use std::{collections::BTreeMap, fmt::Write};

use laptime_engine::{DeviceKind, KernelTime, Peaks, Profile};

use crate::analysis::bound_by;
use layout::{HEADS, Layout};

/// A line of a table: one kernel, or all of a kind.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// Of a kind: how many kernels of it a step has.
    calls: Option<usize>,
    seconds: f64,
    flops: u64,
    /// Seconds that its bound explains: of arithmetic, of memory traffic.
    compute_s: f64,
    memory_s: f64,
}

impl Sum {
    fn of(kernel: &KernelTime, peaks: Option<&Peaks>) -> Self {
        let bound = peaks
            .map(|peaks| bound_by(kernel, peaks))
            .unwrap_or_default();
        Self {
            calls: None,
            seconds: kernel.step_s,
            flops: kernel.flops,
            compute_s: bound.compute_s,
            memory_s: bound.memory_s,
        }
    }

    fn add(&mut self, other: Self) {
        self.calls = Some(self.calls.unwrap_or(0) + 1);
        self.seconds += other.seconds;
        self.flops += other.flops;
        self.compute_s += other.compute_s;
        self.memory_s += other.memory_s;
    }

    /// What most of its time is explained by, and how much of it.
    fn bound(self) -> String {
        let (name, bound_s) = match self.compute_s >= self.memory_s {
            true => ("compute", self.compute_s),
            false => ("memory", self.memory_s),
        };
        let share = bound_s / self.seconds;
        match share {
            0.5.. => format!("{name} {:.0} %", 100.0 * share),
            _ if self.seconds > 0.0 => format!("overhead {:.0} %", 100.0 * (1.0 - share)),
            _ => String::new(),
        }
    }
}

/// The profile as two tables, no wider than so many columns. Without peaks nothing has a share of them.
pub fn render(profile: &Profile, peaks: Option<&Peaks>, columns: Option<usize>) -> String {
    let mut kinds: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut kernels: Vec<(String, Sum)> = Vec::new();
    for kernel in &profile.kernels {
        let one = Sum::of(kernel, peaks);
        kinds.entry(&kernel.kernel).or_default().add(one);
        kernels.push((format!("{} → {}", kernel.kernel, kernel.makes), one));
    }
    let mut kinds: Vec<(String, Sum)> = kinds
        .into_iter()
        .map(|(name, sum)| (name.to_owned(), sum))
        .collect();
    for table in [&mut kinds, &mut kernels] {
        // Stable: kernels that take no time that can be measured stay in the order of the step.
        table.sort_by(|(_, a), (_, b)| b.seconds.total_cmp(&a.seconds));
    }
    let waiting = Sum {
        seconds: profile.waiting_step_s,
        ..Sum::default()
    };
    let (clock, waits_for) = match profile.seen_by {
        DeviceKind::Cpu => ("its first thread", "waiting for other threads"),
        DeviceKind::Gpu => ("the GPU's clock", "between kernels"),
    };
    kinds.push((waits_for.into(), waiting));
    let step_s: f64 = kinds.iter().map(|(_, sum)| sum.seconds).sum();
    let peak_flops = peaks.map(|peaks| peaks.flops);

    let mut said = format!("  A training step by {clock}: {:.1} µs", 1e6 * step_s);
    if let Some(flops) = peak_flops {
        let _ = write!(
            said,
            "; 100 % of peak is {:.0} GFLOP/s, measured",
            flops / 1e9
        );
    }
    let layout = Layout::of(columns, kinds.iter().chain(&kernels));
    let mut text = format!("\n{}", layout.paragraph(&said));
    for (title, table) in [("kinds of kernels", &kinds), ("every kernel", &kernels)] {
        text.push('\n');
        text += &layout.line(HEADS.map(str::to_owned), title);
        for (name, sum) in table {
            text += &layout.line(cells(*sum, step_s, peak_flops), name);
        }
    }
    let is_above = |sum: &Sum| peak_flops.is_some_and(|peak| share_of(*sum, peak) > 1.0);
    if kernels.iter().any(|(_, sum)| is_above(sum)) {
        text.push('\n');
        text += &layout.paragraph(
            "  More than 100 % of peak: the peak was measured while the machine was busy, or the first thread had \
             less of the kernel than others.",
        );
    }
    text
}

/// The share of the peak that a kernel reaches; 0 where it computes nothing that can be timed.
fn share_of(sum: Sum, peak_flops: f64) -> f64 {
    let share = sum.flops as f64 / sum.seconds / peak_flops;
    if share.is_finite() { share } else { 0.0 }
}

/// Beyond this, the first thread had next to nothing of the kernel, and a number would only confuse.
const MOST_SHARE: f64 = 1.5;

/// What a line has before its name, in the order of [`HEADS`].
fn cells(sum: Sum, step_s: f64, peak_flops: Option<f64>) -> [String; 6] {
    let Sum {
        calls,
        seconds,
        flops,
        ..
    } = sum;
    // What computes nothing, or nothing that can be timed, has no share of the peak.
    let computes = flops > 0 && seconds > 0.0;
    let peak = peak_flops
        .filter(|_| computes)
        .map_or_else(String::new, |peak| match share_of(sum, peak) {
            share if share > MOST_SHARE => "> 100 %".into(),
            share => format!("{:.1} %", 100.0 * share),
        });
    let is_its_own = peak_flops.is_none_or(|peak| share_of(sum, peak) <= MOST_SHARE);
    let speed = match computes && is_its_own {
        true => format!("{:.1}", flops as f64 / seconds / 1e9),
        false => String::new(),
    };
    [
        format!("{:.1} µs", seconds * 1e6),
        format!("{:.1} %", 100.0 * seconds / step_s),
        peak,
        speed,
        peak_flops.map_or_else(String::new, |_| sum.bound()),
        calls.map_or_else(String::new, |calls| format!("{calls}×")),
    ]
}

#[cfg(test)]
mod tests {
    use laptime_engine::Bandwidth;
    use laptime_graph::schedule::Touch;

    use super::*;

    fn profile() -> Profile {
        let kernel = |number: usize| KernelTime {
            kernel: if number.is_multiple_of(2) {
                "product"
            } else {
                "norm"
            }
            .into(),
            makes: format!("made{number}."),
            step_s: 1e-6 * number as f64,
            flops: if number.is_multiple_of(2) { 60_000 } else { 0 },
            traffic: vec![Touch {
                bytes: 100 * number as u64,
                distance_bytes: 1,
            }],
        };
        Profile {
            seen_by: DeviceKind::Cpu,
            kernels: (1..=200).map(kernel).collect(),
            waiting_step_s: 1e-6 * 20_000.0 - 1e-6 * 100.0,
        }
    }

    fn peaks(flops: f64) -> Peaks {
        Peaks {
            flops,
            bandwidths: vec![Bandwidth {
                bytes: 1 << 20,
                bytes_per_s: 2e8,
            }],
        }
    }

    /// As many kernels as a ResNet50 has: none is left out, the longest first, kinds added up.
    #[test]
    fn every_kernel_is_shown_with_its_time_share_of_the_peak_and_bound() {
        let text = render(&profile(), Some(&peaks(1e9)), None);
        let line = |words: &str| {
            let found = text
                .lines()
                .enumerate()
                .find(|(_, line)| line.ends_with(words));
            found.unwrap_or_else(|| panic!("no {words} in {text}"))
        };
        for number in 1..=200 {
            line(&format!("made{number}."));
        }
        assert!(line("made200.").0 < line("made199.").0);
        assert!(line("made199.").0 < line("made1.").0);
        // Of 40 ms: 200 µs, 60,000 operations in them, three tenths of 1 GFLOP/s; its 20 kB would take 100 µs.
        let words: Vec<&str> = line("made200.").1.split_whitespace().collect();
        let expected = "200.0 µs 0.5 % 30.0 % 0.3 memory 50 % product → made200.";
        assert_eq!(words.join(" "), expected);
        let words: Vec<&str> = line("  norm").1.split_whitespace().collect();
        assert_eq!(words.join(" "), "10000.0 µs 25.0 % memory 50 % 100× norm");
        // 60,000 operations in 2 µs.
        assert!(text.contains("the machine was busy"), "{text}");
    }

    #[test]
    fn without_peaks_nothing_has_a_share_of_them() {
        let text = render(&profile(), None, None);
        assert!(
            !text.contains("of peak is") && !text.contains("memory"),
            "{text}"
        );
    }

    /// Of a net whose names are long.
    #[test]
    fn a_narrow_terminal_loses_columns_and_no_names() {
        for columns in [30, 40, 60, 80, 100] {
            let text = render(&profile(), Some(&peaks(1e9)), Some(columns));
            for line in text.lines() {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
            assert_eq!(text.matches("made199.").count(), 1);
            assert!(text.contains("200.0 µs"), "{text}");
            assert_eq!(text.contains("GFLOP/s  "), columns > 80, "{text}");
        }
    }
}
