//! ASCII in place of the characters that laptime draws and writes with, for terminals without UTF-8.

use std::{borrow::Cow, env, sync::OnceLock};

use crate::console;

/// Whether a terminal here shows UTF-8.
pub fn has_utf8() -> bool {
    static HAS_UTF8: OnceLock<bool> = OnceLock::new();
    *HAS_UTF8.get_or_init(|| {
        let variable = |name: &str| {
            let value = env::var_os(name)?;
            Some(value.to_string_lossy().into_owned())
        };
        is_utf8(variable, console::code_page())
    })
}

/// Whether the first of the locale's variables that says anything (POSIX, "Internationalization Variables")
/// says UTF-8. Where none does, as in containers and over SSH, the terminal has it all the same today, but
/// for the console of Windows: Rust writes to it in UTF-16, whatever its code page is, but the fonts of the
/// old console lack what the code page lacks. Other terminals of Windows state their names.
fn is_utf8(variable: impl Fn(&str) -> Option<String>, code_page: Option<u32>) -> bool {
    let stated = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(stated);
    match (locale, code_page) {
        (Some(locale), _) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        (None, None | Some(console::UTF_8)) => true,
        (None, Some(_)) => TERMINALS.iter().find_map(stated).is_some(),
    }
}

/// What terminals set on Windows: its Terminal; WezTerm, VS Code; JetBrains's; MSYS2's, Alacritty.
const TERMINALS: [&str; 4] = ["WT_SESSION", "TERM_PROGRAM", "TERMINAL_EMULATOR", "TERM"];

/// The text with laptime's own characters in ASCII. Each is one character where that can be read, so that
/// columns stay below each other; what others wrote stays as it is.
pub fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        let between_words = plain.ends_with([' ', '\n']) || plain.is_empty();
        match instead(character, between_words) {
            Some(other) => plain += other,
            None => plain.push(character),
        }
    }
    Cow::Owned(plain)
}

fn instead(character: char, between_words: bool) -> Option<&'static str> {
    Some(match character {
        '━' => "=",
        '─' | '–' | '−' => "-",
        '┏' | '┓' | '┗' | '┛' => "+",
        '┃' => "|",
        // Bars: what is at least half full counts.
        '█' | '▉' | '▊' | '▋' | '▌' => "#",
        '▍' | '▎' | '▏' => "|",
        // Columns, by how much ink they have.
        '▁' => "_",
        '▂' => ".",
        '▃' => "-",
        '▄' => "=",
        '▅' => "+",
        '▆' => "*",
        '▇' => "%",
        '·' if between_words => "|",
        '·' => "*",
        '×' => "x",
        'µ' => "u",
        '…' => "...",
        '→' => "->",
        '←' => "<-",
        '≥' => ">=",
        '≤' => "<=",
        '√' => "sqrt",
        '²' => "^2",
        '³' => "^3",
        'ᵀ' => "^T",
        'β' => "beta",
        'γ' => "gamma",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_laptime_draws_has_a_counterpart_in_ascii() {
        for (text, expected) in [
            ("plain", "plain"),
            ("┏━┓\n┃ a ┃\n┗━┛", "+=+\n| a |\n+=+"),
            ("train  ████▌", "train  #####"),
            ("test   ▏", "test   |"),
            ("▁▂▃▄▅▆▇█×", "_.-=+*%#x"),
            (
                "fp32 · batch 32 ·\n10 epochs",
                "fp32 | batch 32 |\n10 epochs",
            ),
            (
                "2×  product → fc1, 1.5 µs, 1.20–1.31",
                "2x  product -> fc1, 1.5 us, 1.20-1.31",
            ),
            ("epoch 1/2 ━━── compiling …", "epoch 1/2 ==-- compiling ..."),
            (
                "y = x·Wᵀ, u ← γ·u, n ≥ 2",
                "y = x*W^T, u <- gamma*u, n >= 2",
            ),
            ("Müller's 模型", "Müller's 模型"),
        ] {
            assert_eq!(ascii(text), expected);
        }
    }

    #[test]
    fn the_locale_says_what_a_terminal_shows() {
        for (all, ctype, lang, expected) in [
            ("", "", "", true),
            ("", "", "C", false),
            ("", "", "de_DE.ISO-8859-1", false),
            ("", "", "de_DE.UTF-8", true),
            ("", "", "C.utf8", true),
            ("", "UTF-8", "C", true),
            ("C", "UTF-8", "de_DE.UTF-8", false),
            ("POSIX", "", "", false),
        ] {
            let variable = |name: &str| {
                let value = match name {
                    "LC_ALL" => all,
                    "LC_CTYPE" => ctype,
                    _ => lang,
                };
                Some(value.to_owned())
            };
            for code_page in [None, Some(437), Some(65001)] {
                let is_stated = [all, ctype, lang].iter().any(|value| !value.is_empty());
                let expected = expected && (is_stated || code_page != Some(437));
                let found = is_utf8(variable, code_page);
                assert_eq!(found, expected, "{all} {ctype} {lang} {code_page:?}");
            }
        }
    }
    #[test]
    fn a_terminal_of_windows_with_a_name_shows_what_the_old_console_cannot() {
        for name in TERMINALS {
            let named = |other: &str| (other == name).then(|| "1".to_owned());
            assert!(is_utf8(named, Some(850)), "{name}");
        }
        assert!(!is_utf8(|_| None, Some(850)));
    }
}
