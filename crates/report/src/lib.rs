//! Turns records into pages: a report of some results, in one file that needs no network and no script, and
//! a static site of many. Knows no engine, reads no file and writes none.
//!
//! All text of others becomes markup in `html` alone, where it is escaped.

mod data;
mod details;
mod group;
mod html;
mod limits;
mod page;
mod pictures;
mod record;
mod site;
mod summary;
mod svg;
mod sweeps;
mod table;
mod warnings;

use laptime_results::{Record, export, published::Published, sweep::Sweep};

use group::groups;
use html::Html;

pub use site::{File, Refused, Site, site};

/// What a report is of.
pub struct Input<'a> {
    /// The results, in the order in which they are told of.
    pub records: &'a [Record],
    /// Published results that they are compared with, beside those of the same training, which are there
    /// anyway.
    pub published: &'a [&'static Published],
    /// Sweeps.
    pub sweeps: &'a [Sweep],
    /// Other records of the same machines, from which their spread from one occasion to another is taken.
    pub history: &'a [Record],
    /// How the reader comes to the raw data.
    pub raw: Raw<'a>,
    /// The page that this one belongs to: its address and its name.
    pub back: Option<(&'a str, &'a str)>,
}

/// Where the raw data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw<'a> {
    /// In the page.
    Embedded,
    /// At this address.
    Linked(&'a str),
}

/// The report as an HTML file.
pub fn report(input: &Input) -> String {
    let groups = groups(input);
    let told = summary::told(input, &groups);
    page::page(&told.title, &told.headline, page::Script::None, |html| {
        if let Some((address, name)) = input.back {
            html.element("nav", &[], |html| {
                html.line("a", &[("href", address)], &format!("← {name}"));
            });
        }
        html.element("header", &[], |html| summary::head(html, input, &told));
        html.element("main", &[], |html| {
            for group in &groups {
                group::comparison(html, group, groups.len() > 1);
                for (record, label) in &group.records {
                    let is_alone = input.records.len() == 1;
                    // Of a suite, a record is told by its workload.
                    let label = match group.records.len() {
                        1 => format!("{} on {}", record.workload.name, record.device.name),
                        _ => label.clone(),
                    };
                    record::record(html, record, (!is_alone).then_some(label.as_str()));
                }
            }
            sweeps::sweeps(html, input.sweeps, input.records.is_empty());
            reproduce(html, input);
            downloads(html, input);
        });
    })
}

/// The command lines.
fn reproduce(html: &mut Html, input: &Input) {
    let mut commands: Vec<String> = Vec::new();
    for record in input.records {
        let command = shell(&record.command);
        if !command.is_empty() && !commands.contains(&command) {
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return;
    }
    html.element("section", &[("aria-labelledby", "again")], |html| {
        html.line("h2", &[("id", "again")], "Reproduce it");
        for command in &commands {
            let group = [
                ("class", "scroll command"),
                ("tabindex", "0"),
                ("role", "group"),
                ("aria-label", "Command line"),
            ];
            html.element("div", &group, |html| html.line("code", &[], command));
        }
        if commands.iter().any(|it| it.contains("FILE")) {
            let text = "FILE stands for a file of the one who made it; records have no paths.";
            html.line("p", &[("class", "caption")], text);
        }
    });
}

/// A command line as a shell reads it.
fn shell(words: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=.,:/@+%~".contains(c);
    let quoted = words.iter().map(
        |word| match !word.is_empty() && word.chars().all(is_plain) {
            true => word.clone(),
            false => format!("'{}'", word.replace('\'', r"'\''")),
        },
    );
    quoted.collect::<Vec<_>>().join(" ")
}

fn downloads(html: &mut Html, input: &Input) {
    html.element("section", &[("aria-labelledby", "raw")], |html| {
        html.line("h2", &[("id", "raw")], "Raw data");
        html.raw("<p>All times of all runs, as laptime reads them again:</p>");
        html.element("ul", &[("class", "downloads")], |html| match input.raw {
            Raw::Linked(address) => link(html, address, "the record", None),
            Raw::Embedded => {
                for record in input.records {
                    let name = format!("{}.json", record.id);
                    let address = data::json_link(&export::compact_json(record));
                    link(html, &address, &name, Some(&name));
                }
                for sweep in input.sweeps {
                    let name = format!("{}.json", file_name(&sweep.id));
                    let address = data::json_link(&export::compact_json(sweep));
                    link(html, &address, &name, Some(&name));
                }
            }
        });
    });
}

/// The id of a sweep is not judged when it is read, as that of a record is.
fn file_name(id: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-';
    let name: String = id.chars().filter(is_plain).take(64).collect();
    if name.is_empty() {
        "sweep".into()
    } else {
        name
    }
}

fn link(html: &mut Html, address: &str, text: &str, download: Option<&str>) {
    html.element("li", &[], |html| {
        let mut attributes = vec![("href", address)];
        attributes.extend(download.map(|name| ("download", name)));
        html.line("a", &attributes, text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_quoted_for_a_shell() {
        let shown = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            shell(&words)
        };
        assert_eq!(
            shown(&["laptime", "run", "--runs=9"]),
            "laptime run --runs=9"
        );
        assert_eq!(shown(&["a", "b c", "it's", ""]), r"a 'b c' 'it'\''s' ''");
        assert_eq!(file_name("../a b\0"), "ab");
    }
}
