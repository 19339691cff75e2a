//! What is done in one place of the sources only, so that nobody forgets how: files are written whole,
//! no link at a name of ours is followed, and no text of others reaches the terminal as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The sources of all crates without their tests, each with its path below `crates`.
fn sources() -> Vec<(String, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> = fs::read_dir(&crates)
        .expect("the sources are there")
        .map(|entry| entry.expect("it can be read").path().join("src"))
        .filter(|folder| folder.is_dir())
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be read").path();
            let name = path.strip_prefix(&crates).expect("it is below");
            let name = name.to_string_lossy().replace('\\', "/");
            if name.ends_with("/tests") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with("tests.rs") && !name.ends_with("test_server.rs") {
                let text = fs::read_to_string(&path).expect("it is text");
                let code = text.split("#[cfg(test)]\nmod tests {").next();
                let code = code.unwrap_or_default().split("#[cfg(all(test").next();
                sources.push((name, code.unwrap_or_default().to_owned()));
            }
        }
    }
    assert!(sources.len() > 100, "all crates have sources");
    sources
}

/// Nobody but these files may have these words.
fn assert_only(words: &[&str], files: &[&str]) {
    for (name, text) in sources() {
        if files.contains(&name.as_str()) {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let is_code = !line.trim_start().starts_with("//");
            let found = words.iter().find(|word| is_code && line.contains(*word));
            assert!(found.is_none(), "{name}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn paths_are_shown_by_one_type() {
    assert_only(&[".display()"], &[]);
}

#[test]
fn streams_are_written_to_in_one_place() {
    let words = ["println!", "print!", "io::stdout()", "io::stderr()", "dbg!"];
    assert_only(
        &words,
        &[
            "laptime/src/output.rs",
            // Lines that are drawn again and again.
            "laptime/src/display.rs",
            "laptime/src/live/mod.rs",
            "laptime/src/live/screen.rs",
            "laptime/src/preview.rs",
            // Asks whether they are terminals.
            "laptime/src/exports/mod.rs",
            "laptime/src/exports/inputs.rs",
            // pip's own progress.
            "peers/src/install/module.rs",
            // What only tests call.
            "gpu/src/context.rs",
            "gpu/src/session.rs",
        ],
    );
}

#[test]
fn files_are_written_in_one_way() {
    let words = [
        "fs::write(",
        "File::create",
        "OpenOptions",
        "fs::rename",
        "fs::copy",
        ".persist(",
        "persist_noclobber",
        "NamedTempFile",
        "serialize_to_file",
    ];
    assert_only(
        &words,
        &[
            "workload/src/atomic_file.rs",
            "workload/src/own_file.rs",
            // Parts of downloads, which the next download goes on with.
            "workload/src/dataset/download.rs",
            // Streams, and files in folders that cannot be written.
            "laptime/src/exports/destination.rs",
            // Sites of thousands of files, which are made anew.
            "laptime/src/exports/site_folder.rs",
            // Inside folders that nobody else may write to.
            "peers/src/folder.rs",
            "peers/src/exchange.rs",
            "peers/src/process.rs",
            "peers/src/install/mod.rs",
            // Asks Linux to forget a peak.
            "measure/src/memory.rs",
        ],
    );
}

/// In reports, markup of the program's own is told from text of others by its lifetime: it is `&'static str`,
/// and all else is escaped.
#[test]
fn no_text_of_others_becomes_markup_of_our_own() {
    let of_report = sources();
    let of_report = of_report
        .iter()
        .filter(|(name, _)| name.starts_with("report/"));
    let mut files = 0;
    for (name, text) in of_report {
        let is_free = !text.contains("leak(") && !text.contains("unsafe {");
        assert!(is_free, "{name}");
        files += 1;
    }
    assert!(files > 20, "{files}");
}

/// What is particular to one operation stands in its file below a crate's `ops`, and in the table there, which the
/// compiler holds to be complete: whoever adds an operation need not search for what would be missing elsewhere.
/// Whatever else wants to know what an operation is asks its definition, its class, or what its tensors are for.
#[test]
fn operations_are_told_apart_in_their_tables_alone() {
    let tells_apart = |line: &str| {
        let mut places = line.match_indices("Op::");
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let is_code = !line.trim_start().starts_with("//");
        is_code && places.any(|(at, _)| !line[..at].ends_with(is_name))
    };
    for (name, text) in sources() {
        if !name.contains("/src/ops/") {
            let found = text.lines().enumerate().find(|(_, line)| tells_apart(line));
            assert!(found.is_none(), "{name}: {found:?}");
        }
    }
}

/// Crates whose circles are still to be untied.
const WITH_CIRCLES: [&str; 2] = ["laptime", "results"];

/// Modules of a crate use each other in one direction: whoever reads one need not have read those that use it.
#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut uses: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (name, text) in sources() {
        let (of_crate, path) = name.split_once("/src/").expect("it is a source");
        let (module, is_root) = match path.split_once('/') {
            Some((folder, _)) => (folder, false),
            None => (path.trim_end_matches(".rs"), true),
        };
        let code: String = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line, "\n"])
            .collect();
        let mut used = names_behind("crate::", &code);
        if is_root {
            used.extend(names_behind("super::", &code));
        }
        used.remove(module);
        let modules = uses.entry(of_crate.to_owned()).or_default();
        modules.entry(module.to_owned()).or_default().extend(used);
    }
    for (of_crate, mut modules) in uses {
        if WITH_CIRCLES.contains(&of_crate.as_str()) {
            continue;
        }
        // Whoever uses none of those that are left is in no circle, until none can be taken away any more.
        loop {
            let left: BTreeSet<String> = modules.keys().cloned().collect();
            modules.retain(|_, used| used.iter().any(|one| left.contains(one)));
            if modules.len() == left.len() {
                break;
            }
        }
        assert!(modules.is_empty(), "{of_crate}: {:?}", modules.keys());
    }
}

/// What a path that begins so goes on with, in each place: one name, or those of a list in braces.
fn names_behind(start: &str, code: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        let is_of_name = |c: &char| c.is_alphanumeric() || *c == '_';
        text.trim_start().chars().take_while(is_of_name).collect()
    };
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(name(rest));
            continue;
        };
        names.insert(name(list));
        let mut depth = 0;
        for (at, one) in list.char_indices() {
            match one {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(name(&list[at + 1..]));
                }
                _ => {}
            }
        }
    }
    names
}
