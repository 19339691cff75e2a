//! Records to report on, and what must hold of each page.

#![allow(dead_code, reason = "not every test needs everything")]

use std::{collections::HashSet, fs, path::Path};

use laptime_report::{Input, Raw};
use laptime_results::{
    Record, read,
    sweep::{self, Sweep},
};

/// The text of a record that was made on a real machine.
pub fn text(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/records");
    fs::read(folder.join(name).with_extension("json")).expect("it is there")
}

/// The records of a file.
pub fn records(name: &str) -> Vec<Record> {
    let read = read(&text(name)).expect("it is a record");
    read.into_iter().map(|it| it.record).collect()
}

/// A sweep of a file.
pub fn a_sweep(name: &str) -> Sweep {
    sweep::read(&text(name))
        .expect("it is one")
        .expect("it is right")
}

pub const FILES: [&str; 6] = [
    "clean",
    "disturbed",
    "extrapolated",
    "first-format",
    "race",
    "goal",
];

/// The report of these.
pub fn report(records: &[Record], sweeps: &[Sweep]) -> String {
    laptime_report::report(&Input {
        records,
        published: &[],
        sweeps,
        history: &[],
        raw: Raw::Embedded,
        back: None,
    })
}

/// Checks that a page is well-formed, loads nothing, runs nothing that is not ours, and has no number in its
/// markup that is none.
pub fn assert_sound(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"), "{}", &page[..100]);
    let mut open: Vec<&str> = Vec::new();
    let mut ids = HashSet::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").expect("it begins so");
    let mut scripts = 0;
    while let Some(place) = rest.find('<') {
        let text = &rest[..place];
        assert!(
            !text.contains('>') || open.last() == Some(&"style"),
            "{text}"
        );
        rest = &rest[place + 1..];
        let end = rest.find('>').expect("each tag ends");
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{open:?}");
            continue;
        }
        let name = tag.split([' ', '/']).next().expect("it has a name");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{tag}");
        attributes(tag, name, &mut ids);
        if name == "script" {
            scripts += 1;
            // Its comparisons are no tags.
            rest = &rest[rest.find("</script>").expect("it ends")..];
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(scripts <= 1, "one script, of tables");
}

fn attributes<'a>(tag: &'a str, name: &str, ids: &mut HashSet<&'a str>) {
    let mut rest = &tag[name.len()..];
    while let Some((before, after)) = rest.split_once("=\"") {
        let attribute = before.trim();
        let (value, after) = after.split_once('"').expect("values are quoted");
        rest = after;
        assert!(
            attribute
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "{tag}"
        );
        assert!(!attribute.starts_with("on"), "{tag}");
        if ["href", "src"].contains(&attribute) {
            let is_ours = value.starts_with("data:application/json;base64,")
                || value == "data:,"
                || !value.contains(':');
            assert!(is_ours, "{value}");
        }
        if attribute == "id" {
            assert!(ids.insert(value), "twice: {value}");
        }
        let is_drawn =
            ["d", "x", "y", "x1", "x2", "y1", "y2", "width", "height"].contains(&attribute);
        if is_drawn {
            assert!(!value.contains("NaN") && !value.contains("inf"), "{tag}");
        }
    }
    assert!(["", "/", " hidden"].contains(&rest), "{tag}: {rest}");
}
