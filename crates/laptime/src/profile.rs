//! Where the time of a training step goes: by kind of kernel, and the kernels that take the most.

use std::{collections::BTreeMap, fmt::Write};

use laptime_engine::Profile;

/// Kernels shown one by one.
const SHOWN: usize = 20;

/// The profile as two tables.
pub fn render(profile: &Profile) -> String {
    let waiting = profile.waiting_step_s;
    let step_s = waiting
        + profile
            .kernels
            .iter()
            .map(|kernel| kernel.step_s)
            .sum::<f64>();
    let mut text = format!(
        "\n  A training step, as its first thread sees it; 100 % of peak is {:.0} GFLOP/s, measured\n\n",
        profile.peak_flops / 1e9
    );
    let mut line = |name: &str, calls: usize, seconds: f64, flops: u64| {
        let peak = 100.0 * flops as f64 / seconds / profile.peak_flops;
        let peak = if flops > 0 {
            format!("{peak:5.1} %")
        } else {
            String::new()
        };
        let (time_us, share) = (seconds * 1e6, 100.0 * seconds / step_s);
        let _ = writeln!(
            text,
            "  {time_us:>9.1} µs {share:>5.1} %  {peak:>7}  {calls:>4}×  {name}"
        );
    };

    let mut kinds: BTreeMap<&str, (usize, f64, u64)> = BTreeMap::new();
    for kernel in &profile.kernels {
        let (calls, seconds, flops) = kinds.entry(&kernel.kernel).or_default();
        *calls += 1;
        *seconds += kernel.step_s;
        *flops += kernel.flops;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by(|(_, a), (_, b)| b.1.total_cmp(&a.1));
    for (name, (calls, seconds, flops)) in kinds {
        line(name, calls, seconds, flops);
    }
    line("waiting for other threads", 1, waiting, 0);

    let mut kernels: Vec<_> = profile.kernels.iter().collect();
    if kernels.len() > SHOWN {
        kernels.sort_by(|a, b| b.step_s.total_cmp(&a.step_s));
        kernels.truncate(SHOWN);
    }
    for kernel in kernels {
        let name = format!("{} → {}", kernel.kernel, kernel.makes);
        line(&name, 1, kernel.step_s, kernel.flops);
    }
    text
}
