//! `laptime report` from end to end: from files and the store to pages.

use std::{fs, path::Path};

use crate::support::{self, Done, Home};

const RECORDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/tests/records");

fn with_records() -> Home {
    let home = Home::new();
    for entry in fs::read_dir(RECORDS).expect("it is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().expect("it has a name");
        fs::copy(&path, home.path(&name.to_string_lossy())).expect("it is a temporary folder");
    }
    home
}

/// Puts a record into the store under its id.
fn store(home: &Home, file: &str) {
    let folder = home.path("data/laptime/records");
    fs::create_dir_all(&folder).expect("it can be made");
    let text = fs::read_to_string(home.path(file)).expect("it is there");
    let record: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let name = format!("{}.json", record["id"].as_str().expect("it has one"));
    fs::write(folder.join(name), text).expect("it is a temporary folder");
}

fn page(path: &Path) -> String {
    fs::read_to_string(path).expect("the page is there")
}

fn assert_done(done: &Done) {
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
}

#[test]
fn the_last_record_is_reported_on() {
    let home = with_records();
    let done = home.laptime("report");
    assert_eq!(done.code, Some(2), "{}", done.stdout);
    assert!(
        done.stderr.contains("no record is stored yet"),
        "{}",
        done.stderr
    );
    assert!(!home.path("report.html").exists(), "nothing is written");
    store(&home, "goal.json");
    let done = home.laptime("report");
    assert_done(&done);
    assert!(
        done.stderr.contains("written to report.html"),
        "{}",
        done.stderr
    );
    assert!(page(&home.path("report.html")).contains("fashion-mnist on AMD EPYC"));
}

#[test]
fn records_races_sweeps_and_published_results_are_reported_on() {
    let home = with_records();
    // (arguments, what the page says)
    let table = [
        ("clean.json", "trains and tests fashion-mnist in 2.603 s"),
        ("clean.json disturbed.json", "cannot be told apart"),
        ("race.json", "times as fast as jax"),
        ("sweep-1-thread.json", "per sample"),
        ("sweep-1-thread.json sweep-2-threads.json", "faster"),
        (
            "clean.json extrapolated.json",
            "the speed of the Apple M1 on average",
        ),
        ("clean.json sweep-1-thread.json", "by batch"),
    ];
    for (files, says) in table {
        let done = home.laptime(&format!("report {files} -o r.html"));
        assert_done(&done);
        let page = page(&home.path("r.html"));
        assert!(
            page.contains(says),
            "{files}: {says}: {}",
            &page[..page.len().min(20_000)]
        );
    }
    let mut command = home.command("report clean.json -o -");
    command.arg("Apple M1");
    let done = support::done(command);
    assert_done(&done);
    assert!(
        done.stdout.starts_with("<!DOCTYPE html>"),
        "{}",
        done.stdout
    );
    assert!(
        done.stdout.contains("Apple M1 (published)"),
        "{}",
        done.stdout
    );
}

#[test]
fn nothing_of_the_users_own_is_overwritten() {
    let home = with_records();
    fs::create_dir(home.path("own")).expect("it is a temporary folder");
    fs::write(home.path("own/thesis.txt"), "mine").expect("it is a temporary folder");
    let table = [
        (
            "report clean.json -o clean.json",
            "a record that is reported on",
        ),
        (
            "report clean.json -o r.md",
            ".md is the ending of Markdown format, and this writes HTML",
        ),
        ("report clean.json -o no/r.html", "create it first"),
        (
            "report clean.json --site own",
            "this folder has other files",
        ),
        (
            "report clean.json --site clean.json",
            "this is a file; give a folder",
        ),
        (
            "report clean.json -o r.html --site new",
            "cannot be used with",
        ),
        ("report nowhere.json", "no such file"),
        ("report expected.html", "no such file"),
    ];
    for (line, says) in table {
        let done = home.laptime(line);
        assert_eq!(done.code, Some(2), "{line}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{line}: {}", done.stderr);
    }
    assert!(!home.path("own/index.html").exists());
    let mut command = home.command("report");
    command.arg("Apple M1");
    let done = support::done(command);
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(
        done.stderr.contains("is shown beside a record"),
        "{}",
        done.stderr
    );
}

