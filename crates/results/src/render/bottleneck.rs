//! What a step is bound by, with the evidence, what it means and what would change it.

use super::{Block, DIM, PLAIN, WARNING, parts};
use crate::{Bottleneck, Bound, Record};

/// What a step is bound by, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundBy {
    /// The bound and all shares, a part each, the largest first.
    pub verdict: Vec<String>,
    /// What the trials say, a part each; empty where there were none.
    pub evidence: Vec<String>,
    /// What it means, and what would change it.
    pub meaning: String,
    /// Whether the peaks were measured on a busy machine, so that the shares mean nothing.
    pub is_doubtful: bool,
}

/// What a step of the record is bound by; `None` where it was not measured.
pub fn bound_by(record: &Record) -> Option<BoundBy> {
    let found = record.summary.bottleneck.as_ref()?;
    let verdict = verdict(found);
    Some(match found.peak_is_low {
        true => BoundBy {
            verdict,
            evidence: Vec::new(),
            meaning: "faster than the measured peak: the machine was busy when that was measured"
                .into(),
            is_doubtful: true,
        },
        false => BoundBy {
            verdict,
            evidence: evidence(found),
            meaning: meaning(found, record.workload.precision == "bf16") + &fewer_threads(found),
            is_doubtful: false,
        },
    })
}

/// The verdict in one line, the evidence in another, then what follows.
pub(crate) fn bottleneck(block: &mut Block, record: &Record) {
    let Some(found) = bound_by(record) else {
        return;
    };
    block.entry("Bound by", &parts(&found.verdict), PLAIN);
    if !found.evidence.is_empty() {
        block.entry("", &parts(&found.evidence), DIM);
    }
    let paint = if found.is_doubtful { WARNING } else { PLAIN };
    block.entry("", &found.meaning, paint);
}

/// The bound and all shares, the largest first.
fn verdict(found: &Bottleneck) -> Vec<String> {
    let mut shares = [
        (Bound::Compute, found.compute),
        (Bound::Memory, found.memory),
        (Bound::Overhead, found.overhead),
        (Bound::Input, found.input),
    ];
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let text = |(name, share): &(Bound, f64)| format!("{name} {:.0} %", 100.0 * share);
    let mut said: Vec<String> = match found.bound {
        Bound::Mixed => vec![bound_word(found)],
        _ => Vec::new(),
    };
    said.extend(shares.iter().filter(|it| it.1 >= 0.005).map(text));
    said
}

/// What a step is bound by in a word or two. Where it is mixed, why: otherwise a large share would stand beside
/// "no single limit".
pub(crate) fn bound_word(found: &Bottleneck) -> String {
    match found.bound {
        Bound::Mixed if found.is_inefficient() => "kernels below the peaks".into(),
        Bound::Mixed if found.is_contradicted => "no verdict".into(),
        bound => bound.to_string(),
    }
}

/// What the trials say.
fn evidence(found: &Bottleneck) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(fixed) = found.fixed {
        let half = (1.0 + fixed) / 2.0;
        said.push(format!("half the batch {half:.2}× as long"));
    }
    if let Some(ratio) = found.half_threads_ratio {
        said.push(format!("half the threads {ratio:.2}×"));
    }
    said
}

/// Where half the threads are faster, they are the first thing to try.
fn fewer_threads(found: &Bottleneck) -> String {
    const FASTER: f64 = 0.97;
    match found.half_threads_ratio {
        Some(ratio) if ratio < FASTER => {
            " Half the threads are faster here: try fewer --threads.".into()
        }
        _ => String::new(),
    }
}

/// What it means, and what would change it.
fn meaning(found: &Bottleneck, is_bf16: bool) -> String {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    match found.bound {
        Bound::Overhead => format!(
            "Says little about larger models: {} of a step is overhead, which a larger batch spreads over \
             more samples.",
            percent(found.overhead)
        ),
        Bound::Compute => {
            let format = match is_bf16 {
                true => "",
                false => ", or bf16 where the device is faster in it,",
            };
            format!("More or faster cores{format} would shorten it; faster memory would not.")
        }
        Bound::Memory => {
            let format = match is_bf16 {
                true => "",
                false => ", or values of 2 bytes,",
            };
            format!(
                "Faster memory or larger caches{format} would shorten it; more arithmetic units would not."
            )
        }
        Bound::Input => {
            "Making samples ready takes most of the time; a faster device would not shorten it."
                .into()
        }
        Bound::Mixed if found.is_inefficient() => format!(
            "Kernels are far from the device's peaks in {} of a step, in work that grows with the batch: \
             better kernels would shorten it.",
            percent(found.overhead)
        ),
        Bound::Mixed if found.is_contradicted => {
            "The trials with half the batch and half the threads \
             contradict these shares; a quiet machine would tell."
                .into()
        }
        Bound::Mixed => "No single change would shorten it by much.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bound: Bound) -> Bottleneck {
        Bottleneck {
            bound,
            compute: 0.2,
            memory: 0.09,
            overhead: 0.71,
            input: 0.001,
            fixed: Some(0.72),
            half_threads_ratio: Some(1.21),
            peak_is_low: false,
            is_contradicted: false,
        }
    }

    #[test]
    fn the_verdict_has_its_shares_and_the_evidence() {
        let overhead = found(Bound::Overhead);
        assert_eq!(
            verdict(&overhead),
            ["overhead 71 %", "compute 20 %", "memory 9 %"]
        );
        assert_eq!(
            evidence(&overhead),
            ["half the batch 0.86× as long", "half the threads 1.21×"]
        );
        assert!(meaning(&overhead, false).contains("71 % of a step is overhead"));
        assert_eq!(verdict(&found(Bound::Mixed))[0], "no single limit");
    }

    /// 71 % beside "no single limit" would contradict itself.
    #[test]
    fn a_large_share_without_a_verdict_says_why() {
        let slow_kernels = Bottleneck {
            fixed: Some(0.1),
            ..found(Bound::Mixed)
        };
        assert_eq!(verdict(&slow_kernels)[0], "kernels below the peaks");
        let contradicted = Bottleneck {
            is_contradicted: true,
            ..found(Bound::Mixed)
        };
        assert_eq!(verdict(&contradicted)[0], "no verdict");
    }

    #[test]
    fn half_the_threads_are_advised_where_they_are_faster() {
        let mut slower_together = found(Bound::Overhead);
        slower_together.half_threads_ratio = Some(0.76);
        assert!(fewer_threads(&slower_together).contains("--threads"));
        assert_eq!(fewer_threads(&found(Bound::Overhead)), "");
    }

    #[test]
    fn bf16_is_not_advised_where_it_is_used() {
        for bound in [Bound::Compute, Bound::Memory] {
            let (single, half) = (meaning(&found(bound), false), meaning(&found(bound), true));
            assert!(
                single.len() > half.len() && !half.contains("bf16") && !half.contains("2 bytes")
            );
        }
    }
}
