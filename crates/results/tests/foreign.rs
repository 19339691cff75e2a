//! Records from elsewhere: whatever their texts have in them, no format takes it for its own.

mod sample;

use laptime_results::{GateVerdict, Record, Style, export, race, render};
use sample::record;

const HOSTILE: &str = "=cmd|' /C calc'!A0 \u{1b}[31m<img src=x>\u{202e}\u{9b}2J\u{85}\u{2028}\r\n\
                       error: forged\n\n# `x` [y](z) | w, \"q\"";

/// A record whose every free text is hostile.
fn hostile() -> Record {
    let mut record = record(&[1.9]);
    let text = || HOSTILE.to_owned();
    record.id = text();
    record.created = text();
    record.workload.name = text();
    record.workload.digest = text();
    record.workload.precision = text();
    record.dataset.name = text();
    record.engine.name = text();
    record.engine.version = text();
    record.engine.details.insert("variant".into(), text());
    record.device.name = text();
    record.device.isa = Some(text());
    record.machine.cpu = text();
    record.gate.verdict = GateVerdict::Failed;
    record.gate.what = Some(text());
    record
}

/// One that failed, too.
fn hostile_race() -> [Record; 3] {
    let mut failed = hostile();
    failed.runs.clear();
    failed.error = Some(HOSTILE.into());
    let mut verified = hostile();
    verified.gate.verdict = GateVerdict::Verified;
    [hostile(), verified, failed]
}

/// Every character is to be seen, and no line of others looks like one of ours.
fn assert_harmless(text: &str) {
    let is_harmful = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
    };
    assert!(!text.contains(is_harmful), "{text:?}");
    for line in text.lines() {
        assert!(!line.starts_with("error:"), "{text}");
    }
}

#[test]
fn a_terminal_obeys_nothing_in_a_record() {
    for width in [30, 80] {
        let style = Style {
            width,
            colour: false,
        };
        assert_harmless(&render(&hostile(), style));
        assert_harmless(&race(&hostile_race(), style));
        // With colours there are escapes, but only the ones of colours.
        let coloured = Style {
            colour: true,
            ..style
        };
        for text in [
            render(&hostile(), coloured),
            race(&hostile_race(), coloured),
        ] {
            for sequence in text.split('\u{1b}').skip(1) {
                let end = sequence.find('m').expect("a colour ends with m");
                let code = &sequence[..end];
                assert!(
                    ["[0", "[1", "[2", "[31", "[32", "[33", "[36"].contains(&code),
                    "{code}"
                );
            }
            assert!(!text.contains("\u{1b}[31m<"), "{text}");
        }
    }
}

#[test]
fn a_spreadsheet_computes_nothing_in_a_record() {
    let csv = export::csv(&[hostile()]);
    assert_harmless(&csv);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let row = csv.lines().nth(1).expect("it was counted");
    // Outside of quotes, no field begins with a sign of a formula.
    let mut inside = false;
    let mut before = ',';
    for character in row.chars() {
        if !inside && before == ',' {
            assert!(!"=+-@".contains(character), "{row}");
        }
        assert!(
            !(inside && before == '"' && "=+@".contains(character)),
            "{row}"
        );
        inside ^= character == '"';
        before = character;
    }
}

#[test]
fn markdown_has_no_markup_but_its_own() {
    for text in [
        export::markdown(&hostile_race()),
        export::race_markdown(&hostile_race()),
    ] {
        assert_harmless(&text);
        assert!(!text.contains(['<', '>']), "{text}");
        // The first line is ours.
        let (_, text) = text.split_once('\n').expect("a head");
        let unescaped = |mark: &str| text.replace(&format!("\\{mark}"), "").contains(mark);
        for mark in ["`", "[", "]"] {
            assert!(!unescaped(mark), "{mark}: {text}");
        }
        let mut rows = text.lines().filter(|line| line.starts_with('|'));
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let expected = bars(rows.next().expect("a head"));
        assert!(rows.all(|row| bars(row) == expected), "{text}");
    }
}