#[test]
fn a_site_is_made_and_made_anew() {
    let home = with_records();
    fs::write(home.path("broken.json"), "{\"schema\":").expect("it is a temporary folder");
    let records = "clean.json disturbed.json extrapolated.json first-format.json race.json sweep-1-thread.json \
                   broken.json";
    for _ in 0..2 {
        let done = home.laptime(&format!("report {records} --site public"));
        assert_done(&done);
        let index = Path::new("public").join("index.html");
        let says = format!("6 records written to {}", index.display());
        assert!(done.stderr.contains(&says), "{}", done.stderr);
        assert!(
            done.stderr.contains("broken.json: it is cut short"),
            "{}",
            done.stderr
        );
    }
    let index = page(&home.path("public/index.html"));
    for says in [
        "broken.json",
        "this is a sweep",
        "fashion-mnist fp32",
        "cifar10-resnet50 fp32",
    ] {
        assert!(index.to_lowercase().contains(says), "{says}: {index}");
    }
    let table = page(&home.path("public/workload/fashion-mnist-fp32.html"));
    assert!(table.contains("Listed apart") && table.contains("ts samples were made up"));
    // What is published can be read, and says the same.
    let folder = fs::read_dir(home.path("public/record")).expect("there are records");
    assert_eq!(folder.count(), 6);
    let done = home.laptime("records check public/record/20261126T105422Z-23fcce.json");
    assert_done(&done);
    // Records in the site are no input of it.
    let done = home.laptime("report public/record/20261126T105422Z-23fcce.json --site public");
    assert_eq!(done.code, Some(2), "{}", done.stderr);
    assert!(done.stderr.contains("is in it"), "{}", done.stderr);
}

#[test]
fn a_site_made_anew_has_no_page_of_a_record_that_is_gone() {
    let home = with_records();
    assert_done(&home.laptime("report clean.json disturbed.json extrapolated.json --site public"));
    fs::write(home.path("public/report/note.txt"), "mine").expect("it is a temporary folder");
    assert_done(&home.laptime("report clean.json --site public"));
    for (folder, files) in [("record", 1), ("report", 2), ("workload", 1)] {
        let all = fs::read_dir(home.path(&format!("public/{folder}"))).expect("it was made");
        assert_eq!(all.count(), files, "{folder}");
    }
    let note = fs::read_to_string(home.path("public/report/note.txt"));
    assert_eq!(note.expect("no file of a site"), "mine");
}

#[test]
fn the_whole_store_makes_a_site() {
    let home = with_records();
    for file in ["clean.json", "disturbed.json", "goal.json"] {
        store(&home, file);
    }
    let done = home.laptime("report --site public");
    assert_done(&done);
    assert!(done.stderr.contains("3 records written"), "{}", done.stderr);
}

#[test]
fn the_site_and_the_check_judge_alike() {
    let home = with_records();
    let text = fs::read_to_string(home.path("clean.json")).expect("it is there");
    let original: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let write = |name: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut record = original.clone();
        change(&mut record);
        fs::write(home.path(name), record.to_string()).expect("it is a temporary folder");
    };
    write("gate.json", &|it| {
        it["gate"]["verdict"] = "failed".into();
        it["gate"]["what"] = "loss".into();
    });
    write("peak.json", &|it| {
        it["analysis"]["peaks"]["flops"] = 5e10.into()
    });
    write("told.json", &|it| {
        it["summary"]["total_s"]["median"] = 1.0.into()
    });
    write("phases.json", &|it| {
        it["runs"][0]["phases"]["train_s"] = 9.0.into()
    });
    for (file, says) in [
        ("gate.json", "the gate failed: loss"),
        (
            "peak.json",
            "above the 50.0 GFLOP/s that it measured as its peak",
        ),
        ("told.json", "a summary that its raw times contradict"),
        ("phases.json", "its phases add up to"),
    ] {
        let done = home.laptime(&format!("records check {file}"));
        assert_eq!(done.code, Some(1), "{file}: {}", done.stdout);
        assert!(done.stdout.contains(says), "{file}: {}", done.stdout);
        let done = home.laptime(&format!("report {file} --site site-{file}"));
        assert_done(&done);
        let mut pages = page(&home.path(&format!("site-{file}/index.html")));
        if let Ok(table) =
            fs::read_to_string(home.path(&format!("site-{file}/workload/fashion-mnist-fp32.html")))
        {
            pages += &table;
        }
        // It begins with a capital there.
        assert!(pages.contains(&says[1..]), "{file}: {pages}");
    }
}
