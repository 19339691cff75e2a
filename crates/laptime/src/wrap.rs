//! Lines that go on below themselves where a terminal is too narrow for them.

/// No terminal is narrower than that, whatever it says.
const FEWEST_COLUMNS: usize = 20;

/// A text whose lines have at most so many columns. What a line has behind a wide gap, as a name's
/// explanation, goes on below its beginning; other lines go on a little further right.
pub fn wrapped(text: &str, columns: usize) -> String {
    let columns = columns.max(FEWEST_COLUMNS);
    let mut all = String::new();
    for line in text.lines() {
        for line in lines(line, columns, below(line, columns)) {
            all += &line;
            all.push('\n');
        }
    }
    all
}

/// Where a line goes on.
fn below(line: &str, columns: usize) -> usize {
    let body = line.trim_start();
    let indent = line.len() - body.len();
    let gap = body.find("  ").map(|gap| {
        let behind = body[gap..].trim_start();
        indent + body[..body.len() - behind.len()].chars().count()
    });
    gap.filter(|&gap| gap <= columns / 2)
        .unwrap_or((indent + 2).min(columns / 2))
}

/// One line as several, of which all but the first begin at the column `below`. It is broken at spaces, and
/// within a word only where no line has room for that.
pub fn lines(line: &str, columns: usize, below: usize) -> Vec<String> {
    let body = line.trim_start();
    let mut current = " ".repeat(line.len() - body.len());
    let mut at = current.len();
    let mut all = Vec::new();
    let (mut spaces, mut is_first) = (0, true);
    for word in body.split(' ') {
        if word.is_empty() {
            spaces += 1;
            continue;
        }
        let length = word.chars().count();
        let is_moved = at + spaces + length > columns && below + length <= columns;
        if !is_first && is_moved {
            all.push(std::mem::replace(&mut current, " ".repeat(below)));
            at = below;
        } else if !is_first {
            current += &" ".repeat(spaces);
            at += spaces;
        }
        for character in word.chars() {
            if at >= columns {
                all.push(current.trim_end().to_owned());
                current = " ".repeat(below);
                at = below;
            }
            current.push(character);
            at += 1;
        }
        (spaces, is_first) = (1, false);
    }
    all.push(current);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_where_a_reader_looks_for_them() {
        for (text, expected) in [
            ("short\n", "short\n"),
            ("\n", "\n"),
            (
                "net   one two three four five\n",
                "net   one two three\n      four five\n",
            ),
            (
                "   a line that has no gap at all\n",
                "   a line that has\n     no gap at all\n",
            ),
            (
                "a_long_name_of_a_thing  one two\n",
                "a_long_name_of_a_thi\n  ng  one two\n",
            ),
            (
                "  10  b (10), m (10), v (10)\n",
                "  10  b (10), m\n      (10), v (10)\n",
            ),
            (
                "1.5 µs  a_name_longer_than_that + b\n",
                "1.5 µs  a_name_longe\n        r_than_that\n        + b\n",
            ),
        ] {
            assert_eq!(wrapped(text, 20), expected);
        }
        // However narrow.
        assert_eq!(wrapped("one two", 0), "one two\n");
    }
}
