//! What the reader must know before believing a number.

use laptime_results::{GateVerdict, Record, Tone, remarks};

use crate::html::Html;

/// What is to be warned of, the worst first: how bad it is, and what.
pub fn warnings(record: &Record) -> Vec<(Tone, String)> {
    let mut found = Vec::new();
    match record.gate.verdict {
        GateVerdict::Verified | GateVerdict::VerifiedSteps => {}
        GateVerdict::Failed => found.push((
            Tone::Bad,
            format!(
                "The gate {}. This is another training: its time compares with none.",
                record.gate
            ),
        )),
        GateVerdict::NotAsked => {
            found.push((Tone::Bad, "The gate never judged this training.".into()));
        }
    }
    if let Some(error) = &record.error {
        found.push((Tone::Bad, format!("The engine failed: {error}")));
    }
    let caution = record.dataset.source.caution(&record.dataset.name);
    found.extend(caution.map(|text| (Tone::Warning, text)));
    if let Some(conditions) = &record.summary.conditions {
        let bad = conditions.disturbed + conditions.throttled;
        if bad > 0 {
            let text = format!("{bad} of {} runs {}", conditions.runs, conditions.worst);
            found.push((Tone::Warning, text));
        }
    }
    if record.device.software {
        let text = "The device is emulated in software: its times say nothing about a GPU.";
        found.push((Tone::Warning, text.into()));
    }
    for remark in remarks(record) {
        if matches!(remark.tone, Tone::Warning | Tone::Bad) {
            found.push((remark.tone, remark.text));
        }
    }
    found.extend(record.warnings.iter().map(|it| (Tone::Warning, it.clone())));
    found.sort_by_key(|(tone, _)| *tone != Tone::Bad);
    found
}

/// The warnings as a list; nothing where there are none.
pub fn show(html: &mut Html, warnings: &[(Tone, String)]) {
    if warnings.is_empty() {
        return;
    }
    html.element("ul", &[("class", "warnings")], |html| {
        for (tone, text) in warnings {
            let (class, word) = match tone {
                Tone::Bad => ("bad", "Problem"),
                _ => ("warning", "Warning"),
            };
            html.element("li", &[("class", class)], |html| {
                html.line("strong", &[], &format!("{word}: "));
                html.text(&sentence(text));
            });
        }
    });
}

/// A remark with a capital and a full stop.
pub fn sentence(text: &str) -> String {
    let mut characters = text.trim_end().chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    // A word like `partial` begins a sentence; `accuracy=0.9` or `--flag` is a name.
    let first = match text.split_whitespace().next() {
        Some(word)
            if word
                .chars()
                .all(|c| c.is_ascii_lowercase() || ",:".contains(c)) =>
        {
            first.to_ascii_uppercase()
        }
        _ => first,
    };
    let text = format!("{first}{}", characters.as_str());
    match text.ends_with(['.', '!', '?', ':']) {
        true => text,
        false => text + ".",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_become_sentences() {
        for (remark, expected) in [
            ("partial: cut short", "Partial: cut short."),
            ("accuracy=0.9 reached", "accuracy=0.9 reached."),
            ("2 of 3 runs disturbed", "2 of 3 runs disturbed."),
            ("Done.", "Done."),
            ("", ""),
        ] {
            assert_eq!(sentence(remark), expected);
        }
    }
}
