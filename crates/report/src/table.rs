//! Tables of numbers, and the folds that long ones lie behind.

use crate::html::Html;

/// A fold with a name.
pub fn fold(html: &mut Html, name: &str, inside: impl FnOnce(&mut Html)) {
    html.element("details", &[], |html| {
        html.line("summary", &[], name);
        inside(html);
    });
}

/// What scrolls by itself where it is too wide, with the keyboard too.
pub fn scrolled(html: &mut Html, name: &str, inside: impl FnOnce(&mut Html)) {
    let group = [
        ("class", "scroll"),
        ("tabindex", "0"),
        ("role", "group"),
        ("aria-label", name),
    ];
    html.element("div", &group, inside);
}

/// A table that scrolls. The first cell of a row is its head.
pub fn table(html: &mut Html, name: &str, heads: &[&str], rows: Vec<Vec<String>>) {
    scrolled(html, name, |html| {
        html.element("table", &[], |html| {
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for head in heads {
                        html.line("th", &[("scope", "col"), ("class", "num")], head);
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for row in rows {
                    html.element("tr", &[], |html| {
                        let mut cells = row.iter();
                        if let Some(first) = cells.next() {
                            html.line("th", &[("scope", "row"), ("class", "num")], first);
                        }
                        for cell in cells {
                            html.line("td", &[("class", "num")], cell);
                        }
                    });
                }
            });
        });
    });
}
