//! The README and the guide: every page is in the table of contents, every link leads somewhere, and every
//! command is one that the program takes.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::Home;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Markdown files right below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("it is a folder of the repository");
    let mut pages: Vec<PathBuf> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    pages
}

/// All pages that a user may read.
fn all_pages() -> Vec<PathBuf> {
    let mut all = [pages(&root()), pages(&root().join("docs"))].concat();
    for entry in fs::read_dir(root().join("crates")).expect("it is a folder of the repository") {
        all.extend(pages(&entry.expect("it can be read").path()));
    }
    all
}

/// The text without what stands in fences.
fn prose(text: &str) -> String {
    let parts = text.split("\n```");
    parts.step_by(2).collect::<Vec<_>>().join("\n")
}

/// The targets of the links in a text.
fn links(text: &str) -> Vec<String> {
    let parts = text.split("](").skip(1);
    parts
        .filter_map(|part| part.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// The names that headings have as targets of links, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words
                .chars()
                .filter(|it| it.is_alphanumeric() || " -_".contains(*it));
            kept.map(|it| if it == ' ' { '-' } else { it }).collect()
        })
        .collect()
}

#[test]
fn every_page_of_the_guide_is_in_its_table_of_contents() {
    let docs = root().join("docs");
    let listed: BTreeSet<String> = links(&read(&docs.join("SUMMARY.md"))).into_iter().collect();
    let there: BTreeSet<String> = pages(&docs)
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| name != "SUMMARY.md")
        .collect();
    assert_eq!(listed, there);
}

#[test]
fn every_link_leads_somewhere() {
    for page in all_pages() {
        let text = read(&page);
        for link in links(&prose(&text)) {
            if link.starts_with("http") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().expect("it is in a folder").join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            let is_there = anchor.is_empty() || anchors(&read(&target)).contains(anchor);
            assert!(is_there, "{}: {link}: no such heading", page.display());
        }
    }
}

/// The commands of laptime in the consoles of a page.
fn commands(text: &str) -> Vec<String> {
    let consoles = text.split("```console\n").skip(1);
    let lines = consoles.flat_map(|it| it.split("```").next().unwrap_or_default().lines());
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .filter_map(|line| {
            let starts = [
                "laptime ",
                "target/release/laptime ",
                "cargo run --release -- ",
            ];
            starts.iter().find_map(|start| line.strip_prefix(start))
        })
        .map(|line| {
            line.split([">", "|"].map(|it| it.chars().next().expect("one character")))
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}

/// With `--help` at the end, a command line is parsed as far as it goes and nothing is done.
#[test]
fn every_command_is_one_that_the_program_takes() {
    let home = Home::new();
    let mut count = 0;
    for page in all_pages() {
        for command in commands(&read(&page)) {
            if command == "--version" {
                continue;
            }
            let done = home.laptime(&format!(
                "{} --help",
                command.replace('"', "").replace("M1 Mac Mini", "last")
            ));
            assert_eq!(
                done.code,
                Some(0),
                "{}: {command}: {}",
                page.display(),
                done.stderr
            );
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
