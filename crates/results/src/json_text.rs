//! Values as the text of JSON, with nothing in it that a terminal obeys or hides.

use std::fmt::Write;

use laptime_workload::is_unseen;
use serde::Serialize;

/// A record or a sweep as JSON on one line, for where it is stored in something else.
pub fn one_line(value: &impl Serialize) -> String {
    escaped(&serde_json::to_string(value).expect("a record has only strings for keys"))
}

/// Indented, with a newline at its end.
pub fn indented(value: &(impl Serialize + ?Sized)) -> String {
    let text = serde_json::to_string_pretty(value).expect("a record has only strings for keys");
    escaped(&text) + "\n"
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // `serde_json` escapes those below U+0020; a terminal obeys or hides others too. Nothing in JSON
        // but strings has such characters.
        if character >= '\u{7f}' && is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, r"\u{unit:04x}").expect("a string takes any text");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_hides_is_escaped_and_reads_back() {
        let said = "a\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2028}\u{200b}\u{e0001}é 面\n";
        let json = indented(said);
        let escaped = r"a\u001b[2J\u007f\u009b31m\u202e\u2028\u200b\udb40\udc01é 面\n";
        assert_eq!(json, format!("\"{escaped}\"\n"));
        let read: String = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(read, said);
    }
}
