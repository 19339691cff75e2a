//! What is done in one place of the sources only, so that nobody forgets how: files are written whole,
//! no link at a name of ours is followed, and no text of others reaches the terminal as it is.

mod circles;

use std::{
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
            "laptime/src/screen.rs",
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

/// Nobody reads a file of more lines at one go.
const MOST_LINES: usize = 500;

#[test]
fn no_file_is_too_long_to_be_read_at_one_go() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut folders: Vec<PathBuf> = ["crates", "fuzz"].map(|name| root.join(name)).to_vec();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("it can be listed") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let lines = fs::read_to_string(&path)
                    .expect("it is text")
                    .lines()
                    .count();
                assert!(
                    lines <= MOST_LINES,
                    "{path:?}: {lines} lines; split it by concept"
                );
                files += 1;
            }
        }
    }
    assert!(files > 300, "{files}");
}
