//! Where `unsafe` may stand: ARCHITECTURE.md, invariant 8.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files and folders of code that may be unsafe, below `crates`.
const ALLOWED: [&str; 17] = [
    "cpu/src/float_mode.rs",
    "cpu/src/kernels",
    "cpu/src/memory.rs",
    // Kernels of one operation alone, and the list of all.
    "cpu/src/ops",
    "cpu/src/runner.rs",
    "cpu/src/session.rs",
    "cpu/src/simd",
    "cpu/src/threads",
    "cpu/src/yardstick.rs",
    "gpu/src/compiled.rs",
    "gpu/src/context.rs",
    "gpu/src/probe.rs",
    "laptime/src/console.rs",
    "laptime/src/out_of_memory.rs",
    "laptime/src/signals",
    "measure/src/memory/windows.rs",
    "peers/src/process_group/windows.rs",
];

/// And in `main`, one line.
const MAIN: &str = "laptime/src/main.rs";

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files of a folder, and of those in it.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// How often the keyword stands in the code, as far as can be told without parsing: comments and strings
/// left out, lints' names are other words.
fn keywords(code: &str) -> usize {
    let is_no_word = |c: char| !c.is_alphanumeric() && c != '_';
    let mut count = 0;
    for line in code.lines() {
        let code = line.split("//").next().unwrap_or("");
        // Every second part is within quotation marks.
        for part in code.split('"').step_by(2) {
            count += part
                .split(is_no_word)
                .filter(|word| *word == "unsafe")
                .count();
        }
    }
    count
}

#[test]
fn unsafe_stands_only_where_the_architecture_says() {
    let root = crates();
    let mut seen = vec![false; ALLOWED.len()];
    for crate_folder in fs::read_dir(&root).unwrap() {
        let source = crate_folder.unwrap().path().join("src");
        let mut files = Vec::new();
        sources(&source, &mut files);
        for file in files {
            let keywords = keywords(&fs::read_to_string(&file).unwrap());
            if keywords == 0 {
                continue;
            }
            let name = file.strip_prefix(&root).unwrap();
            if name == Path::new(MAIN) {
                assert_eq!(keywords, 1, "{MAIN} has one line");
                continue;
            }
            let place = ALLOWED.iter().position(|allowed| name.starts_with(allowed));
            let Some(place) = place else {
                panic!(
                    "{} is unsafe; ARCHITECTURE.md does not name it",
                    name.display()
                );
            };
            seen[place] = true;
        }
    }
    for (place, seen) in ALLOWED.iter().zip(seen) {
        assert!(
            seen,
            "nothing in {place} is unsafe any more: take it off the list"
        );
    }
}

#[test]
fn keywords_are_found_in_code_alone() {
    assert_eq!(
        keywords("unsafe { f() } // unsafe\nunsafe impl Send for T {}"),
        2
    );
    assert_eq!(
        keywords("/// unsafe\n#![warn(unsafe_op_in_unsafe_fn)]\nlet a = \"unsafe\";"),
        0
    );
}
