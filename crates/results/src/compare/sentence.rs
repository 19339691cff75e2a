//! What may be said of a comparison, in words that a person can quote.

use super::{Basis, Comparison, LEAST_OCCASIONS, Occasions, Side, Verdict};

/// The fewest runs of an interval.
const LEAST_RUNS: usize = 6;

impl Comparison {
    /// The verdict in one sentence.
    pub fn sentence(&self) -> String {
        let [one, other] = &self.names;
        let Some(ratio) = self.ratio else {
            return format!("{one} and {other}: nothing to compare.");
        };
        // The faster one comes first, so that the ratio is above 1.
        let is_faster = ratio.ratio >= 1.0;
        let (fast, slow) = if is_faster {
            (one, other)
        } else {
            (other, one)
        };
        let turned = |value: f64| if is_faster { value } else { 1.0 / value };
        let times = turned(ratio.ratio);
        let places = places(times);
        let interval = ratio.ci95.map(|[low, high]| match is_faster {
            true => [low, high],
            false => [turned(high), turned(low)],
        });
        let interval = interval.map_or_else(String::new, |[low, high]| {
            format!(" (95 %: {low:.places$} to {high:.places$})")
        });
        match self.verdict {
            Verdict::Faster | Verdict::Slower => {
                format!("{fast} is {times:.places$}× as fast as {slow}{interval}.")
            }
            Verdict::NoDifference => {
                format!("{fast} and {slow}: no difference beyond noise{interval}.")
            }
            Verdict::MeasuredFaster | Verdict::MeasuredSlower => {
                format!("{fast} was measured {times:.places$}× as fast as {slow}{interval}.")
            }
            Verdict::CannotBeToldApart => {
                format!("{fast} and {slow} cannot be told apart{interval}.")
            }
            Verdict::NoInterval => format!(
                "{fast} was measured {times:.places$}× as fast as {slow}; how sure that is cannot be said."
            ),
            Verdict::Drifting => {
                format!("{one} and {other}: no verdict, because the times drift from run to run.")
            }
        }
    }

    /// What the sentence rests on.
    pub fn notes(&self, sides: [&Side; 2]) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.basis {
            Basis::Race(paired) => {
                let p = |p: f64| match p {
                    p if p < 0.001 => "p < 0.001".to_owned(),
                    p => format!("p = {p:.3}"),
                };
                let mut text = format!(
                    "interleaved runs of one race: {} pairs, signed-rank test, {}",
                    paired.pairs,
                    p(paired.p)
                );
                if let (Some(corrected), 2..) = (self.corrected_p, self.tests) {
                    text += &format!(
                        "; {} after Holm's correction for {} tests",
                        p(corrected),
                        self.tests
                    );
                }
                notes.push(text);
                if paired.pairs < LEAST_RUNS {
                    notes.push(format!("an interval takes {LEAST_RUNS} rounds"));
                }
            }
            Basis::Apart(occasions) => notes.extend(self.of_apart(sides, occasions)),
        }
        let drifting = self.drifting.join(" and ");
        if !drifting.is_empty() {
            notes.push(format!(
                "drifting: {drifting}; repeat the measurement on a machine that is quiet and warm"
            ));
        }
        notes
    }

    fn of_apart(&self, sides: [&Side; 2], occasions: &[Option<Occasions>; 2]) -> Vec<String> {
        let mut notes = Vec::new();
        for ((name, runs), side) in self.names.iter().zip(self.runs).zip(sides) {
            match side {
                Side::Published(_) => notes.push(format!("{name}: one run, no interval")),
                Side::Record(_) if runs < LEAST_RUNS => {
                    let plural = if runs == 1 { "" } else { "s" };
                    notes.push(format!(
                        "{name}: {runs} run{plural}, and an interval takes {LEAST_RUNS}"
                    ));
                }
                Side::Record(_) => {}
            }
        }
        if self.ratio.is_some_and(|ratio| ratio.ci95.is_some()) {
            notes.push(
                "measured on different occasions, and the interval is widened for that".into(),
            );
            let spreads = occasions.iter().map(|it| it.as_ref().map(spread));
            let spreads: Vec<Option<String>> = spreads.collect();
            match spreads.as_slice() {
                [Some(one), Some(other)] if one == other => notes.push(format!("both: {one}")),
                _ => {
                    let named = self.names.iter().zip(spreads);
                    notes.extend(named.filter_map(|(name, it)| Some(format!("{name}: {}", it?))));
                }
            }
        }
        notes
    }
}

/// How much a machine differs from one occasion to another, and how that is known.
fn spread(occasions: &Occasions) -> String {
    let percent = 100.0 * occasions.log_sd();
    match occasions.measured_log_sd {
        Some(_) => format!(
            "{percent:.1} % from one occasion to another, measured on {} others",
            occasions.known
        ),
        None => format!(
            "assumed {percent:.0} % from one occasion to another: this machine has fewer than {} others \
             of this training",
            number_word(LEAST_OCCASIONS)
        ),
    }
}

fn number_word(number: usize) -> String {
    match number {
        3 => "three".into(),
        other => other.to_string(),
    }
}

/// The digits behind the point of a ratio: three close to 1, where the next one would round a difference
/// away, and three significant ones above.
pub(crate) fn places(ratio: f64) -> usize {
    match ratio {
        r if r < 1.0995 => 3,
        r if r < 9.995 => 2,
        r if r < 99.95 => 1,
        _ => 0,
    }
}
