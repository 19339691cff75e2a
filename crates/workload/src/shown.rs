//! Foreign text on a terminal: paths, names and messages that others chose.
//!
//! A terminal obeys control characters, and some characters change how their neighbours look. Both
//! are written as escapes here, so that what is shown is what is there, on one line.

use std::{
    borrow::Cow,
    fmt::{self, Write},
    path::Path,
};

/// A path as a message names it: one line, nothing that a terminal obeys.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&escaped(&self.0.to_string_lossy()))
    }
}

/// The text on one line, with an escape for each character that is not shown as itself.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escaped_but(text, |_| false)
}

/// The text with its line breaks, and otherwise as [`escaped`].
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escaped_but(text, |character| character == '\n')
}

fn escaped_but(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_escaped = |character| is_unseen(character) && !is_kept(character);
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if !is_escaped(character) {
            shown.push(character);
            continue;
        }
        let written = match character {
            '\n' => shown.write_str(r"\n"),
            '\r' => shown.write_str(r"\r"),
            '\t' => shown.write_str(r"\t"),
            '\0'..='\u{7f}' => write!(shown, r"\x{:02x}", u32::from(character)),
            _ => write!(shown, r"\u{{{:x}}}", u32::from(character)),
        };
        written.expect("a string takes any text");
    }
    Cow::Owned(shown)
}

/// Whether a terminal obeys the character, hides it, or reorders text because of it: controls, and
/// the format characters and separators of Unicode (Cc, Cf, Zl, Zp).
pub fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{600}'..='\u{605}'
                | '\u{61c}'
                | '\u{6dd}'
                | '\u{70f}'
                | '\u{890}'..='\u{891}'
                | '\u{8e2}'
                | '\u{115f}'..='\u{1160}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{110bd}'
                | '\u{110cd}'
                | '\u{13430}'..='\u{1343f}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_shown_as_an_escape() {
        let table = [
            ("net.toml", "net.toml"),
            ("Küche/模型.toml", "Küche/模型.toml"),
            (r"C:\nets\a.toml", r"C:\nets\a.toml"),
            ("a\nerror: forged", r"a\nerror: forged"),
            ("a\r\tb", r"a\r\tb"),
            ("\u{1b}[31mred\u{1b}[0m", r"\x1b[31mred\x1b[0m"),
            ("bell\u{7}\u{7f}\0", r"bell\x07\x7f\x00"),
            ("C1 \u{9b}31m \u{85}", r"C1 \u{9b}31m \u{85}"),
            ("\u{202e}gpj.exe", r"\u{202e}gpj.exe"),
            ("a\u{2066}b\u{2069}c", r"a\u{2066}b\u{2069}c"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
            ("line\u{2028}and\u{2029}", r"line\u{2028}and\u{2029}"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
        ];
        for (text, shown) in table {
            assert_eq!(escaped(text), shown);
            assert_eq!(Shown(Path::new(text)).to_string(), shown);
            // Nothing is left to escape.
            assert!(matches!(escaped(shown), Cow::Borrowed(_)), "{shown}");
        }
    }

    #[test]
    fn lines_of_a_text_stay_lines() {
        assert_eq!(escaped_lines("a\nb\u{1b}c\r\n"), "a\nb\\x1bc\\r\n");
    }
}
