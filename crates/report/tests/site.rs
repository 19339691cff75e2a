//! The site of many records: what is listed, what apart, and that all links lead somewhere.

mod common;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../../results/tests/sample/mod.rs"]
mod sample;

use std::{collections::BTreeMap, convert::Infallible};

use common::{assert_sound, records};
use laptime_report::{File, Refused, Site, site};
use laptime_results::{GateVerdict, Read, Record, Summary, Work};
use serde_json::Value;

fn made(records: &[Read], refused: &[Refused]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let write = |file: File| {
        assert!(
            files.insert(file.path.clone(), file.text).is_none(),
            "{}",
            file.path
        );
        Ok::<(), Infallible>(())
    };
    let Ok(()) = site(&Site { records, refused }, write);
    files
}

fn as_read(record: Record) -> Read {
    Read {
        record,
        summary_differs: false,
    }
}

fn several() -> Vec<Read> {
    let mut found = Vec::new();
    for (number, seconds) in [(1, 2.0), (2, 3.0), (3, 1.0)] {
        let mut record =
            sample::record(&[1.0, 1.01, 0.99, 1.02, 0.98, 1.03, 0.97].map(|it| it * seconds));
        record.id = format!("record-{number}");
        record.device.name = format!("Machine {number}");
        found.push(as_read(record));
    }
    found
}

#[test]
fn the_fastest_comes_first_and_all_links_lead_somewhere() {
    let mut records: Vec<Read> = several();
    records.extend(common::records("clean").into_iter().map(as_read));
    records.extend(common::records("extrapolated").into_iter().map(as_read));
    let files = made(&records, &[]);
    let page = &files["workload/fashion-mnist-fp32.html"];
    let place = |name: &str| {
        page.find(&format!("data-value=\"{name}\""))
            .expect("it is listed")
    };
    assert!(place("Machine 3") < place("Machine 1") && place("Machine 1") < place("Machine 2"));
    assert!(files["workload/cifar10-resnet50-fp32.html"].contains("extrapolated"));
    for (path, text) in &files {
        if path.ends_with(".json") {
            serde_json::from_str::<Value>(text).expect("it is JSON");
            continue;
        }
        assert_sound(text);
        let folder = path.split_once('/').map_or("", |(folder, _)| folder);
        for link in text.split("href=\"").skip(1) {
            let link = link.split('"').next().expect("it ends");
            let link = link.split('#').next().expect("it begins");
            let target = match link.strip_prefix("../") {
                Some(rest) => rest.to_owned(),
                None if folder.is_empty() => link.to_owned(),
                None => format!("{folder}/{link}"),
            };
            let is_there = link.starts_with("data:") || files.contains_key(&target);
            assert!(is_there, "{path}: {link}");
        }
    }
    let feed: Value = serde_json::from_str(&files["feed.json"]).expect("it is JSON");
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    assert_eq!(feed["items"].as_array().map(Vec::len), Some(records.len()));
}

#[test]
fn what_does_not_mean_what_it_seems_to_is_listed_apart_with_the_reason() {
    let change = |number: usize, change: &dyn Fn(&mut Read)| {
        let mut read = several().swap_remove(0);
        read.record.id = format!("apart-{number}");
        change(&mut read);
        read
    };
    let clean = || {
        let [record] = records("clean").try_into().expect("one record");
        record
    };
    // (what is wrong, the record)
    let mut table: Vec<(&str, Read)> = vec![
        (
            "the gate failed: loss",
            change(1, &|it| {
                it.record.gate.verdict = GateVerdict::Failed;
                it.record.gate.what = Some("loss".into());
            }),
        ),
        (
            "a summary that its raw times contradict",
            change(2, &|it| it.summary_differs = true),
        ),
    ];
    let mut above = clean();
    if let Some(analysis) = &mut above.analysis {
        analysis.peaks.flops /= 3.0;
    }
    above.summary = Summary::of(&above.runs, Work::of(&above), above.analysis.as_ref());
    table.push((
        "it claims 96.1 GFLOP/s, above the 64.1 GFLOP/s",
        as_read(above),
    ));
    let diverged = sample::diverged(&[2.0, 2.1]);
    table.push(("it diverged at epoch 2, step 313", as_read(diverged)));
    table.push((
        "it is partial: --max-steps cut it short",
        change(5, &|it| {
            it.record.partial = true;
            it.record.partial_reason = Some(laptime_results::PartialReason::MaxSteps);
        }),
    ));
    for (says, read) in table {
        let files = made(&[read], &[]);
        let page = &files["workload/fashion-mnist-fp32.html"];
        let (listed, apart) = page.split_once("id=\"apart\"").expect(says);
        // It begins with a capital there.
        assert!(apart.contains(&says[1..]), "{says}: {apart}");
        assert!(
            listed.contains("0 results") && !listed.contains("<tbody"),
            "{says}"
        );
    }
    let refused = [Refused {
        name: "b<b>.json".into(),
        why: "its phases add up to 3 s".into(),
    }];
    let files = made(&several(), &refused);
    assert!(files["index.html"].contains("b&lt;b&gt;.json: </strong>Its phases add up to 3 s."));
}

#[test]
fn a_record_given_twice_is_listed_once_and_a_second_one_of_its_id_not_at_all() {
    let mut records = several();
    records.push(records[0].clone());
    let mut forged = records[1].clone();
    forged.record.runs[0].total_s *= 1.001;
    forged.record.id = forged.record.id.to_uppercase();
    records.push(forged);
    let files = made(&records, &[]);
    assert!(files["index.html"].contains("3 results of 1 workload"));
    assert!(files["index.html"].contains("RECORD-2: </strong>Another record has the same id."));
}

#[test]
fn names_of_others_are_neither_markup_nor_paths() {
    let mut records = several();
    let hostile = "../../<script>alert(1)</script>\" onload=\"x";
    for read in &mut records {
        let record = &mut read.record;
        record.workload.name = hostile.into();
        record.workload.precision = hostile.into();
        record.workload.built_in = false;
        record.device.name = hostile.into();
        record.engine.name = hostile.into();
    }
    let files = made(&records, &[]);
    for (path, text) in &files {
        let is_harmless = |c: char| c.is_ascii_alphanumeric() || "-./".contains(c);
        assert!(
            path.chars().all(is_harmless) && !path.contains(".."),
            "{path}"
        );
        if path.ends_with(".html") {
            assert_sound(text);
            assert!(!text.contains("<script>alert"), "{path}");
        }
    }
}

#[test]
fn the_browser_is_told_the_digest_of_the_script() {
    use sha2::{Digest, Sha256};
    let files = made(&several(), &[]);
    let page = &files["workload/fashion-mnist-fp32.html"];
    let (_, after) = page.split_once("<script>").expect("tables have a script");
    let (script, _) = after.split_once("</script>").expect("it ends");
    let bits = Sha256::digest(script);
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut digest = String::new();
    for chunk in bits.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            digest.push(if place > chunk.len() {
                '='
            } else {
                char::from(digit)
            });
        }
    }
    assert!(
        page.contains(&format!("script-src &#39;sha256-{digest}&#39;")),
        "SCRIPT_SHA256 in page.rs is to be {digest}"
    );
}
