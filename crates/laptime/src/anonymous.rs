//! Texts for records, which may be published: what a framework or the system says of an error has paths
//! in it, and those have the user's name.

use std::env;

use laptime_workload::escaped;

/// Who says what stands for a path.
const PATHS: [(&str, &str); 8] = [
    ("LAPTIME_PEER_PYTORCH", "$LAPTIME_PEER_PYTORCH"),
    ("LAPTIME_PEER_TENSORFLOW", "$LAPTIME_PEER_TENSORFLOW"),
    ("LAPTIME_PEER_JAX", "$LAPTIME_PEER_JAX"),
    ("LAPTIME_PEER_MLX", "$LAPTIME_PEER_MLX"),
    ("XDG_DATA_HOME", "$XDG_DATA_HOME"),
    ("XDG_CACHE_HOME", "$XDG_CACHE_HOME"),
    ("HOME", "~"),
    ("USERPROFILE", "~"),
];
const NAMES: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];

/// The text without the user's folders and name.
pub fn anonymous(text: &str) -> String {
    without(text, |variable| env::var(variable).ok())
}

fn without(text: &str, variable: impl Fn(&str) -> Option<String>) -> String {
    let mut text = text.to_owned();
    for (name, stands_for) in PATHS {
        // A root folder is nobody's.
        if let Some(path) = variable(name).filter(|path| path.len() > 1) {
            let path = path.trim_end_matches(['/', '\\']);
            // Messages show paths escaped.
            for path in [path, &escaped(path)] {
                text = text.replace(path, stands_for);
            }
        }
    }
    for name in NAMES {
        if let Some(user) = variable(name).filter(|user| !user.is_empty()) {
            text = without_name(&text, &user);
        }
    }
    text
}

/// Puts a word in the place of a name where that is a part of a path: by itself it may be a word.
fn without_name(text: &str, name: &str) -> String {
    let mut parts = text.split(name);
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_behind = clean.ends_with(['/', '\\', '_']);
        let is_before = !part.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        clean += if is_behind && is_before { "USER" } else { name };
        clean += part;
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_users_folders_nor_the_name_are_left() {
        let variable = |name: &str| {
            let value = match name {
                "HOME" => "/home/ada/",
                "USER" => "ada",
                "LAPTIME_PEER_JAX" => "/data/ada/jax/bin/python",
                "XDG_DATA_HOME" => "/home/ada/data",
                "XDG_CACHE_HOME" => "/ada\n/cache",
                "USERPROFILE" => r"C:\Users\Ada Lovelace\",
                _ => return None,
            };
            Some(value.to_owned())
        };
        for (text, clean) in [
            ("/home/ada/x.py, line 3", "~/x.py, line 3"),
            ("/home/ada/data/laptime", "$XDG_DATA_HOME/laptime"),
            (
                r"C:\Users\Ada Lovelace\AppData\x.py: gone",
                r"~\AppData\x.py: gone",
            ),
            (
                "JAX: /data/ada/jax/bin/python cannot be started",
                "JAX: $LAPTIME_PEER_JAX cannot be started",
            ),
            ("'/data/ada/jax/lib'", "'/data/USER/jax/lib'"),
            (r"/ada\n/cache/x: damaged", "$XDG_CACHE_HOME/x: damaged"),
            ("/tmp/torchinductor_ada/x", "/tmp/torchinductor_USER/x"),
            ("adam, not ada or /adamant", "adam, not ada or /adamant"),
        ] {
            assert_eq!(without(text, variable), clean);
        }
    }
}
