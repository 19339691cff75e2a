//! Foreign text in a table: the names of processors, engines and workloads are not ours.

use laptime_workload::escaped;

/// The text as one field of comma-separated values (RFC 4180), which no spreadsheet takes for a
/// formula.
pub(super) fn csv(text: &str) -> String {
    let mut field = escaped(text).into_owned();
    if is_formula(text) {
        field.insert(0, '\'');
    }
    if field.contains([',', '"', '\'']) {
        field = format!("\"{}\"", field.replace('"', "\"\""));
    }
    field
}

/// Whether a spreadsheet would compute the text. What is in quotes or behind blanks counts as well,
/// as readers may take these away; a number is one whatever its sign.
fn is_formula(text: &str) -> bool {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let signs = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    text.starts_with(['\t', '\r', '\n']) || bare.starts_with(signs) && text.parse::<f64>().is_err()
}

/// The text as a part of a paragraph or of a table's cell in Markdown, without meaning as markup.
pub(super) fn markdown(text: &str) -> String {
    let mut cell = String::new();
    let line = text.replace(['\n', '\r'], " ");
    for character in escaped(&line).chars() {
        match character {
            '&' => cell += "&amp;",
            '<' => cell += "&lt;",
            '>' => cell += "&gt;",
            '|' | '`' | '[' | ']' | '\\' | '*' | '_' | '~' => {
                cell.push('\\');
                cell.push(character);
            }
            _ => cell.push(character),
        }
    }
    cell
}

/// The text as a paragraph in Markdown: no heading, list, rule or table, however it begins.
pub(super) fn markdown_paragraph(text: &str) -> String {
    let text = markdown(text.trim_start());
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let is_list = digits > 0 && rest.starts_with(['.', ')']);
    if is_list || digits == 0 && rest.starts_with(['#', '+', '-', '=', ':']) {
        return format!("{number}\\{rest}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_csv_is_one_field_and_no_formula() {
        for (text, field) in [
            ("plain", "plain"),
            ("", ""),
            ("a, b", "\"a, b\""),
            ("the \"best\"", "\"the \"\"best\"\"\""),
            ("two\nlines", "two\\nlines"),
            ("\u{1b}[31m", "\\x1b[31m"),
            ("=1+1", "\"'=1+1\""),
            ("+cmd|' /C calc'!A0", "\"'+cmd|' /C calc'!A0\""),
            ("-2+3", "\"'-2+3\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("\"=1", "\"'\"\"=1\""),
            ("\t=1", "\"'\\t=1\""),
            ("\r=1", "\"'\\r=1\""),
            ("＝1", "\"'＝1\""),
            ("-0.5", "-0.5"),
            ("-1e-9", "-1e-9"),
            ("1.923", "1.923"),
            ("NaN", "NaN"),
            ("-inf", "-inf"),
            ("Xeon @ 2 GHz", "Xeon @ 2 GHz"),
        ] {
            assert_eq!(csv(text), field, "{text:?}");
        }
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        for (text, cell) in [
            ("Intel(R) Core(TM) i7", "Intel(R) Core(TM) i7"),
            ("1.000 (0.9 to 1.1)", "1.000 (0.9 to 1.1)"),
            ("a | b", "a \\| b"),
            ("a\\|b", "a\\\\\\|b"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
            ("`code`", "\\`code\\`"),
            ("![x](http://y)", "!\\[x\\](http://y)"),
            ("*b* _i_ ~s~", "\\*b\\* \\_i\\_ \\~s\\~"),
            ("a\n\n# b", "a  # b"),
            ("\u{202e}x", "\\\\u{202e}x"),
        ] {
            assert_eq!(markdown(text), cell, "{text:?}");
        }
    }

    #[test]
    fn a_paragraph_is_no_heading_list_or_rule() {
        for (text, paragraph) in [
            ("small-net · fp32", "small-net · fp32"),
            ("# x", "\\# x"),
            ("  - x", "\\- x"),
            ("+ x", "\\+ x"),
            ("* x", "\\* x"),
            ("> x", "&gt; x"),
            ("===", "\\==="),
            ("---", "\\---"),
            ("12. x", "12\\. x"),
            ("1) x", "1\\) x"),
            ("2026", "2026"),
            ("| x |", "\\| x \\|"),
        ] {
            assert_eq!(markdown_paragraph(text), paragraph, "{text:?}");
        }
    }
}
