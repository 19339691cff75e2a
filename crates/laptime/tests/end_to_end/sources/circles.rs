//! Modules of a crate use each other in one direction: whoever reads one need not have read those that use it.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

/// Circles that are still to be untied: a crate, and those modules of it.
const LEFT: [(&str, &[&str]); 2] = [
    // `session` has the traits that the gate asks, and their `trace_f64` gives a `Trace` of the gate; `progress` and
    // `tally` count the `Score` that stands in `session`, which uses both.
    ("engine", &["gate", "progress", "session", "tally"]),
    // A framework says what is installed for it (`install`'s `Lock`), and `install` knows all frameworks; it also
    // asks the engine whether what it has installed starts.
    ("peers", &["engine", "environment", "frameworks", "install"]),
];

/// The modules of a crate, each with those that it uses.
type Modules = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut crates: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, text) in sources() {
        let (of_crate, path) = name.split_once("/src/").expect("it is a source");
        // All files of a folder are one module: a path from its root leads into the folder, and no further.
        let (module, is_root) = match path.split_once('/') {
            Some((folder, _)) => (folder, false),
            None => (path.trim_end_matches(".rs"), true),
        };
        let code = text.lines().filter(|it| !it.trim_start().starts_with("//"));
        let mut code: String = code.flat_map(|line| [line, "\n"]).collect();
        if is_root {
            code = code.replace("super::", "crate::");
        }
        let modules = crates.entry(of_crate.to_owned()).or_default();
        modules
            .entry(module.to_owned())
            .or_default()
            .push_str(&code);
    }
    let mut wrong = Vec::new();
    for (name, texts) in &crates {
        let circle = in_circles(&uses(texts));
        let found: BTreeSet<&str> = circle.keys().map(String::as_str).collect();
        let left = LEFT.iter().filter(|(of_crate, _)| of_crate == name);
        let left: BTreeSet<&str> = left.flat_map(|(_, modules)| *modules).copied().collect();
        if found != left {
            wrong.push(format!("{name}: {circle:?}, but left is {left:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Inside a folder files know each other as `super::`.
#[test]
fn no_files_of_a_folder_use_each_other_in_a_circle() {
    let mut folders: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (name, text) in sources() {
        let (folder, file) = name.rsplit_once('/').expect("it is a source");
        let file = file.trim_end_matches(".rs");
        if folder.ends_with("/src") || file == "mod" {
            continue;
        }
        let code = text.lines().filter(|it| !it.trim_start().starts_with("//"));
        let code: String = code.flat_map(|line| [line, "\n"]).collect();
        let code = code.replace("crate::", "").replace("super::super::", "");
        let files = folders.entry(folder.to_owned()).or_default();
        files.insert(file.to_owned(), code.replace("super::", "crate::"));
    }
    let mut wrong = Vec::new();
    for (folder, texts) in &folders {
        let circle = in_circles(&uses(texts));
        if !circle.is_empty() {
            wrong.push(format!("{folder}: {circle:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each module uses, by its name or by that of something that the root of the crate shows of it.
fn uses(texts: &BTreeMap<String, String>) -> Modules {
    let mut places = BTreeMap::new();
    for root in ["lib", "main"].iter().filter_map(|name| texts.get(*name)) {
        for statement in root.split(';') {
            let Some((_, path)) = statement.split_once("use ") else {
                continue;
            };
            let Some((module, text)) = path.split_once("::").filter(|it| texts.contains_key(it.0))
            else {
                continue;
            };
            let of_all = match text {
                "*" => public_names(&texts[module]),
                _ => words(text),
            };
            places.extend(of_all.into_iter().map(|name| (name, module)));
        }
    }
    let modules = texts.iter().map(|(module, text)| {
        let mut used = BTreeSet::new();
        for name in names_behind("crate::", text) {
            let place = places.get(&name).map(|place| (*place).to_owned());
            used.insert(if texts.contains_key(&name) {
                name
            } else {
                place.unwrap_or(name)
            });
        }
        used.remove(module);
        (module.clone(), used)
    });
    modules.collect()
}

/// Those that are in a circle, each with what it uses of the same circle.
fn in_circles(modules: &Modules) -> Modules {
    let circles = modules.iter().map(|(name, used)| {
        let back = used
            .iter()
            .filter(|one| leads_to(modules, one).contains(name));
        (name.clone(), back.cloned().collect::<BTreeSet<_>>())
    });
    circles.filter(|(_, used)| !used.is_empty()).collect()
}

/// All that a module uses, directly or through others.
fn leads_to(modules: &Modules, from: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(one) = next.pop() {
        for used in modules.get(one).into_iter().flatten() {
            if seen.insert(used.clone()) {
                next.push(used);
            }
        }
    }
    seen
}

/// What a module may show by `pub use module::*`.
fn public_names(code: &str) -> BTreeSet<String> {
    let kinds = ["struct", "enum", "trait", "type", "fn", "const", "static"];
    let public = code.lines().filter_map(|line| line.strip_prefix("pub "));
    let names = public.filter_map(|line| {
        let (kind, name) = line.split_once(' ')?;
        kinds.contains(&kind).then(|| first_name(name))
    });
    names.collect()
}

/// All names in a path, or in a list of them.
fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c| !is_of_name(c));
    words
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_name(text: &str) -> String {
    let text = text.trim_start().chars();
    text.take_while(|c| is_of_name(*c)).collect()
}

/// What a path that begins so goes on with, in each place: one name, or those of a list in braces.
fn names_behind(start: &str, code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(start) {
        let rest = &code[at + start.len()..];
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(first_name(rest));
            continue;
        };
        names.insert(first_name(list));
        let mut depth = 0;
        for (at, one) in list.char_indices() {
            match one {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(first_name(&list[at + 1..]));
                }
                _ => {}
            }
        }
    }
    names
}
