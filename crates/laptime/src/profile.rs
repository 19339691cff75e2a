//! Where the time of a training step goes: by kind of kernel, then every kernel, the longest first.

use std::{collections::BTreeMap, fmt::Write};

use laptime_engine::Profile;

/// A line of a table: one kernel, or all of a kind.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// Of a kind: how many kernels of it a step has.
    calls: Option<usize>,
    seconds: f64,
    flops: u64,
}

/// The profile as two tables.
pub fn render(profile: &Profile) -> String {
    let mut kinds: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut kernels: Vec<(String, Sum)> = Vec::new();
    for kernel in &profile.kernels {
        let one = Sum {
            calls: None,
            seconds: kernel.step_s,
            flops: kernel.flops,
        };
        let kind = kinds.entry(&kernel.kernel).or_default();
        kind.calls = Some(kind.calls.unwrap_or(0) + 1);
        kind.seconds += one.seconds;
        kind.flops += one.flops;
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
        calls: None,
        seconds: profile.waiting_step_s,
        flops: 0,
    };
    kinds.push(("waiting for other threads".into(), waiting));
    let step_s: f64 = kinds.iter().map(|(_, sum)| sum.seconds).sum();
    let gflops = profile.peak_flops / 1e9;

    let mut text = format!(
        "\n  A training step, as its first thread sees it: {:.1} µs; 100 % of peak is {gflops:.0} GFLOP/s, \
         measured\n",
        1e6 * step_s
    );
    let head = format!(
        "  {:>12}  {:>7}  {:>7}  {:>8}  {:>5}",
        "time", "share", "of peak", "GFLOP/s", ""
    );
    for (title, table) in [("kinds of kernels", kinds), ("every kernel", kernels)] {
        let _ = writeln!(text, "\n{head}  {title}");
        for (name, sum) in table {
            text += &line(&name, sum, step_s, profile.peak_flops);
        }
    }
    text
}

fn line(name: &str, sum: Sum, step_s: f64, peak_flops: f64) -> String {
    let Sum {
        calls,
        seconds,
        flops,
    } = sum;
    let flops_per_s = flops as f64 / seconds;
    // What computes nothing, or nothing that can be timed, has no share of the peak.
    let (peak, speed) = if flops > 0 && seconds > 0.0 {
        (
            format!("{:.1} %", 100.0 * flops_per_s / peak_flops),
            format!("{:.1}", flops_per_s / 1e9),
        )
    } else {
        Default::default()
    };
    let calls = calls.map_or_else(String::new, |calls| format!("{calls}×"));
    let (time_us, share) = (seconds * 1e6, 100.0 * seconds / step_s);
    format!("  {time_us:>9.1} µs  {share:>5.1} %  {peak:>7}  {speed:>8}  {calls:>5}  {name}\n")
}

#[cfg(test)]
mod tests {
    use laptime_engine::KernelTime;

    use super::*;

    /// As many kernels as a ResNet50 has: none is left out, the longest first, kinds added up.
    #[test]
    fn every_kernel_is_shown_with_its_time_and_share_of_the_peak() {
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
        };
        let text = render(&Profile {
            kernels: (1..=200).map(kernel).collect(),
            waiting_step_s: 1e-6 * 20_000.0 - 1e-6 * 100.0,
            peak_flops: 1e9,
        });
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
        // Of 40 ms: 200 µs, 60,000 operations in them, three tenths of 1 GFLOP/s.
        let words: Vec<&str> = line("made200.").1.split_whitespace().collect();
        let expected = "200.0 µs 0.5 % 30.0 % 0.3 product → made200.";
        assert_eq!(words.join(" "), expected);
        let words: Vec<&str> = line("  norm").1.split_whitespace().collect();
        assert_eq!(words.join(" "), "10000.0 µs 25.0 % 100× norm");
    }
}
